"""When a campaign is sent that is scheduled: from a local time to a moment, and what is too late.

The moment is fixed when the campaign is scheduled, by this machine's time zone database, and the scheduler is told it
in UTC: what the campaign shows and when it fires cannot differ (docs/decisions/0032).
"""

import re
from datetime import UTC, datetime, timedelta

from chalicelib.campaigns.account import Hindrance, SendingAccount
from chalicelib.crm.audience import Audiences
from chalicelib.model.campaign import Campaign
from chalicelib.model.errors import Fault, InvalidFields
from chalicelib.model.times import zone_from
from chalicelib.scheduler import SchedulerUnavailable, Schedules
from chalicelib.telemetry import logger

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")
YEARS_AHEAD = 10
"""A year farther ahead is a typing mistake."""
LATE = timedelta(hours=1)
"""A schedule that fires later than this does not send: the marketer is asked."""


class InvalidTime(InvalidFields, problem="invalid-schedule", title="The campaign cannot be scheduled for this time"):
    """A field of the schedule is wrong."""


def moment_of(local: str, timezone: str, now: datetime) -> datetime:
    """The moment, in UTC, at which clocks in `timezone` (an IANA name) show `local` (2026-12-01T09:00 or with seconds).

    Where clocks are set back and show it twice, the first time. Raises InvalidTime for an unknown zone, another form, a
    time that clocks set forward skip, and one that is not within the next ten years.
    """
    try:
        zone = zone_from(timezone)
    except ValueError as error:
        raise InvalidTime([Fault("timezone", str(error))]) from None
    said = _read(local)
    if said.year > now.year + YEARS_AHEAD:
        raise InvalidTime([Fault("at", f"must lie within {YEARS_AHEAD} years")])
    there = now.astimezone(zone)
    past = InvalidTime([Fault("at", f"is in the past: it is {there.day} {there:%B %Y, %H:%M} in {timezone}")])
    if said.year < now.year - 1:
        raise past  # and datetime may not be able to hold it in UTC
    moment = said.replace(tzinfo=zone, fold=0).astimezone(UTC)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    if shown != said:
        forward = f"clocks are set forward over it there, {shown:%H:%M} comes in its place"
        raise InvalidTime([Fault("at", f"does not exist in {timezone}: {forward}")])
    if moment <= now:
        raise past
    return moment


def _read(local: str) -> datetime:
    if _FORM.fullmatch(local):
        try:
            return datetime.fromisoformat(local)
        except ValueError:
            raise InvalidTime([Fault("at", "is not a date and time that the calendar has")]) from None
    raise InvalidTime(
        [Fault("at", "must be a date and time without an offset, such as 2026-12-01T09:00; timezone says whose")]
    )


def forget_schedule(schedules: Schedules, campaign: Campaign) -> None:
    """Delete the schedule that counted. If that fails, it fires and does nothing: no reason to refuse a marketer."""
    if campaign.schedule is None:
        return
    try:
        schedules.delete(campaign.campaign_id, campaign.schedule.schedule_id)
    except SchedulerUnavailable:
        logger().warning("schedule_left_behind", exc_info=True, extra={"campaign_id": campaign.campaign_id})


def why_missed(campaign: Campaign, audiences: Audiences, account: SendingAccount, now: datetime) -> str | None:
    """Why a campaign whose time has come is not sent, in a sentence for the marketer; None if it is."""
    if campaign.schedule is None:
        return None
    local = datetime.fromisoformat(campaign.schedule.local)
    said = f"It was scheduled for {local.day} {local:%B %Y, %H:%M} ({campaign.schedule.timezone})"
    late = now - campaign.schedule.at
    if late > LATE:
        hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
        return f"{said}, but would have started {hours} h {minutes:02} min late, so it was not sent."
    if audiences.is_empty(campaign.audience):
        return f"{said}, but had no recipients at that time."
    state = account.state()
    if state is not None and state.hindrance is Hindrance.SENDING_DISABLED:
        return f"{said}. {Hindrance.SENDING_DISABLED.value}"
    return None
