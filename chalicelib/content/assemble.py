"""Puts segments together from the author's text, its merge tags, and the edits made to it."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chalicelib.content.compiled import (
    UNSUBSCRIBE,
    DeliverySlot,
    FieldSlot,
    LinkSlot,
    Segments,
    Slot,
    TemplateSlot,
    UnsubscribeSlot,
)
from chalicelib.content.expressions import engine_source
from chalicelib.content.merge_tags import CLOSERS, OPENERS, Tag
from chalicelib.content.pieces import split

_FIELD = re.compile(
    r"\s*(lead|campaign)\.([a-z_]\w*)(?:\.([A-Za-z_]\w*))?\s*"
    r"(?:\|\s*(?:default|d)\s*\(\s*(?:\"([^\"\\]*)\"|'([^'\\]*)')\s*\)\s*)?"
)
_Item = str | Slot | Tag


class Edit(NamedTuple):
    """source[start:end] gives way to these pieces; an insertion has start == end. Merge tags inside it go too."""

    start: int
    end: int
    pieces: Sequence[str | Slot]


def assemble(source: str, tags: Sequence[Tag], edits: Sequence[Edit] = (), *, in_link: bool = False) -> Segments:
    """The segments of a source: fixed text stays as it is, tags become slots, edits are applied (in order).

    `in_link`: templates mark the values that they show, for the link to be judged by (destinations.py).
    """
    pieces: list[str | Slot] = []
    statement: list[_Item] = []  # all of an open statement so far
    depth = 0
    for item in _items(source, tags, edits):
        word = item.word if isinstance(item, Tag) else ""
        depth += (word in OPENERS) - (word in CLOSERS)
        if depth or word in CLOSERS:
            statement.append(item)
            if not depth:
                pieces.append(TemplateSlot("".join(_template_source(each, in_link=in_link) for each in statement)))
                statement = []
        elif not isinstance(item, Tag):
            pieces.append(item)
        elif not word:
            pieces.append(_slot_for(item, in_link=in_link))
    return Segments.of(pieces)


def _items(source: str, tags: Sequence[Tag], edits: Sequence[Edit]) -> Iterator[_Item]:
    # An insertion comes before a tag that starts at the same place.
    cuts: list[Edit | Tag] = sorted((*edits, *tags), key=lambda cut: (cut.start, cut.end != cut.start))
    for piece, cut in split(source, cuts):
        if isinstance(cut, Edit):
            yield from cut.pieces
        else:
            yield cut or piece.text


def _slot_for(tag: Tag, *, in_link: bool) -> Slot:
    match = _FIELD.fullmatch(tag.body)
    if match:
        root, name, field, double, single = match.groups()
        if field is None or (root == "lead" and name == "fields"):
            return FieldSlot(root, name, field, double if double is not None else single)
    if tag.body.strip() == "unsubscribe_url":
        return UNSUBSCRIBE
    return TemplateSlot(_expression(engine_source(tag), in_link=in_link))


def _expression(source: str, *, in_link: bool) -> str:
    return f"{{{{ ({source}) | _value }}}}" if in_link else f"{{{{ {source} }}}}"


def _template_source(item: _Item, *, in_link: bool) -> str:
    """What the source of a template has for this."""
    match item:
        case str():
            return item.replace("{", '{{ "{" }}') if "{{" in item or "{%" in item or item.endswith("{") else item
        case Tag(word="raw" | "endraw"):
            return ""
        case Tag(word=word):
            return f"{{% {engine_source(item)} %}}" if word else _expression(engine_source(item), in_link=in_link)
        case DeliverySlot():
            return "{{ _delivery }}"
        case UnsubscribeSlot():
            return "{{ unsubscribe_url }}"
        case TemplateSlot(source):
            return source
        case FieldSlot(root, name, field, default):
            path = f"{root}.{name}" if field is None else f"{root}.{name}.{field}"
            filters = "" if default is None else f" | default({_quoted(default)})"
            return _expression(f"{path}{filters}", in_link=in_link)
        case LinkSlot(link, destination, quoted):
            inside = (_template_source(piece, in_link=True) for piece in destination.pieces())
            # A filter block hands the rendered destination to the link; escaping is the link's business.
            call = f'_link("{link}", {"true" if quoted else "false"})'
            return (
                f"{{% filter {call} %}}{{% autoescape false %}}{''.join(inside)}{{% endautoescape %}}{{% endfilter %}}"
            )


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'
