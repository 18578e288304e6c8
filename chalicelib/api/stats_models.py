"""What the operations on a campaign's numbers take and answer. Types only: the numbers are made in analytics/."""

from datetime import datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema, field_validator

from chalicelib.analytics.comparison import Verdict
from chalicelib.analytics.timing import By
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.lead_models import Moment
from chalicelib.model.reasons import WaitReason
from chalicelib.sending.rate import Waiting
from chalicelib.store.recounts import RecountState


class FromDomain(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class RateAnswer(FromDomain):
    """A share from 0 to 1 of `of` deliveries, with its 95 % interval (Wilson)."""

    value: float
    low: float
    high: float
    of: int


class FailureAnswer(FromDomain):
    reason: str
    count: int


class AdviceAnswer(FromDomain):
    code: str
    severity: Literal["info", "notice", "warning"]
    text: str
    figure: Annotated[float, Field(description="The rate, count, bytes or hours that the text rests on.")]


class FunnelStepAnswer(FromDomain):
    step: Literal["sent", "delivered", "opened", "clicked"]
    count: Annotated[int | None, Field(description="Null: not known.")]
    of_sent: Annotated[RateAnswer | None, Field(description="Opened, clicked: of those sent with tracking.")]
    of_previous: Annotated[RateAnswer | None, Field(description="Of the step before; of clicked: who opened as well.")]


class TimeToOpenAnswer(FromDomain):
    """Seconds from sending to a person's first open, each at most 9.1 % off."""

    lower_quartile_seconds: int
    median_seconds: int
    upper_quartile_seconds: int
    of: Annotated[int, Field(description="Leads who opened themselves.")]


class WaitingAnswer(FromDomain):
    """What keeps pending mails from leaving; it ends by itself."""

    reason: WaitReason
    resumes_about: Moment
    text: Annotated[str, Field(description="The same in words, times in UTC.")]

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        what = _WAITING_FOR.get(waiting.reason, "the mail service")
        text = f"Waiting for {what}, resumes about {waiting.until:%d %B, %H:%M} UTC."
        return cls(reason=waiting.reason, resumes_about=waiting.until, text=text)


_WAITING_FOR = {
    WaitReason.QUOTA: "the sending quota",
    WaitReason.RATE: "the mail service, which takes no more mails at the moment",
}


class StatsAnswer(FromDomain):
    """Total = sent + failed + skipped + pending. Opened and clicked count leads, not loads."""

    total: Annotated[int, Field(description="The audience's size at send time; final when total_is_final.")]
    total_is_final: bool
    planned_share: Annotated[float, Field(description="How much of the audience was looked through, from 0 to 1.")]
    waiting: Annotated[WaitingAnswer | None, Field(description="Null: nothing keeps pending mails from leaving.")] = (
        None
    )
    sent: Annotated[int, Field(description="Accepted by the mail service, which is not yet delivered.")]
    failed: int
    opened: Annotated[int, Field(description="Leads whose pixel was loaded, by a person or a machine.")]
    clicked: Annotated[int, Field(description="Leads who clicked at least one link themselves.")]
    skipped: Annotated[
        int, Field(description="Leads who left, or whose address was suppressed, between planning and sending.")
    ]
    pending: int
    opened_machine_only: int
    clicked_machine_only: int
    clicked_without_open: int
    delivered: Annotated[int, Field(description="Taken by the recipient's server, and not come back for good.")]
    bounced: Annotated[int, Field(description="Came back for good: these addresses are not mailed again.")]
    bounced_soft: Annotated[int, Field(description="Came back for a reason that may pass.")]
    complained: int
    unsubscribed: int
    untracked: Annotated[int, Field(description="Recipients not tracked: opened and clicked say nothing of them.")]
    anonymous: Annotated[int, Field(description="Recipients whose opens and clicks are counted, but not named.")]
    rates: dict[str, RateAnswer | None]
    funnel: list[FunnelStepAnswer]
    time_to_open: TimeToOpenAnswer | None
    failures: list[FailureAnswer]
    advice: list[AdviceAnswer]
    recount_due: Annotated[bool, Field(description="Changes came too late to be counted; a recount finds them.")]
    as_of: Moment


class SeriesQuery(RequestModel):
    by: Annotated[By, Field(description="How long a point is.")] = "day"
    timezone: Annotated[
        str, Field(max_length=64, description="IANA name of the zone whose days and clock to use, e.g. Europe/Berlin.")
    ] = "UTC"

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not the IANA name of a time zone") from None
        return name


LocalMoment = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class PointAnswer(FromDomain):
    at: Annotated[LocalMoment, Field(description="Where the hour or day begins: local time with its offset.")]
    opened: int
    clicked: int


class CountedAnswer(FromDomain):
    opened: int
    clicked: int


class SeriesAnswer(BaseModel):
    """Each lead's first open and first click, once. Items and `later` add up to opened and clicked."""

    by: By
    timezone: str
    items: list[PointAnswer]
    cursor: None = None
    later: Annotated[CountedAnswer, Field(description="What came after the last item: at most 2,208 are listed.")]
    as_of: Moment


class LinkAnswer(FromDomain):
    link: str
    url: str
    text: str
    position: Annotated[int, Field(description="1 for the first tracked link of the mail.")]
    line: Annotated[int, Field(description="Where it stands in the HTML as written, from 1.")]
    column: int
    clicked: int
    clicked_machine_only: int
    rate: Annotated[
        RateAnswer | None, Field(description="Clicked, of the leads that the mail was sent to with tracking.")
    ]


class LinksAnswer(BaseModel):
    items: list[LinkAnswer]
    cursor: None = None


class ComparedRateAnswer(FromDomain):
    value: RateAnswer | None
    median: Annotated[float | None, Field(description="Of the sender's campaigns; null for fewer than three.")]
    verdict: Annotated[Verdict | None, Field(description="usual: the difference may be chance.")]


class ComparedCampaignAnswer(FromDomain):
    campaign_id: str
    title: str
    launched_at: Moment
    sent: int
    opened: float
    clicked: float
    failed: float


class ComparisonAnswer(FromDomain):
    """Beside the sender's last ten campaigns, each as it stood when it was as old as this one is now."""

    age_hours: float | None
    opened: ComparedRateAnswer
    clicked: ComparedRateAnswer
    failed: ComparedRateAnswer
    campaigns: list[ComparedCampaignAnswer]


class RecountAnswer(FromDomain):
    """A campaign's last recount."""

    state: Annotated[RecountState, Field(description="given_up: hits kept coming in; the numbers are as before.")]
    progress: Annotated[float, Field(description="How much of the campaign is counted, from 0 to 1.")]
    asked_at: Moment
    finished_at: Moment | None
    repaired: Annotated[bool | None, Field(description="Whether any number was wrong; null until it is done.")]
    before: Annotated[dict[str, int] | None, Field(description="The totals that it found; null until it is done.")]
    after: Annotated[dict[str, int] | None, Field(description="The totals that it left; null until it is done.")]
