"""A campaign's deliveries as CSV: one line each, for spreadsheets above all.

RFC 4180: CRLF, quotes where needed. It begins with a byte order mark, without which Excel does not read UTF-8. A text
that a spreadsheet would take for a formula gets an apostrophe before it
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime

from chalicelib.model.delivery import Delivery
from chalicelib.model.times import time_text
from chalicelib.model.verdicts import judged

COLUMNS = (
    "delivery_id",
    "lead_id",
    "email",
    "status",
    "reason",
    "detail",
    "subject",
    "sent_at",
    "opened_at",
    "opened_by",
    "clicked_at",
    "clicked_links",
    "unsubscribed_at",
)
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
        line = _line(_values(delivery, name(delivery)))
        if count and length + len(line) > most_characters:
            break
        written.append(line)
        length += len(line)
        count += 1
    return "".join(written), count


def neutral(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(tuple(_FORMULA_STARTS)) else text


def _values(delivery: Delivery, delivery_id: str | None) -> tuple[str, ...]:
    clicks = sorted(judged(delivery).persons.items(), key=lambda each: each[1].at)
    opener = "machine" if delivery.opened_person_at is None else "person"
    return (
        delivery_id or "",
        delivery.lead_id,
        neutral(delivery.email or ""),
        delivery.status.value,
        delivery.reason or "",
        neutral(delivery.detail or ""),
        neutral(delivery.subject or ""),
        _time(delivery.sent_at),
        _time(delivery.opened_at),
        "" if delivery.opened_at is None else opener,
        _time(clicks[0][1].at if clicks else None),
        " ".join(link for link, _ in clicks),
        _time(delivery.unsubscribed_at),
    )


def _time(moment: datetime | None) -> str:
    return "" if moment is None else time_text(moment)


def _line(values: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue()
