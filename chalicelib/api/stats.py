"""What came of a campaign: its numbers, their course, its links, and how it compares."""

from zoneinfo import ZoneInfo

from chalicelib.analytics import recount
from chalicelib.analytics.comparison import compare
from chalicelib.analytics.stats import count_links, stats_of
from chalicelib.analytics.timing import series_of
from chalicelib.api.campaigns import CAMPAIGN_NOT_FOUND
from chalicelib.api.http.answers import Answer, accepted, ok
from chalicelib.api.http.problems import ProblemType
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.stats_models import (
    ComparisonAnswer,
    CountedAnswer,
    LinkAnswer,
    LinksAnswer,
    PointAnswer,
    RecountAnswer,
    SeriesAnswer,
    SeriesQuery,
    StatsAnswer,
    WaitingAnswer,
)
from chalicelib.campaigns.lifecycle import CampaignNotFound
from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.reasons import WaitReason
from chalicelib.sending.rate import Waiting, waiting_of
from chalicelib.store.rate import Rate


class RecountNotFound(Exception):
    """The campaign was never recounted."""


stats = Resource(
    "stats",
    errors=CAMPAIGN_NOT_FOUND
    | {RecountNotFound: ProblemType(404, "recount-not-found", "There is no recount of this campaign")},
)


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/stats",
    summary="Read a campaign's numbers",
    answers={200: StatsAnswer},
    raises=(CampaignNotFound,),
)
def get_stats(call: Call, campaign_id: str) -> Answer:
    """A few seconds behind the deliveries, hence `as_of`."""
    campaign = call.context.drafts.get_campaign(CampaignId(campaign_id))
    numbers = stats_of(
        call.context.plans.find_progress(campaign.campaign_id),
        call.context.counters.find(campaign.campaign_id).sums,
        call.context.now(),
        launched_at=campaign.launched_at,
        html_bytes=call.context.campaigns.find_launched(campaign.campaign_id).html_bytes,
    )
    answer = StatsAnswer.model_validate(numbers)
    if answer.pending and campaign.status in (CampaignStatus.PLANNING, CampaignStatus.SENDING):
        account = Rate(call.context.dynamodb, call.context.settings.campaigns_table).find_account()
        waiting = waiting_of(account, call.context.now()) if account else None
        if waiting is None and campaign.waiting is not None and campaign.waiting.reason is not None:
            waiting = Waiting(WaitReason(campaign.waiting.reason), campaign.waiting.until)
        answer.waiting = WaitingAnswer.of(waiting) if waiting else None
    return ok(answer)


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/series",
    summary="Read a campaign's opens and clicks over time",
    query=SeriesQuery,
    answers={200: SeriesAnswer},
    raises=(CampaignNotFound,),
)
def get_series(call: Call, campaign_id: str) -> Answer:
    """Per hour or day, from the first to the last with nothing left out; empty while nothing has happened."""
    query = call.query(SeriesQuery)
    campaign = call.context.drafts.get_campaign(CampaignId(campaign_id))
    series = series_of(call.context.counters.find(campaign.campaign_id).sums, query.by, ZoneInfo(query.timezone))
    return ok(
        SeriesAnswer(
            by=query.by,
            timezone=query.timezone,
            items=[PointAnswer.model_validate(point) for point in series.points],
            later=CountedAnswer.model_validate(series.later),
            as_of=call.context.now(),
        )
    )


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/comparison",
    summary="Compare a campaign with its sender's last ten",
    answers={200: ComparisonAnswer},
    raises=(CampaignNotFound,),
)
def get_comparison(call: Call, campaign_id: str) -> Answer:
    """Sent campaigns from the same address, launched before this one, among the 300 newest of all."""
    campaign = call.context.drafts.get_campaign(CampaignId(campaign_id))
    sums = call.context.counters.find(campaign.campaign_id).sums
    comparison = compare(campaign, sums, call.context.now(), call.context.campaigns, call.context.counters)
    return ok(ComparisonAnswer.model_validate(comparison))


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/links",
    summary="List a campaign's tracked links with their clicks",
    answers={200: LinksAnswer},
    raises=(CampaignNotFound,),
)
def list_links(call: Call, campaign_id: str) -> Answer:
    """In the order of the mail; none before launch. A person's clicks on two links count on both."""
    campaign = call.context.drafts.get_campaign(CampaignId(campaign_id))
    links = call.context.campaigns.find_launched(campaign.campaign_id).links
    counted = count_links(links, call.context.counters.find(campaign.campaign_id).sums)
    return ok(LinksAnswer(items=[LinkAnswer.model_validate(link) for link in counted]))


@stats.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/recount",
    summary="Count a campaign's deliveries anew",
    answers={202: RecountAnswer},
    raises=(CampaignNotFound,),
)
def begin_recount(call: Call, campaign_id: str) -> Answer:
    """Compares the numbers with the deliveries themselves and puts them right, in the background.

    `GET` of the same address says how far it is. Asking again while it runs resumes it, after an hour it begins anew.
    Of a small campaign it takes some fifteen seconds; where hits come in fast it is tried for 80 minutes, and then
    given up.
    """
    context = call.context
    campaign = context.drafts.get_campaign(CampaignId(campaign_id))
    job = recount.begin_recount(
        campaign.campaign_id, context.now(), context.recounts, context.plans, context.plan_queue
    )
    return accepted(RecountAnswer.model_validate(job))


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/recount",
    summary="Read how far a campaign's recount is",
    answers={200: RecountAnswer},
    raises=(CampaignNotFound, RecountNotFound),
)
def get_recount(call: Call, campaign_id: str) -> Answer:
    """The last one that was asked for; 404 where none was."""
    campaign = call.context.drafts.get_campaign(CampaignId(campaign_id))
    job = call.context.recounts.find(campaign.campaign_id)
    if job is None:
        raise RecountNotFound("It was never recounted.")
    return ok(RecountAnswer.model_validate(job))
