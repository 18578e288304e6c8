"""Fills slots that are a plain value of the lead or campaign: nearly every merge tag there is."""

from collections.abc import Mapping

from .body import Delivery, Fill
from .program import FieldSlot
from .values import escape, is_missing, shown


def field_fill(slot: FieldSlot, *, html: bool) -> Fill:
    """How to fill one slot; escaped in HTML, as it is elsewhere.

    Written with as few calls as can be: a delivery fills a dozen slots, and calls are most of what they cost.
    """
    default = slot.default
    below = slot.field
    name = f"{slot.root}_id" if slot.name == "id" else slot.name
    root = 0 if slot.root == "lead" else 1

    def from_anything(value: object) -> str:
        if default is not None and is_missing(value):
            value = default
        return escape(shown(value)) if html else shown(value)

    def html_fill(delivery: Delivery) -> str:
        value = delivery[root].get(name)  # type: ignore[union-attr]  # 0 and 1 are mappings
        if type(value) is str:
            if value.isalnum():  # a word has nothing to escape: most values end here
                return value
            if not value.isspace() and value:
                return escape(value)
        return from_anything(value)

    def text_fill(delivery: Delivery) -> str:
        value = delivery[root].get(name)  # type: ignore[union-attr]
        return value if type(value) is str and value and not value.isspace() else from_anything(value)

    def fill_from_below(delivery: Delivery) -> str:
        values = delivery[root].get(name)  # type: ignore[union-attr]
        value = values.get(below) if isinstance(values, Mapping) else None
        return value if type(value) is str and value.isalnum() else from_anything(value)

    if below is not None:
        return fill_from_below
    return html_fill if html else text_fill
