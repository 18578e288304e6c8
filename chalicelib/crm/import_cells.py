"""Cells of a workbook, as the text that a person sees in them."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from xml.etree.ElementTree import Element

_NOT_DIGITS = re.compile(r"\[[^\[\]]*\]|\\")
"""What a number format says of colours and countries, and signs of quoting."""
_PERCENT = {9: "0%", 10: "0.00%"}
"""Number formats that Excel knows by number alone (ECMA-376, part 1, 18.8.30)."""


def formats_of(styles: Element) -> dict[str, str]:
    """Formats of percentages and of numbers with leading zeros, by the style that cells name."""
    codes = dict(_PERCENT)
    for each in styles.iterfind(".//{*}numFmt"):
        codes[int(each.get("numFmtId", 0))] = _NOT_DIGITS.sub("", each.get("formatCode", "")).partition(";")[0]
    styled = styles.find("{*}cellXfs")
    numbers = [int(each.get("numFmtId", 0)) for each in (styled if styled is not None else ())]
    found = {str(style): codes.get(number, "") for style, number in enumerate(numbers)}
    return {style: code for style, code in found.items() if re.fullmatch(r"0{2,15}|[0#,]*0(\.0+)? ?%", code)}


def seen(value: object, number_format: str) -> str:
    """A cell as text: dates as in ISO 8601, numbers in full and without a group separator."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return _number(value, number_format)
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return value.date().isoformat() if at_midnight else _without_zero_seconds(value.isoformat(" ", "seconds"))
    if isinstance(value, time):
        return _without_zero_seconds(value.isoformat("seconds"))
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return _without_zero_seconds(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}")
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _without_zero_seconds(text: str) -> str:
    return text.removesuffix(":00") if text.count(":") == 2 else text


def _number(value: float, number_format: str) -> str:
    if number_format.endswith("%"):
        digits = len(number_format.rstrip(" %").partition(".")[2])
        return f"{value * 100:.{digits}f}%"
    # Excel keeps and shows 15 digits: 0.1 + 0.2 is 0.3 there.
    whole = value.is_integer() and abs(value) < 2**53
    text = str(int(value)) if whole else format(Decimal(f"{value:.15g}"), "f")
    return text.zfill(len(number_format))
