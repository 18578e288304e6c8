"""Whether link scanners are among those who clicked a campaign: judged by domain, in analytics/link_scanners.py."""

from typing import Annotated

from pydantic import Field

from chalicelib.analytics.link_scanners import look_for_link_scanners
from chalicelib.api.http.answers import AnswerModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.stats import AdviceAnswer, RateAnswer
from chalicelib.model.ids import CampaignId

link_scanners = Resource("link-scanners", "/v1/campaigns/{campaign_id}")


class SuspectedDomainAnswer(AnswerModel):
    domain: str
    clicked: Annotated[int, Field(description="Leads of this domain who clicked; at least ten.")]
    soon: Annotated[int, Field(description="Those whose every click came within 60 s of delivery.")]
    share: RateAnswer


class WithoutScannersAnswer(AnswerModel):
    clicked: int
    rate: RateAnswer


class LinkScannersAnswer(AnswerModel):
    """Advice, not a verdict: clicked still includes these clicks."""

    looked_at: Annotated[int, Field(description="Leads who clicked, as far as they were looked at; 0: anonymous.")]
    clicked: int
    is_complete: Annotated[bool, Field(description="Whether all who clicked were looked at.")]
    domains: Annotated[list[SuspectedDomainAnswer], Field(description="Those with the most such clicks first.")]
    without: Annotated[
        WithoutScannersAnswer | None, Field(description="Clicked and its rate without them; null: no domain.")
    ]
    advice: list[AdviceAnswer]


@Operation(link_scanners, "GET", "/link-scanners", LinkScannersAnswer)
def get_link_scanners(call: Call, campaign_id: CampaignId) -> object:
    """Look for link scanners among those who clicked a campaign.

    Domains whose leads clicked sooner after delivery than people do. Reads the clicks themselves, of a large campaign a
    random part, so ask when somebody wants to know, and not every few seconds.
    """
    campaign = call.context.drafts.get_campaign(campaign_id)
    sums = call.context.counters.find(campaign.campaign_id).sums
    return look_for_link_scanners(campaign, sums, call.context.deliveries)
