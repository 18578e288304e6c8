"""Moves of a campaign: send, schedule, pause, resume, cancel, retry. All answer 202 with the campaign."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from chalicelib.api.campaigns import CampaignAnswer
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, H, Operation, Resource
from chalicelib.campaigns.completeness import Incomplete
from chalicelib.campaigns.control import AudienceIsEmpty, NothingToRetry, SendingDisabled
from chalicelib.campaigns.schedule import InvalidTime
from chalicelib.campaigns.sender_findings import BulkSenderRulesNotMet, SenderNotVerified
from chalicelib.content.errors import ContentInvalid, NotProven
from chalicelib.model.campaign import Campaign
from chalicelib.model.errors import Conflict, LeadflipError
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import WrongStatus
from chalicelib.model.reasons import FailureReason
from chalicelib.scheduler import SchedulerUnavailable
from chalicelib.sqs import QueueUnavailable

campaign_moves = Resource("sending", "/v1/campaigns/{campaign_id}")


class SendBody(RequestModel):
    proof: Literal["waived"] | None = Field(
        default=None,
        description="`waived`: send what the check could not confirm (409 `not-proven`) as well. Kept on the "
        "campaign only if it was needed, until the content is changed or unscheduled. Needs `version`.",
    )
    bulk_sender_rules: Literal["waived"] | None = Field(
        default=None,
        description="`waived`: send what large mail services refuse from bulk senders (409 "
        "`bulk-sender-rules-not-met`) as well. Needs `version`.",
    )
    version: int | None = Field(
        default=None,
        ge=1,
        validate_default=True,
        description="The version to send; refused with 409 when the campaign has changed since. Absent: any.",
    )

    @field_validator("version")
    @classmethod
    def _is_named_by_a_waiver(cls, version: int | None, said: ValidationInfo) -> int | None:
        waived = next((name for name, value in said.data.items() if value == "waived"), None)
        if version is None and waived:
            raise ValueError(f'is required with "{waived}": "waived"')
        return version

    @property
    def waived(self) -> list[str]:
        return [name for name, value in self if value == "waived"]


class ScheduleBody(SendBody):
    at: str = Field(
        description="Local date and time in `timezone`, without an offset: 2026-12-01T09:00. When daylight saving "
        "ends and a time comes twice, the first is meant; a time that is skipped is refused."
    )
    timezone: str = Field(max_length=64, description="IANA name of a time zone, such as Europe/Berlin.")


class RetryBody(RequestModel):
    reasons: list[FailureReason] = Field(
        default_factory=list,
        description="Only deliveries that failed for one of these reasons. Without any: every reason but "
        "`outcome_unknown`, since that mail may have been sent and the lead may get it twice.",
    )


_UNSENDABLE = (Incomplete, ContentInvalid, NotProven, SenderNotVerified, BulkSenderRulesNotMet)


def _move(name: str, *errors: type[LeadflipError], body: type[RequestModel] | None = None) -> Callable[[H], H]:
    """Declare a move and what it may raise besides WrongStatus."""
    raises: list[type[LeadflipError]] = [WrongStatus, *errors]
    return Operation(campaign_moves, "POST", f"/{name}", CampaignAnswer, status=202, body=body, raises=raises)


@_move("send", *_UNSENDABLE, AudienceIsEmpty, SendingDisabled, Conflict, QueueUnavailable, body=SendBody)
def send_campaign(call: Call, campaign_id: CampaignId) -> Campaign:
    """Send a campaign now.

    The audience is evaluated now; a schedule is cancelled. Poll the campaign's `status` and its stats.

    The mail is checked first: as browsers read it, it must differ from what was written in links, merge values, footer
    and pixel alone. Otherwise it is refused as `not-proven`, with places, and nothing changes. It is checked again
    before the first mail leaves; if that fails, the campaign is a draft (or `missed`) again, with `status_reason`.

    A From address that Amazon SES has not verified is refused as `sender-not-verified`.
    Above 5,000 mails in 24 hours, a mail that does not pass DMARC or lacks the postal address is refused as
    `bulk-sender-rules-not-met`. What does not answer (Amazon SES, DNS) refuses nothing.
    """
    said, now = call.body(SendBody), call.context.now()
    return call.context.control.send_now(campaign_id, now, version=said.version, waived=said.waived)


@_move("schedule", *_UNSENDABLE, InvalidTime, Conflict, SchedulerUnavailable, body=ScheduleBody)
def schedule_campaign(call: Call, campaign_id: CampaignId) -> Campaign:
    """Send a campaign later.

    Replaces an earlier schedule. The audience is evaluated when the time comes. The mail is checked now, as by `send`,
    and again when it is sent, but for the rules for bulk senders: they are checked now, with the audience of now.

    If nobody matches then, the mail service sends nothing, or the schedule fires more than an hour late, the campaign
    is not sent: its status becomes `missed`, `status_reason` says why, and it can be sent or scheduled again.
    """
    said, now = call.body(ScheduleBody), call.context.now()
    return call.context.control.schedule(
        campaign_id, said.at, said.timezone, now, version=said.version, waived=said.waived
    )


@_move("unschedule")
def unschedule_campaign(call: Call, campaign_id: CampaignId) -> Campaign:
    """Make a scheduled campaign a draft again."""
    return call.context.control.unschedule(campaign_id)


@_move("pause")
def pause_campaign(call: Call, campaign_id: CampaignId) -> Campaign:
    """Pause a campaign.

    Sending stops within a few seconds; mails that leave until then are counted.
    """
    return call.context.control.pause(campaign_id)


@_move("resume", QueueUnavailable)
def resume_campaign(call: Call, campaign_id: CampaignId) -> Campaign:
    """Resume a paused campaign.

    Sends to the leads that have not had it; nobody gets it twice.
    """
    return call.context.control.resume(campaign_id)


@_move("cancel")
def cancel_campaign(call: Call, campaign_id: CampaignId) -> Campaign:
    """Cancel a campaign for good.

    Mails that were sent stay counted, with their opens and clicks; the other deliveries stay `pending`.
    """
    return call.context.control.cancel(campaign_id)


@_move("retry-failed", NothingToRetry, QueueUnavailable, body=RetryBody)
def retry_failed(call: Call, campaign_id: CampaignId) -> Campaign:
    """Send failed deliveries again.

    Each at most once per request, to the lead as it is now. The campaign is `sending` until all have finished.

    Deliveries that ended as `outcome_unknown` are sent again only when that reason is named.
    """
    return call.context.control.retry_failed(campaign_id, call.body(RetryBody).reasons)
