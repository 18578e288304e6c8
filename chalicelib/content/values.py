"""How a lead's values look in a mail, shown by the renderer itself or by the template engine."""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

MAX_OUTPUT: Final = 4_000_000  # characters that all values of one delivery may write together
_INTEGERS: Final = range(-(2**127), 2**128)  # what the engine holds as a number; it keeps a larger one as an object
_ENDS_UNQUOTED = re.compile(r"[\s=`]")


class Closed:
    """A container as templates see it: what it holds, and nothing beside it.

    Where it holds nothing by a name, the engine asks Python for the attribute, methods included, unless the name begins
    with "_". So no attribute here has another name.
    """

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[str, object] | tuple[object, ...]) -> None:
        self._held: Any = held

    def __getitem__(self, key: object) -> object:
        return self._held[key]

    def __iter__(self) -> Iterator[object]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __str__(self) -> str:
        return shown(self._held)


class Fields(Closed):
    """A mapping."""

    __slots__ = ()


class Items(Closed):
    """A list."""

    __slots__ = ()


Sequence.register(Items)  # by inheritance it would have index() and count()


def shown(value: object) -> str:
    """A value as text: nothing for None, plain digits for numbers, "a, b" for lists; no surprises for a reader."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Beyond 21 digits (or not finite) a number is no count and no price: leave it to its own notation.
        is_whole = isfinite(value) and abs(value) < 1e21 and value.is_integer()
        return str(int(value)) if is_whole else repr(value)
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
    return value is None or (isinstance(value, list | tuple | set | frozenset | Mapping | Closed) and not value)


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


def escape_attribute(text: str, *, quoted: bool = True) -> str:
    """Text for an attribute's value; unquoted ones need white space and a few more characters encoded."""
    escaped = escape(text)
    return escaped if quoted else _ENDS_UNQUOTED.sub(lambda match: f"&#{ord(match[0])};", escaped)


def for_templates(value: object) -> object:
    """A value as templates compute with it: text, numbers, truth values, and Fields and Items of them at any depth.

    None in a mapping is absent: `lead.first_name | lower | default("there")` is not "none". Whatever else there may be
    becomes its text: any other object would show its attributes.
    """
    if value is None or isinstance(value, str | bool | float | Closed):
        return value
    if isinstance(value, int):
        return value if value in _INTEGERS else str(value)
    if isinstance(value, Mapping):
        return Fields({key: for_templates(item) for key, item in value.items() if item is not None})
    if isinstance(value, set | frozenset):
        return Items(tuple(sorted((for_templates(item) for item in value), key=str)))
    if isinstance(value, list | tuple):
        return Items(tuple(for_templates(item) for item in value))
    return shown(value)
