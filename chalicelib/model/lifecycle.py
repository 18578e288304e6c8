"""A campaign's life: every move of its status, who may make it, and what must hold.

             ┌────── unschedule ──────┐
             v                        │
create ──> draft ── schedule ──> scheduled ── miss ──> missed     schedule, unschedule: from missed as well
             │                        │                   │
             └───────── send ─────────┼─ fire ────────────┘
                                      v
                                  planning ── start_sending ──> sending ── finish ──> sent
                                      │                            │  ^                 │
                                      │                            │  └───── retry ─────┘
                                      └────── pause, protect ──────┤
                                                                   v
                                                                 paused ── resume ──> planning or sending

revert: from planning back to draft, scheduled or missed, where nothing was launched after all
cancel: from scheduled, missed, planning, sending and paused to cancelled, for good
delete: a draft, or what is scheduled or missed
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, StrEnum

from chalicelib.model.campaign import Campaign
from chalicelib.model.campaign import CampaignStatus as Status
from chalicelib.model.errors import Conflict, Conflicting

UNSENT = (Status.DRAFT, Status.SCHEDULED, Status.MISSED)
"""Nothing was sent, and nothing is being sent."""
GOING = (Status.PLANNING, Status.SENDING)
LAUNCHED = (*GOING, Status.PAUSED, Status.SENT, Status.CANCELLED)
"""Its mails have left or are leaving."""


class WrongStatus(Conflicting, problem="wrong-status", title="The campaign's status does not allow this"):
    """The campaign's status does not allow what was asked for."""


def require_status(campaign: Campaign, allowed: Collection[Status], done: str) -> None:
    """`done` is what cannot be done in another status: "paused". Raises WrongStatus."""
    if campaign.status not in allowed:
        which = " or ".join(map(_words, allowed))
        raise WrongStatus(f"The campaign is {_words(campaign.status)}; it can be {done} only while it is {which}.")


def _words(status: Status) -> str:
    words = {Status.DRAFT: "a draft", Status.PLANNING: "being prepared", Status.SENDING: "being sent"}
    return words.get(status, status.value)


def require_version(campaign: Campaign, version: int | None) -> None:
    """`version`: what the request was made from, None for any. Raises Conflict."""
    if version not in (None, campaign.version):
        newer = f"You have version {version}, it is at version {campaign.version}"
        raise Conflict(f"The campaign was changed meanwhile. {newer}: read it again.")


class Who(StrEnum):
    """Who may make a move."""

    MARKETER = "marketer"
    SCHEDULE = "schedule"
    """Its time has come."""
    PLANNER = "planner"
    """Launching and planning."""
    FOLD = "fold"
    """The sums have been added to."""
    MAIL_SERVICE = "mail service"
    """It refuses all mails of the account."""
    HARM = "harm"
    """Bounces or complaints have passed a limit (analytics/sums.py)."""


class Holds(Enum):
    """What must hold when a move is written, beside the status it starts from."""

    SAME_STATUS = "its status is the one that was read"
    SAME_VERSION = "its content is the version that was read"
    SAME_SCHEDULE = "the schedule that was read still counts"
    SAME_RETRY = "no other request to retry has begun"
    FIRST_OF_ITS_KIND = "it was not paused for this kind of harm before: the marketer who resumed it has decided"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table."""

    event: str
    before: tuple[Status, ...]
    after: tuple[Status, ...]
    """Usually one; of several, the circumstances decide. None: the campaign is gone."""
    by: tuple[Who, ...]
    holds: tuple[Holds, ...] = ()
    done: str = ""
    """Completes "it can be ... only while it is draft", for the marketer's moves."""

    def target(self, to: Status | None) -> Status:
        """The status after this move; `to` chooses where there are several. Raises ValueError for another."""
        after = self.after[0] if to is None and len(self.after) == 1 else to
        if after in self.after:
            return after
        raise ValueError(f"{self.event} does not lead to {after}")

    def require(self, campaign: Campaign) -> None:
        """Raises WrongStatus."""
        require_status(campaign, self.before, self.done)


_AS_READ = (Holds.SAME_STATUS, Holds.SAME_VERSION)

SCHEDULE = Move("schedule", UNSENT, (Status.SCHEDULED,), (Who.MARKETER,), _AS_READ, "scheduled")
"""Nothing is missing, and all that is refused was waived by its marketer. Replaces an earlier schedule."""
UNSCHEDULE = Move(
    "unschedule",
    (Status.SCHEDULED, Status.MISSED),
    (Status.DRAFT,),
    (Who.MARKETER,),
    (Holds.SAME_SCHEDULE,),
    "unscheduled",
)
SEND = Move("send", UNSENT, (Status.PLANNING,), (Who.MARKETER,), _AS_READ, "sent")
"""As for SCHEDULE; somebody is in the audience, and the mail service lets mails leave."""
FIRE = Move("fire", (Status.SCHEDULED,), (Status.PLANNING,), (Who.SCHEDULE,), (Holds.SAME_SCHEDULE,))
"""Somebody is in the audience, the mail service lets mails leave, and it is not more than an hour late."""
MISS = Move("miss", (Status.SCHEDULED,), (Status.MISSED,), (Who.SCHEDULE,), (Holds.SAME_SCHEDULE,))
"""One of these does not hold; the reason says which."""
REVERT = Move("revert", (Status.PLANNING,), UNSENT, (Who.MARKETER, Who.PLANNER), (Holds.SAME_VERSION,))
"""The queue did not take it, or its content is not valid any more, or not proven."""
START_SENDING = Move("start_sending", (Status.PLANNING,), (Status.SENDING,), (Who.PLANNER, Who.FOLD))
"""The whole audience is planned."""
FINISH = Move("finish", (Status.SENDING,), (Status.SENT,), (Who.PLANNER, Who.FOLD))
"""Every planned delivery is sent, failed or skipped, and none is being marked for a retry."""
RETRY = Move("retry", (Status.SENT,), (Status.SENDING,), (Who.MARKETER,), (Holds.SAME_RETRY,), "retried")
"""A delivery has failed for one of the reasons named."""
PAUSE = Move("pause", GOING, (Status.PAUSED,), (Who.MARKETER, Who.MAIL_SERVICE), (), "paused")
PROTECT = Move("protect", GOING, (Status.PAUSED,), (Who.HARM,), (Holds.FIRST_OF_ITS_KIND,))
RESUME = Move("resume", (Status.PAUSED,), GOING, (Who.MARKETER,), (), "resumed")
"""To sending when the whole audience is planned, else to planning."""
CANCEL = Move(
    "cancel",
    (Status.SCHEDULED, Status.MISSED, *GOING, Status.PAUSED),
    (Status.CANCELLED,),
    (Who.MARKETER,),
    (),
    "cancelled",
)
DELETE = Move("delete", UNSENT, (), (Who.MARKETER,), (Holds.SAME_STATUS,), "deleted")

MOVES = (SCHEDULE, UNSCHEDULE, SEND, FIRE, MISS, REVERT, START_SENDING, FINISH, RETRY, PAUSE, PROTECT, RESUME, CANCEL)
"""All that change a status. DELETE ends a campaign."""
