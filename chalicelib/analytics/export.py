"""A campaign's deliveries as CSV: one line each."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from chalicelib.model import csv_text
from chalicelib.model.csv_text import neutral
from chalicelib.model.delivery import Click, Delivery
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.times import time_text
from chalicelib.model.verdicts import judged


def header(delimiter: str = ",") -> str:
    """The beginning of a file."""
    return csv_text.BYTE_ORDER_MARK + csv_text.line(COLUMNS, delimiter)


def lines(
    deliveries: Iterable[Delivery],
    name: Callable[[Delivery], str | None],
    leads: Mapping[LeadId, Lead],
    delimiter: str = ",",
    *,
    most_characters: int = csv_text.MOST_CHARACTERS,
) -> tuple[str, int]:
    """The lines of as many deliveries as fit into `most_characters` (at least one), and their number.

    `name`: the delivery's id in its links; `leads`: those that still exist.
    """
    rows = (
        [name(each) or "", *(value_of(each) for value_of in _VALUES.values()), *_names(leads.get(each.lead_id))]
        for each in deliveries
    )
    return csv_text.lines(rows, delimiter, most_characters=most_characters)


def _names(lead: Lead | None) -> list[str]:
    return [neutral((lead and getattr(lead, name)) or "") for name in _NAMES]


def _time(moment: datetime | None) -> str:
    return "" if moment is None else time_text(moment)


def _clicks(delivery: Delivery) -> list[tuple[str, Click]]:
    """A person's, by link id, in the order of time."""
    return sorted(judged(delivery).persons.items(), key=lambda each: each[1].at)


def _opener(delivery: Delivery) -> str:
    opener = "machine" if delivery.opened_person_at is None else "person"
    return "" if delivery.opened_at is None else opener


_VALUES: Mapping[str, Callable[[Delivery], str]] = {
    "lead_id": lambda each: each.lead_id,
    "email": lambda each: neutral(each.email or ""),
    "status": lambda each: each.status.value,
    "reason": lambda each: each.reason or "",
    "detail": lambda each: neutral(each.detail or ""),
    "subject": lambda each: neutral(each.subject or ""),
    "sent_at_utc": lambda each: _time(each.sent_at),
    "opened_at_utc": lambda each: _time(each.opened_at),
    "opened_by": _opener,
    "clicked_at_utc": lambda each: _time(first.at if (first := judged(each).clicked) else None),
    "clicked_links": lambda each: " ".join(link for link, _ in _clicks(each)),
    "unsubscribed_at_utc": lambda each: _time(each.unsubscribed_at),
}
_NAMES = ("first_name", "last_name")
COLUMNS = ("delivery_id", *_VALUES, *_NAMES)
