"""How a lead's values look in a mail. Both the fast path and the template engine show values through here."""

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite


def shown(value: object) -> str:
    """A value as text: nothing for None, plain digits for numbers, "a, b" for lists; no surprises for a reader."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        # DynamoDB answers Decimal("3") or Decimal("1E+3") for whatever number was stored.
        if _is_whole(value):
            return str(int(value))
        return format(value, "f").rstrip("0") if isinstance(value, Decimal) else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        parts = [shown(item) for item in value]
        return ", ".join(sorted(parts) if isinstance(value, set | frozenset) else parts)
    return str(value)


def is_missing(value: object) -> bool:
    """Whether a person would say that nothing is there: None, an empty list, a text of white space only.

    0 and False are values. This is what `default(...)` goes by.
    """
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, list | tuple | set | frozenset | Mapping) and not value)


def escape(text: str) -> str:
    """Text for HTML, in element content and in quoted attributes alike."""
    # Asking first is cheaper than replacing, and cheaper than one regular expression for all.
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    if '"' in text:
        text = text.replace('"', "&quot;")
    if "'" in text:
        text = text.replace("'", "&#39;")
    return text


def for_templates(value: object) -> object:
    """A value as templates compute with it: Decimals become int or float at any depth, and None is absent.

    So `lead.first_name | lower | default("there")` is not "none".
    """
    if isinstance(value, Decimal):
        return int(value) if _is_whole(value) else float(value)
    if isinstance(value, Mapping):
        return {key: for_templates(item) for key, item in value.items() if item is not None}
    if isinstance(value, set | frozenset):
        return sorted((for_templates(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [for_templates(item) for item in value]
    return value


def _is_whole(number: float | Decimal) -> bool:
    # Beyond 21 digits (or not finite) a number is no count and no price: leave it to its own notation.
    return isfinite(number) and abs(float(number)) < 1e21 and number == int(number)
