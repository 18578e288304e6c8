"""Reads CSV: from bytes to text, and from text to rows, with the encoding and the delimiter given or found.

A row's number is that of the physical line on which it starts; a quoted cell may span several.
"""

import codecs
import csv
import io
import re
from collections import Counter
from itertools import islice, pairwise
from typing import Literal, cast, get_args

from chalicelib.crm.import_rows import Rows, Unread, UnreadableFile

Encoding = Literal[
    "utf-8", "utf-16le", "utf-16be", "windows-1252", "macintosh", "cp850",
    "windows-1250", "windows-1251", "windows-1253", "windows-1254", "shift_jis", "gb18030", "big5", "euc_kr",
]  # fmt: skip
"""What Excel and its neighbours write, under names that are known to Python."""
Delimiter = Literal[",", ";", "\t", "|"]

_ENCODINGS: dict[str, Encoding] = {codecs.lookup(name).name: name for name in get_args(Encoding)}
_MARKS: dict[bytes, Encoding] = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16le",
    codecs.BOM_UTF16_BE: "utf-16be",
}
_CONTROLS = bytes({*range(32)} - {*b"\t\r\n"})
_WESTERN: tuple[Encoding, ...] = ("windows-1252", "macintosh", "cp850")
_OTHERS = ("cp1250", "cp1251", "cp1253", "shift_jis", "gb18030", "big5", "euc_kr")
"""Not Turkish: short Polish texts are taken for it."""
_WESTERN_LETTERS = frozenset("äöüßéèêëàâáãåæçíìîïñóòôõøœúùûýÿ" + "äöüéèêëàâáãåæçíìîïñóòôõøœúùû".upper())
_WESTERN_SIGNS = frozenset("€£§°©«»‚‘’„“”–—…\xa0")
_MAX_LINES_A_RECORD = 500
"""A quote that is never closed must not swallow the rest of the file. The page splits files by the same rule."""
_MOSTLY = 0.95
_ROWS_TO_JUDGE = 200
_EXCEL_DELIMITER = re.compile(r'"?sep=([,;\t|])"?\r?\n?', re.IGNORECASE)
"""Excel's own first line, which names the delimiter of the lines that follow."""


def decoded(body: bytes, encoding: Encoding | None) -> str:
    """The text without byte order marks: a file joined of several has more than one. Without an encoding it must be
    UTF-8, or the file is refused.

    With one, what cannot be decoded becomes U+FFFD, and `text_rows` reports its line. Bodies of a text type have U+FFFD
    there already: API Gateway passes on only binary media types as they came (developer guide, "Binary media types for
    REST APIs").
    """
    if encoding is not None:
        return body.decode(encoding, errors="replace").replace("\ufeff", "")
    try:
        text = body.decode().replace("\ufeff", "")
        unreadable = text.find("\ufffd")
        line = text.count("\n", 0, unreadable) + 1
    except UnicodeDecodeError as error:
        unreadable = error.start
        line = body.count(b"\n", 0, unreadable) + 1
    if unreadable >= 0:
        raise UnreadableFile(
            f"Line {line} is not UTF-8. Save the file as UTF-8, or send it as application/octet-stream."
        )
    return text


def find_encoding(sample: bytes) -> Encoding:
    """The encoding of a file that begins so: by its mark, its form, its letters. Raises UnreadableFile.

    Western Europe comes first: on short texts charset-normalizer confuses its code pages, and may make ³ of an ü.
    """
    for mark, encoding in _MARKS.items():
        if sample.startswith(mark):
            return encoding
    nuls = sample.count(0)
    if nuls * 10 > len(sample):
        odd = sample[1::2].count(0)
        if max(odd, nuls - odd) >= 0.9 * nuls:
            return "utf-16le" if odd * 2 > nuls else "utf-16be"
    if len(sample.translate(None, _CONTROLS)) < 0.98 * len(sample):
        raise UnreadableFile("This is not a text file. Save the table as CSV or as .xlsx.")
    as_utf8 = sample.decode("utf-8", errors="replace")
    characters = sum(character > "\x7f" for character in as_utf8)
    # A few lines in another encoding, pasted into a UTF-8 file, are reported line by line.
    if as_utf8.count("\ufffd") * 10 <= characters:
        return "utf-8"
    fits = {encoding: _western_share(sample.decode(encoding, errors="replace")) for encoding in _WESTERN}
    western = max(_WESTERN, key=lambda each: fits[each])
    if fits[western] >= _MOSTLY:
        return western
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_OTHERS)).best()
    return _ENCODINGS.get(best.encoding, "windows-1252") if best else "windows-1252"


def _western_share(text: str) -> float:
    """The share of characters beyond ASCII that are Western European letters or signs where one expects them."""
    beyond = [(before, character) for before, character in pairwise(f" {text}") if character > "\x7f"]
    letters = sum(each in _WESTERN_LETTERS and not (each.isupper() and before.islower()) for before, each in beyond)
    signs = sum(each in _WESTERN_SIGNS for _, each in beyond)
    # Accents stand alone or in twos; whole words of them are another script.
    words = sum(map(len, re.findall(r"[^\x00-\x7f]{3,}", text)))
    return (letters + signs - words) / len(beyond) if letters else 0


def find_delimiter(text: str) -> Delimiter:
    """The one that Excel's `sep=` names, or that cuts most of the first rows into equally many cells."""
    delimiters: tuple[Delimiter, ...] = get_args(Delimiter)
    most_regular = max(delimiters, key=lambda each: _regularity(text, each))
    return _named_delimiter(text) or most_regular


def _regularity(text: str, delimiter: Delimiter) -> tuple[int, int]:
    widths = Counter(
        len(row) for _, row in islice(text_rows(text, delimiter), _ROWS_TO_JUDGE) if not isinstance(row, Unread)
    )
    widths.pop(1, None)
    width, rows = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return rows, width


def _named_delimiter(text: str) -> Delimiter | None:
    named = _EXCEL_DELIMITER.match(text)
    return cast(Delimiter, named[1]) if named else None


class _Feed:
    """Physical lines with a position that can be set back; one CSV reader per record would take seven times as long."""

    def __init__(self, text: str) -> None:
        self._lines = list(io.StringIO(text, newline=""))
        self.position = 0
        self.start = 0

    def line(self, position: int) -> str:
        return self._lines[position]

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.position >= len(self._lines):
            raise StopIteration
        if self.position - self.start >= _MAX_LINES_A_RECORD:
            raise csv.Error("unexpected end of data")
        self.position += 1
        return self._lines[self.position - 1]


_CSV_REASONS = {
    "unexpected end of data": "has a quote that is never closed",
    f"field larger than field limit ({csv.field_size_limit()})": (
        f"has a value of more than {csv.field_size_limit():,} characters; perhaps a quote is not closed"
    ),
}


def text_rows(text: str, delimiter: Delimiter | None = None) -> Rows:
    """Rows that are not empty; after a record that cannot be read it goes on at the next physical line.

    Without a delimiter it is the one that `sep=` names, else the comma.
    """
    feed = _Feed(text)
    named = _named_delimiter(text)
    delimiter = delimiter or named or ","
    feed.position = 1 if named else 0
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.start = feed.position
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            feed.position = feed.start + 1
            reason = "has text after a closing quote" if "expected after" in str(error) else f"cannot be read: {error}"
            yield feed.position, Unread(_CSV_REASONS.get(str(error), reason), [feed.line(feed.start).strip()])
        else:
            if any("\ufffd" in cell for cell in cells):
                yield feed.start + 1, Unread("has characters that cannot be read in the file's encoding", cells)
            elif cells:
                yield feed.start + 1, [cell.strip() for cell in cells]
