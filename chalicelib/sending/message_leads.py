"""A message's leads while they are delivered: what is known of them, how they ended, and which come again.

A delivery's end is written in one request with the next lead's claim.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from chalicelib.campaigns.launched_content import LaunchedContent
from chalicelib.model.delivery import Delivery
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.reasons import FailureReason
from chalicelib.sending.prepare import MOST_DETAIL
from chalicelib.sending.rate import Waiting
from chalicelib.store.claims import Claims, Ending
from chalicelib.store.leads import Leads

KNOWN_SECONDS = 2.0
"""No mail leaves longer than this after its lead was read, and so after the lead unsubscribed (docs/decisions/0038)."""
_READ_AHEAD_SECONDS = 0.5
"""How long before its mail's moment a lead is read again: a read takes some milliseconds, at worst a few hundred."""


class FreshLeads:
    """A message's leads, read at once and consistently, and again before what is known of one is too old.

    `clock` gives epoch seconds. Methods may raise StoreUnavailable.
    """

    def __init__(self, leads: Leads, lead_ids: Sequence[LeadId], clock: Callable[[], float]) -> None:
        self._leads = leads
        self._lead_ids = lead_ids
        self._clock = clock
        self._known: dict[LeadId, Lead] = {}
        self._read_at: dict[LeadId, float] = {}
        self._read(0, len(lead_ids))

    def find(self, lead_id: LeadId) -> Lead | None:
        """The lead as it was read last; None when it was not there any more."""
        return self._known.get(lead_id)

    def is_known_at(self, lead_id: LeadId, moment: float) -> bool:
        """Whether a mail to this lead may leave at this moment by what is known of it."""
        return moment - self._read_at[lead_id] <= KNOWN_SECONDS

    @property
    def read_ahead_seconds(self) -> float:
        """How long before a mail's moment to read its lead again, so that the read does not cost the moment."""
        return min(max(_READ_AHEAD_SECONDS, 2 * self._took), 0.9 * KNOWN_SECONDS)

    def read_again(self, lead_id: LeadId) -> None:
        """Read the lead, and as many behind it as were sent to since the last reading: their moments come next.

        So one request in two seconds is enough at any rate, and no lead is read in vain.
        """
        number = self._lead_ids.index(lead_id)
        self._read(number, max(1, number - self._began))

    def _read(self, number: int, count: int) -> None:
        wanted = self._lead_ids[number : number + count]
        self._began = number
        now = self._clock()
        found = self._leads.find_many(wanted, consistent=True)
        self._took = self._clock() - now
        for lead_id in wanted:
            self._read_at[lead_id] = now
            self._known.pop(lead_id, None)
        self._known |= found


@dataclass(frozen=True, slots=True)
class Rest:
    """Leads whose delivery has not ended, and when to try again."""

    lead_ids: tuple[LeadId, ...]
    after_seconds: float
    put_off: int = 0
    """How often their mails were put off."""
    waiting: Waiting | None = None
    """What all mails wait for, if that is why."""


@dataclass(slots=True)
class Message:
    """One message. What is not written yet is written on leaving the context."""

    content: LaunchedContent
    unit: str
    recipients: FreshLeads
    time_is_short: Callable[[], bool]
    put_off: int
    claims: Claims
    wanted: int = 0
    """How many mails this worker has still to send, those of its other messages included."""
    unwritten: Ending | None = None
    again: dict[tuple[float, int, Waiting | None], list[LeadId]] = field(default_factory=dict)
    """Leads that come again, by what becomes the other fields of their Rest."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):  # anything else ends the process
            self._write()

    def claim(self, delivery: Delivery) -> bool:
        """Take the right to send, or to end, a delivery; False if somebody has had it. Raises StoreError."""
        if self.unwritten is not None and self.unwritten.concerns(delivery):
            self._write()  # a request must not name a delivery twice
        (claimed,), _ = self.claims.claim_and_record([delivery], [self.unwritten] if self.unwritten else [])
        self.unwritten = None
        return claimed

    def record(self, claim: Delivery, **values: Any) -> None:
        """Note how a claimed delivery ended."""
        self.unwritten = Ending(claim, values)

    def record_failed(self, claim: Delivery, reason: FailureReason, error: Exception) -> None:
        self.record(claim, status="failed", reason=reason.value, detail=str(error)[:MOST_DETAIL])

    def _write(self) -> None:
        if self.unwritten is not None:
            self.claims.claim_and_record([], [self.unwritten])
            self.unwritten = None

    def comes_again(self, rest: Rest) -> None:
        self.again.setdefault((rest.after_seconds, rest.put_off, rest.waiting), []).extend(rest.lead_ids)

    def rests(self) -> list[Rest]:
        """One for each different wait: each becomes a message of its own."""
        return [Rest(tuple(lead_ids), *waits) for waits, lead_ids in self.again.items()]
