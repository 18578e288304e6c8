"""What is done with a campaign: send, schedule, pause, resume, cancel, retry. All answer 202 with the campaign."""

from typing import Annotated

from pydantic import Field

from chalicelib.api.campaign_models import CampaignAnswer
from chalicelib.api.campaigns import CAMPAIGN_NOT_FOUND, WRONG_STATUS
from chalicelib.api.http.answers import Answer, accepted
from chalicelib.api.http.problems import ProblemType, field_errors
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Resource
from chalicelib.campaigns.lifecycle import (
    AudienceIsEmpty,
    CampaignNotFound,
    NothingToRetry,
    SendingDisabled,
    WrongStatus,
)
from chalicelib.campaigns.schedule import InvalidTime
from chalicelib.model.ids import CampaignId
from chalicelib.model.reasons import FailureReason
from chalicelib.scheduler import SchedulerUnavailable
from chalicelib.sqs import QueueUnavailable

_UNAVAILABLE = ProblemType(503, "unavailable", "The service cannot answer right now", headers={"Retry-After": "5"})

campaign_verbs = Resource(
    "sending",
    errors=CAMPAIGN_NOT_FOUND
    | WRONG_STATUS
    | {
        AudienceIsEmpty: ProblemType(
            422,
            "audience-is-empty",
            "Nobody would receive this campaign",
            lambda error: field_errors([("audience", "matches nobody")]),
        ),
        SendingDisabled: ProblemType(409, "sending-disabled", "The mail service lets no mail leave"),
        InvalidTime: ProblemType(
            422,
            "invalid-schedule",
            "The campaign cannot be scheduled for this time",
            lambda error: field_errors([(error.field, error.reason)]),
        ),
        NothingToRetry: ProblemType(409, "nothing-to-retry", "There is nothing to send again"),
        QueueUnavailable: _UNAVAILABLE,
        SchedulerUnavailable: _UNAVAILABLE,
    },
)


class ScheduleBody(RequestModel):
    at: Annotated[
        str,
        Field(
            description="Date and time on the clocks of `timezone`, without an offset: 2026-12-01T09:00. One that they "
            "show twice, when daylight saving ends, means the first; one that they skip is refused."
        ),
    ]
    timezone: Annotated[str, Field(max_length=64, description="IANA name of a time zone, such as Europe/Berlin.")]


class RetryBody(RequestModel):
    reasons: Annotated[
        list[FailureReason],
        Field(
            default_factory=list,
            description="Only what failed for one of these reasons. Without any: every reason but `outcome_unknown`, "
            "since such a mail may have been sent: its lead may get it a second time.",
        ),
    ]


@campaign_verbs.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/send",
    summary="Send a campaign now",
    answers={202: CampaignAnswer},
    raises=(CampaignNotFound, WrongStatus, AudienceIsEmpty, SendingDisabled, QueueUnavailable),
)
def send_campaign(call: Call, campaign_id: str) -> Answer:
    """The audience is taken at this moment; a schedule is dropped. Poll the campaign's `status` and its stats."""
    return accepted(CampaignAnswer.of(call.context.control.send_now(CampaignId(campaign_id), call.context.now())))


@campaign_verbs.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/schedule",
    summary="Send a campaign later",
    body=ScheduleBody,
    answers={202: CampaignAnswer},
    raises=(CampaignNotFound, WrongStatus, InvalidTime, SchedulerUnavailable),
)
def schedule_campaign(call: Call, campaign_id: str) -> Answer:
    """Takes the place of an earlier schedule. The audience is taken when the time has come.

    Should nobody match then, the mail service let no mail leave, or its turn come more than an hour late, the campaign
    is not sent: its status becomes `missed`, `status_reason` says why, and it may be sent or scheduled anew.
    """
    said = call.body(ScheduleBody)
    now = call.context.now()
    return accepted(
        CampaignAnswer.of(call.context.control.schedule(CampaignId(campaign_id), said.at, said.timezone, now))
    )


@campaign_verbs.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/unschedule",
    summary="Make a scheduled campaign a draft again",
    answers={202: CampaignAnswer},
    raises=(CampaignNotFound, WrongStatus),
)
def unschedule_campaign(call: Call, campaign_id: str) -> Answer:
    return accepted(CampaignAnswer.of(call.context.control.unschedule(CampaignId(campaign_id))))


@campaign_verbs.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/pause",
    summary="Pause a campaign",
    answers={202: CampaignAnswer},
    raises=(CampaignNotFound, WrongStatus),
)
def pause_campaign(call: Call, campaign_id: str) -> Answer:
    """Within a few seconds nothing more leaves; what was being sent at this moment is counted."""
    return accepted(CampaignAnswer.of(call.context.control.pause(CampaignId(campaign_id))))


@campaign_verbs.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/resume",
    summary="Resume a paused campaign",
    answers={202: CampaignAnswer},
    raises=(CampaignNotFound, WrongStatus, QueueUnavailable),
)
def resume_campaign(call: Call, campaign_id: str) -> Answer:
    """Goes on with those who have not had it; nobody gets it twice."""
    return accepted(CampaignAnswer.of(call.context.control.resume(CampaignId(campaign_id))))


@campaign_verbs.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/cancel",
    summary="Cancel a campaign for good",
    answers={202: CampaignAnswer},
    raises=(CampaignNotFound, WrongStatus),
)
def cancel_campaign(call: Call, campaign_id: str) -> Answer:
    """What has left stays counted, also its opens and clicks; those who were not sent to stay `pending`."""
    return accepted(CampaignAnswer.of(call.context.control.cancel(CampaignId(campaign_id))))


@campaign_verbs.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/retry-failed",
    summary="Send failed deliveries again",
    body=RetryBody,
    answers={202: CampaignAnswer},
    raises=(CampaignNotFound, WrongStatus, NothingToRetry, QueueUnavailable),
)
def retry_failed(call: Call, campaign_id: str) -> Answer:
    """Each at most once per request, to the lead as it is now. The campaign is `sending` until all have ended again.

    Deliveries that ended as `outcome_unknown` are sent again only when that reason is named.
    """
    reasons = call.body(RetryBody).reasons
    return accepted(CampaignAnswer.of(call.context.control.retry_failed(CampaignId(campaign_id), reasons)))
