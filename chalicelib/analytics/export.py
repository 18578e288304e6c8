"""A campaign's deliveries as CSV: one line each, for spreadsheets above all.

RFC 4180: CRLF, quotes where needed. It begins with a byte order mark, without which Excel does not read UTF-8. A text
that a spreadsheet would take for a formula gets an apostrophe before it
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from chalicelib.model.delivery import Click, Delivery
from chalicelib.model.times import time_text
from chalicelib.model.verdicts import judged

BYTE_ORDER_MARK = "\ufeff"

_FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
"""With the full-width forms, which some spreadsheets convert to ASCII first."""


def header() -> str:
    """The beginning of a file."""
    return BYTE_ORDER_MARK + _line(COLUMNS)


def lines(
    deliveries: Iterable[Delivery], name: Callable[[Delivery], str | None], *, most_characters: int
) -> tuple[str, int]:
    """The lines of as many deliveries as fit into `most_characters` (at least one), and their number.

    `name`: the delivery's id in its links.
    """
    written, length, count = [], 0, 0
    for delivery in deliveries:
        line = _line([name(delivery) or "", *(value_of(delivery) for value_of in _VALUES.values())])
        if count and length + len(line) > most_characters:
            break
        written.append(line)
        length += len(line)
        count += 1
    return "".join(written), count


def neutral(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(tuple(_FORMULA_STARTS)) else text


def _line(values: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue()


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
    "sent_at": lambda each: _time(each.sent_at),
    "opened_at": lambda each: _time(each.opened_at),
    "opened_by": _opener,
    "clicked_at": lambda each: _time(first.at if (first := judged(each).clicked) else None),
    "clicked_links": lambda each: " ".join(link for link, _ in _clicks(each)),
    "unsubscribed_at": lambda each: _time(each.unsubscribed_at),
}
COLUMNS = ("delivery_id", *_VALUES)
