"""CSV for spreadsheets above all: RFC 4180, in parts that joined make one file.

A file begins with a byte order mark, without which Excel does not read UTF-8. A text that a spreadsheet would take for
a formula gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection); imports remove it again.
"""

import csv
import io
import re
from collections.abc import Iterable

BYTE_ORDER_MARK = "\ufeff"
MEDIA_TYPE = "text/csv"
MOST_CHARACTERS = 900_000
"""Of a part. A function's answer may have 6 MB, and as escaped JSON a character can take six bytes of them."""

_FORMULA = re.compile("'* *[=+\\-@\t\r\n＝＋－＠]")
"""With the full-width forms, which some spreadsheets convert to ASCII first; and what already has apostrophes, so that
no two texts are written alike."""


def neutral(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def without_apostrophe(text: str) -> str:
    """What `neutral` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def line(values: Iterable[str], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(values)
    return text.getvalue()


def lines(
    rows: Iterable[Iterable[str]], delimiter: str = ",", *, most_characters: int = MOST_CHARACTERS
) -> tuple[str, int]:
    """The lines of as many rows as fit into `most_characters` (at least one), and their number."""
    written: list[str] = []
    length = 0
    for row in rows:
        text = line(row, delimiter)
        if written and length + len(text) > most_characters:
            break
        written.append(text)
        length += len(text)
    return "".join(written), len(written)
