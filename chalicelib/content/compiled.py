"""What the author wrote, and what it is compiled to: all that rendering needs, and its stored form."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self

from chalicelib.model.errors import Fault
from chalicelib.model.workspace import Language

if TYPE_CHECKING:
    from chalicelib.content.source_map import Place, SourceMap

FORMAT_VERSION: Final = 1
"""To be raised for what an earlier release cannot ignore; one ignores members that it does not know."""
UTM_KEYS: Final = ("source", "medium", "campaign", "term", "content")


@dataclass(frozen=True, slots=True)
class ContentSource:
    """One e-mail as written: merge tags and all. `utm` holds any of source, medium, campaign, term, content."""

    subject: str
    html: str | None
    text: str | None
    from_email: str
    from_name: str | None = None
    reply_to: str | None = None
    utm: Mapping[str, str] = field(default_factory=dict)
    preview_text: str | None = None
    source_map: "SourceMap | None" = None
    """What `html` was made of; None if it is the author's own."""
    language: Language = Language.EN
    """Of what is added for recipients."""

    def place(self, field: str, line: int | None, column: int | None) -> "Place":
        """Of a place in these fields, the place in what the author wrote."""
        if self.source_map is None or field != "html":
            return field, line, column
        return self.source_map.place(line, column)

    def fault(self, fault: Fault) -> Fault:
        """The same fault, said of what the author wrote."""
        field, line, column = self.place(fault.field, fault.line, fault.column)
        return Fault(field, fault.reason, line, column)


class LinkTracking(Protocol):
    """How tracked links look and are signed; chalicelib/tracking implements it."""

    @property
    def base_url(self) -> str:
        """The base of tracking URLs, `https://...` without a trailing slash."""
        ...

    def sign(self, link: str, destination: str) -> str:
        """The signature over (campaign, link, destination), made of URL-safe characters."""
        ...


@dataclass(frozen=True, slots=True)
class DeliverySlot:
    """The delivery's id."""


@dataclass(frozen=True, slots=True)
class UnsubscribeSlot:
    """The delivery's unsubscribe URL."""


@dataclass(frozen=True, slots=True)
class FieldSlot:
    """One value of the lead or campaign: what nearly every merge tag is. It needs no template engine."""

    root: str
    name: str
    field: str | None = None  # below lead.fields
    default: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateSlot:
    """Anything more: an expression, or a whole {% if %} or {% for %} block with all inside it."""

    source: str


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """An href with merge tags in it: its destination is known, and signed, per delivery.

    `link` is "" when it is not tracked. Templates in the destination mark the values that they show (destinations.py).
    """

    link: str
    destination: "Segments"
    quoted: bool


Slot = DeliverySlot | UnsubscribeSlot | FieldSlot | TemplateSlot | LinkSlot
DELIVERY: Final = DeliverySlot()
UNSUBSCRIBE: Final = UnsubscribeSlot()
_SLOTS: Final = {"d": DeliverySlot, "u": UnsubscribeSlot, "f": FieldSlot, "t": TemplateSlot, "l": LinkSlot}
_SLOT_CODES: Final[dict[type, str]] = {slot: code for code, slot in _SLOTS.items()}


@dataclass(frozen=True, slots=True)
class Segments:
    """texts[0] slots[0] texts[1] slots[1] ... texts[-1]: always one text more than slots."""

    texts: tuple[str, ...]
    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, pieces: Iterable[str | Slot]) -> Self:
        """Joins neighbouring texts, so that texts and slots alternate."""
        texts: list[list[str]] = [[]]
        slots: list[Slot] = []
        for piece in pieces:
            if isinstance(piece, str):
                texts[-1].append(piece)
            else:
                slots.append(piece)
                texts.append([])
        return cls(tuple("".join(parts) for parts in texts), tuple(slots))

    def pieces(self) -> Iterator[str | Slot]:
        """The texts and slots in their order."""
        for text, slot in zip(self.texts, self.slots, strict=False):
            yield text
            yield slot
        yield self.texts[-1]


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the HTML, in document order.

    `link` is its id: "1", "2", ...; "3m" when merge tags make its destination differ per recipient; "" when it cannot
    be tracked, for the `reason` given. `url` is the URL as written, after HTML decoding; `text` is what it shows.
    `risk`: what a lead's values can do to it (a destinations.Risk), None where they only fill it.
    """

    link: str
    url: str
    text: str
    line: int
    column: int
    tracked: bool
    reason: str | None = None
    risk: str | None = None


@dataclass(frozen=True, slots=True)
class MergeField:
    """A value of the lead shown by a merge tag: `path` as it is written, like lead.fields["zip code"]."""

    path: str
    field: str  # of the source: subject, html, text, from_name, reply_to, preview_text
    line: int
    column: int
    has_default: bool


@dataclass(frozen=True, slots=True)
class CompiledContent:
    """What compile_content gives. `html` is None for plain-text mail, which is sent untracked."""

    subject: Segments
    html: Segments | None
    text: Segments
    from_email: str
    from_name: Segments | None
    reply_to: Segments | None
    links: tuple[Link, ...]
    merge_fields: tuple[MergeField, ...]
    tracked: bool  # whether opens and clicks can be seen at all
    text_generated: bool
    base_url: str
    utm: tuple[tuple[str, str], ...] = ()
    preview_text: Segments | None = None

    def to_bytes(self) -> bytes:
        """Self-describing JSON in UTF-8; compresses to a fraction."""
        stored = {"version": FORMAT_VERSION} | {each.name: getattr(self, each.name) for each in fields(self)}
        return json.dumps(stored, separators=(",", ":"), default=_as_list).encode("ascii")

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """What to_bytes stored. Raises ValueError for a version that is not known here."""
        content = json.loads(stored)
        if not isinstance(content, dict) or content.pop("version", None) != FORMAT_VERSION:
            raise ValueError("this is no compiled content of a version known here")
        for name in ("subject", "html", "text", "from_name", "reply_to", "preview_text"):
            content[name] = content.get(name) and _segments(content[name])
        content["links"] = tuple(Link(*link) for link in content["links"])
        content["merge_fields"] = tuple(MergeField(*use) for use in content["merge_fields"])
        content["utm"] = tuple((key, value) for key, value in content["utm"])
        return cls(**{each.name: content[each.name] for each in fields(cls) if each.name in content})


class BothForms(NamedTuple):
    """A mail in the forms that leads get: tracked, and untracked for those who opted out.

    Both are one where the campaign tracks nothing.
    """

    source: ContentSource
    tracking: LinkTracking
    tracked: CompiledContent
    untracked: CompiledContent


def _as_list(value: Any) -> list[Any]:
    """One of these dataclasses for json.dumps: its values in order, a slot's after its code."""
    values = [getattr(value, each.name) for each in fields(value)]
    code = _SLOT_CODES.get(type(value))
    return [code, *values] if code else values


def _segments(stored: list[Any]) -> Segments:
    texts, slots = stored
    return Segments(tuple(texts), tuple(_slot(*slot) for slot in slots))


def _slot(code: str, *values: Any) -> Slot:
    if code == "l":
        link, destination, quoted = values
        return LinkSlot(link, _segments(destination), quoted)
    slot: Slot = _SLOTS[code](*values)
    return slot
