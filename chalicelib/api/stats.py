"""A campaign's results: stats, series, links, comparison, link scanners. The numbers are made in analytics/."""

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainSerializer, WithJsonSchema, field_validator

from chalicelib.analytics.comparison import Verdict, compare
from chalicelib.analytics.link_scanners import link_scanner_advice
from chalicelib.analytics.stats import count_links, stats_of
from chalicelib.analytics.timing import By, series_of
from chalicelib.api.campaigns import LaunchedProof
from chalicelib.api.http.answers import AnswerModel, Moment, Overlaid
from chalicelib.api.http.paging import Page
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.model.campaign import Campaign
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import GOING
from chalicelib.model.reasons import WaitReason
from chalicelib.model.times import zone_from
from chalicelib.sending.rate import Waiting, waiting_of

stats = Resource("stats", "/v1/campaigns/{campaign_id}")


class RateAnswer(AnswerModel):
    """A share from 0 to 1 of `of` deliveries, with its 95 % interval (Wilson)."""

    value: float
    low: float
    high: float
    of: int


class FailureAnswer(AnswerModel):
    reason: str
    count: int


class KeptOutAnswer(AnswerModel):
    reason: str
    clicks: int = Field(description="Links that only machines followed, summed over the leads.")
    name: str = Field(description="Who followed them, in words.")
    meaning: str


class AdviceAnswer(AnswerModel):
    code: str
    severity: Literal["info", "notice", "warning"]
    text: str
    figure: float = Field(description="The rate, count, bytes or hours behind the text.")


class FunnelStepAnswer(AnswerModel):
    step: Literal["sent", "delivered", "opened", "clicked"]
    count: int | None = Field(description="Null: not known.")
    of_sent: RateAnswer | None = Field(description="Opened, clicked: of those sent with tracking.")
    of_previous: RateAnswer | None = Field(description="Of the step before; of clicked: who opened as well.")


class TimeToOpenAnswer(AnswerModel):
    """Seconds from sending to a person's first open, each at most 9.1 % off."""

    lower_quartile_seconds: int
    median_seconds: int
    upper_quartile_seconds: int
    of: int = Field(description="Leads who opened themselves.")


class WaitingAnswer(AnswerModel):
    """Why pending mails wait; it ends by itself."""

    reason: WaitReason
    resumes_about: Moment
    text: str = Field(description="The reason in words.")


class NumbersAnswer(AnswerModel):
    """Total = sent + failed + skipped + pending. Opened and clicked count leads, not loads."""

    total: int = Field(description="The audience's size at send time; final when total_is_final.")
    total_is_final: bool
    sent: int = Field(description="Accepted by the mail service, not necessarily delivered.")
    failed: int
    opened: int = Field(description="Leads whose pixel was loaded, by a person or a machine.")
    clicked: int = Field(description="Leads who clicked at least one link themselves.")
    skipped: int = Field(
        description="Leads who unsubscribed, or whose address was suppressed, between planning and sending."
    )
    pending: int


class StatsAnswer(NumbersAnswer):
    """A campaign's numbers, and what must be told apart from them."""

    planned_share: float = Field(description="How much of the audience is planned, from 0 to 1.")
    waiting: WaitingAnswer | None = Field(default=None, description="Null: pending mails do not wait for anything.")
    proof: LaunchedProof = None
    opened_machine_only: int
    clicked_machine_only: int
    clicked_without_open: int
    delivered: int = Field(description="Accepted by the recipient's server, and not bounced permanently.")
    bounced: int = Field(description="Permanent bounces: these addresses are not mailed again.")
    bounced_soft: int = Field(description="Temporary bounces.")
    complained: int
    unsubscribed: int
    untracked: int = Field(description="Recipients without tracking, who never count as opened or clicked.")
    anonymous: int = Field(description="Recipients whose opens and clicks are counted anonymously.")
    rates: dict[str, RateAnswer | None]
    funnel: list[FunnelStepAnswer]
    time_to_open: TimeToOpenAnswer | None
    failures: list[FailureAnswer]
    kept_out: list[KeptOutAnswer] | None = Field(
        description="Clicks not in clicked, by reason; null: some were counted without reasons or by another burst "
        "rule, until a recount."
    )
    advice: list[AdviceAnswer]
    recount_due: bool = Field(description="Some changes came too late to be counted; a recount adds them.")
    as_of: Moment


class SeriesQuery(RequestModel):
    by: By = Field(default="day", description="Length of a point.")
    timezone: str = Field(
        default="UTC", max_length=64, description="IANA name of the time zone of days and hours, e.g. Europe/Berlin."
    )

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        zone_from(name)
        return name


LocalMoment = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class PointAnswer(AnswerModel):
    at: LocalMoment = Field(description="Start of the hour or day: local time with its offset.")
    opened: int
    clicked: int


class CountedAnswer(AnswerModel):
    opened: int
    clicked: int


class SeriesAnswer(AnswerModel):
    """Each lead's first open and first click, once. Items and `later` add up to opened and clicked."""

    by: By
    timezone: str
    items: list[PointAnswer]
    cursor: None = None
    later: CountedAnswer = Field(description="What happened after the last item: at most 2,208 are listed.")
    as_of: Moment


class LinkAnswer(AnswerModel):
    link: str
    url: str
    text: str
    position: int = Field(description="1 for the first tracked link of the mail.")
    line: int = Field(description="Its line in the HTML as written, from 1.")
    column: int
    clicked: int
    clicked_machine_only: int
    rate: RateAnswer | None = Field(description="Clicked, of the leads who were sent the mail with tracking.")


class LinksAnswer(AnswerModel):
    items: list[LinkAnswer]
    cursor: None = None


class ComparedRateAnswer(AnswerModel):
    value: RateAnswer | None
    median: float | None = Field(description="Of the sender's campaigns; null for fewer than three.")
    verdict: Verdict | None = Field(description="usual: the difference may be due to chance.")


class ComparedCampaignAnswer(AnswerModel):
    campaign_id: str
    title: str
    launched_at: Moment
    sent: int
    opened: float
    clicked: float
    failed: float


class ComparisonAnswer(AnswerModel):
    """Beside the sender's last ten campaigns, each as it stood when it was as old as this one is now."""

    age_hours: float | None
    opened: ComparedRateAnswer
    clicked: ComparedRateAnswer
    failed: ComparedRateAnswer
    campaigns: list[ComparedCampaignAnswer]


@Operation(stats, "GET", "/stats", StatsAnswer)
def get_stats(call: Call, campaign_id: CampaignId) -> object:
    """Read a campaign's numbers.

    The numbers are a few seconds behind the deliveries; `as_of` says how old they are.
    """
    campaign = call.context.campaigns.get(campaign_id)
    launched = call.context.campaigns.find_launched(campaign)
    numbers = stats_of(
        call.context.plans.find_progress(campaign.campaign_id),
        call.context.counters.find(campaign.campaign_id).sums,
        call.context.now(),
        launched_at=campaign.launched_at,
        html_bytes=launched.html_bytes,
    )
    waiting = _waiting(call, campaign) if numbers.pending and campaign.status in GOING else None
    return Overlaid(numbers, proof=launched.proof, waiting=waiting and Overlaid(waiting, resumes_about=waiting.until))


def _waiting(call: Call, campaign: Campaign) -> Waiting | None:
    """What keeps a campaign's pending mails back: the whole account's reason, or its own."""
    account = call.context.rate.find_account()
    waiting = waiting_of(account, call.context.now()) if account else None
    if waiting is None and campaign.waiting is not None and campaign.waiting.reason is not None:
        return Waiting(WaitReason(campaign.waiting.reason), campaign.waiting.until)
    return waiting


@Operation(stats, "GET", "/series", SeriesAnswer, query=SeriesQuery)
def get_series(call: Call, campaign_id: CampaignId) -> object:
    """Read a campaign's opens and clicks over time.

    Per hour or day, from the first to the last without gaps; empty while nothing has happened.
    """
    query = call.query(SeriesQuery)
    campaign = call.context.campaigns.get(campaign_id)
    series = series_of(call.context.counters.find(campaign.campaign_id).sums, query.by, ZoneInfo(query.timezone))
    return {**dict(query), "items": series.points, "later": series.later, "as_of": call.context.now()}


@Operation(stats, "GET", "/comparison", ComparisonAnswer)
def get_comparison(call: Call, campaign_id: CampaignId) -> object:
    """Compare a campaign with its sender's last ten.

    Sent campaigns from the same address, launched before this one, among the 300 newest of all.
    """
    campaign = call.context.campaigns.get(campaign_id)
    sums = call.context.counters.find(campaign.campaign_id).sums
    return compare(campaign, sums, call.context.now(), call.context.campaigns, call.context.counters)


@Operation(stats, "GET", "/links", LinksAnswer)
def list_links(call: Call, campaign_id: CampaignId) -> object:
    """List a campaign's tracked links with their clicks.

    In the order of the mail; before launch, those that would be tracked. A person who clicks two links counts for both.
    """
    links = call.context.drafts.links(campaign_id)
    return {"items": count_links(links, call.context.counters.find(campaign_id).sums)}


@Operation(stats, "GET", "/link-scanners", Page[AdviceAnswer])
def list_link_scanner_advice(call: Call, campaign_id: CampaignId) -> object:
    """Look for link scanners among those who clicked a campaign.

    Names domains whose leads clicked sooner after delivery than people do, from ten minutes after delivery on. This is
    advice: `clicked` still includes these clicks. Reads the deliveries themselves, of a large campaign a random part,
    so ask when somebody wants to know, and not every few seconds.
    """
    campaign = call.context.campaigns.get(campaign_id)
    sums = call.context.counters.find(campaign.campaign_id).sums
    advice = link_scanner_advice(campaign, sums, call.context.deliveries, call.context.now())
    return {"items": advice, "cursor": None}
