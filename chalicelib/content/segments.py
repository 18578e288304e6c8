"""A compiled text: fixed pieces with slots between them, and how both are stored."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class DeliverySlot:
    """The delivery's id."""


@dataclass(frozen=True, slots=True)
class UnsubscribeSlot:
    """The delivery's unsubscribe URL."""


@dataclass(frozen=True, slots=True)
class FieldSlot:
    """One value of the lead or campaign: what nearly every merge tag is, kept away from the template engine."""

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


@dataclass(frozen=True, slots=True)
class Segments:
    """texts[0] slots[0] texts[1] slots[1] ... texts[-1]: always one text more than slots."""

    texts: tuple[str, ...]
    slots: tuple[Slot, ...]

    @property
    def fixed(self) -> str | None:
        """The whole text when nothing in it varies."""
        return None if self.slots else self.texts[0]


def segments_of(pieces: "list[str | Slot]") -> Segments:
    """Joins neighbouring texts, so that texts and slots alternate."""
    texts: list[list[str]] = [[]]
    slots: list[Slot] = []
    for piece in pieces:
        if isinstance(piece, str):
            texts[-1].append(piece)
        else:
            slots.append(piece)
            texts.append([])
    return Segments(tuple("".join(parts) for parts in texts), tuple(slots))


def to_json(segments: Segments) -> list[Any]:
    """Plain lists for json.dumps; from_json is the way back."""
    return [list(segments.texts), [_slot_to_json(slot) for slot in segments.slots]]


def from_json(stored: list[Any]) -> Segments:
    """The segments that to_json stored."""
    return Segments(tuple(stored[0]), tuple(_slot_from_json(slot) for slot in stored[1]))


def _slot_to_json(slot: Slot) -> list[Any]:
    match slot:
        case DeliverySlot():
            return ["d"]
        case UnsubscribeSlot():
            return ["u"]
        case FieldSlot(root, name, field, default):
            return ["f", root, name, field, default]
        case TemplateSlot(source):
            return ["t", source]
        case LinkSlot(link, destination, quoted):
            return ["l", link, to_json(destination), quoted]


def _slot_from_json(stored: list[Any]) -> Slot:
    match stored:
        case ["d"]:
            return DELIVERY
        case ["u"]:
            return UNSUBSCRIBE
        case ["f", root, name, field, default]:
            return FieldSlot(root, name, field, default)
        case ["t", source]:
            return TemplateSlot(source)
        case ["l", link, destination, quoted]:
            return LinkSlot(link, from_json(destination), quoted)
    raise ValueError(f"unknown slot {stored[0]!r}")
