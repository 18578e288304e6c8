"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final

from chalicelib.content.body import DELIVERY_ID, MailText
from chalicelib.content.compiled import (
    DELIVERY,
    UNSUBSCRIBE,
    CompiledContent,
    DeliverySlot,
    FieldSlot,
    LinkSlot,
    LinkTracking,
    Segments,
    Slot,
    TemplateSlot,
)
from chalicelib.content.destinations import (
    DELIVERY_ID_LENGTH,
    MAX_CLICK_URL,
    NO_LINK,
    as_value,
    click_url_parts,
    destination_of,
    why_untracked,
    with_utm,
)
from chalicelib.content.errors import RenderFailed
from chalicelib.content.values import MAX_OUTPUT, escape, escape_attribute, is_missing, shown

if TYPE_CHECKING:
    from chalicelib.content.engine import LinkText, TemplateEngine

# A lead's fields hold 16 KB (crm/lead_input.py), six times that when all is escaped: so many slots fit MAX_OUTPUT.
UNMEASURED_SLOTS: Final = 40
_UNSUBSCRIBE_URL: Final = repr(UNSUBSCRIBE)
_UNSUBSCRIBE_URL_IN_HTML: Final = f"{UNSUBSCRIBE!r} in HTML"


@dataclass(slots=True)
class Rendered:
    """One delivery's mail; `html` is None for plain-text mail."""

    from_email: str
    subject: str
    html: str | None
    text: str
    from_name: str | None
    reply_to: str | None
    preview_text: str | None
    empty_links: int
    """Links with merge tags in them that lead nowhere: no value, or one that no link may hold."""
    _layout: "_Layout"
    _values: dict[str, str]

    def html_quoted_printable(self) -> bytes | None:
        """The HTML part's encoded body; None for plain-text mail."""
        html = self._layout.html
        return None if html is None else html.quoted_printable(self._values)

    def text_quoted_printable(self) -> bytes:
        """The text part's encoded body."""
        return self._layout.text.quoted_printable(self._values)


class Renderer:
    """Renders the deliveries of one campaign; build one per process and campaign. Threads may share it."""

    def __init__(self, compiled: CompiledContent, tracking: LinkTracking | None) -> None:
        self.compiled = compiled
        self._tracking = tracking
        self._utm = dict(compiled.utm)
        # Unsubscribe URLs end in the delivery's id, so they need no slot of their own; others are filled the long way.
        start = f"{compiled.base_url}/t/u/"
        self._unsubscribe = start if compiled.base_url and escape(start) == start else ""
        self._expected = _Layout(compiled, self._unsubscribe, self._link_text)

    @cached_property
    def _any(self) -> "_Layout":
        return _Layout(self.compiled, "", self._link_text) if self._unsubscribe else self._expected

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> Rendered:
        """Render for one lead. Raises RenderFailed (a template that runs away or fails on this lead's values)."""
        layout = self._expected if self._unsubscribe + delivery_id == unsubscribe_url else self._any
        try:
            return layout.render(lead, campaign, delivery_id, unsubscribe_url)
        except Exception as error:
            raise RenderFailed.of(error) from None

    def _link_text(self, delivery_id: str, link: str, rendered: str, quoted: bool) -> str:
        """The href for one rendered link: a signed click URL, what is not tracked as it is, or of NO_LINK."""
        destination = destination_of(rendered)
        if not destination:
            return NO_LINK[not quoted]
        if link and self._tracking is not None and why_untracked(destination) is None:
            tagged = with_utm(destination, self._utm)
            before, after = click_url_parts(self._tracking.base_url, link, tagged, self._tracking.sign(link, tagged))
            if len(before) + len(delivery_id) + len(after) <= MAX_CLICK_URL:
                return f"{before}{delivery_id}{after}".replace("&", "&amp;")
        return escape_attribute(destination, quoted=quoted)


def html_size(compiled: CompiledContent, tracking: LinkTracking | None) -> int | None:
    """Bytes of the HTML that a lead without any values gets; None for plain text, and if it cannot be rendered."""
    delivery_id = "A" * DELIVERY_ID_LENGTH
    try:
        html = Renderer(compiled, tracking).render({}, {}, delivery_id, f"{compiled.base_url}/t/u/{delivery_id}").html
    except RenderFailed:
        return None
    return None if html is None else len(html.encode("utf-8", "replace"))


class _Layout:
    """All texts of a campaign's mail, and the values between them by name: equal slots have one value."""

    def __init__(self, compiled: CompiledContent, unsubscribe: str, link_text: "LinkText") -> None:
        """`unsubscribe`: what precedes the delivery's id in the unsubscribe URL, or "" if that is not known."""
        self._from_email = compiled.from_email
        self._unsubscribe = unsubscribe
        self._link_text = link_text
        self._times: Counter[str] = Counter()
        self._fields: dict[FieldSlot, str] = {}  # the name of its value in HTML, or ""
        self._templates: dict[str, tuple[str, bool]] = {}  # the source, and whether it is HTML
        self._links: dict[str, tuple[LinkSlot, list[str]]] = {}  # with the names of the values in its destination
        self._subject = self._body(compiled.subject)
        self.html = self._body(compiled.html, html=True) if compiled.html else None
        self.text = self._body(compiled.text)
        self._from_name = self._body(compiled.from_name) if compiled.from_name else None
        self._reply_to = self._body(compiled.reply_to) if compiled.reply_to else None
        self._preview_text = self._body(compiled.preview_text) if compiled.preview_text else None
        # All that filling a field takes, unpacked once per campaign instead of once per delivery.
        self._sources = [
            (
                repr(slot),
                in_html,
                slot.root == "lead",
                f"{slot.root}_id" if slot.name == "id" else slot.name,
                slot.field,
                slot.default,
            )
            for slot, in_html in self._fields.items()
        ]
        self._varies = bool(self._times.keys() - {DELIVERY_ID})
        self._is_measured = bool(self._templates or self._links) or self._times.total() > UNMEASURED_SLOTS

    def _body(self, segments: Segments, *, html: bool = False) -> MailText:
        if self._unsubscribe:
            known = (self._unsubscribe, DELIVERY)
            pieces = ((piece,) if piece != UNSUBSCRIBE else known for piece in segments.pieces())
            segments = Segments.of(chain.from_iterable(pieces))
        return MailText(segments.texts, [self._named(slot, html) for slot in segments.slots])

    def _named(self, slot: Slot, html: bool) -> str:
        """The name of a slot's value, or of that value escaped for HTML. Counts it, and notes what it takes."""
        name = f"{slot!r} in HTML" if html else repr(slot)
        match slot:
            case DeliverySlot():
                name = DELIVERY_ID
            case FieldSlot():
                self._fields[slot] = name if html else self._fields.get(slot, "")
            case TemplateSlot(source):
                self._templates[name] = source, html
            case LinkSlot(destination=destination):
                self._links[name] = slot, [self._named(part, False) for part in destination.slots]
        self._times[name] += 1
        return name

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> Rendered:
        """One delivery's mail, within one budget for all of it. Raises RenderFailed, and what a lead's values raise."""
        values = {DELIVERY_ID: delivery_id}
        if not self._varies:
            return self._filled(values, 0)
        values[_UNSUBSCRIBE_URL] = unsubscribe_url
        if _UNSUBSCRIBE_URL_IN_HTML in self._times:
            values[_UNSUBSCRIBE_URL_IN_HTML] = escape(unsubscribe_url)
        for name, in_html, is_leads, key, below, default in self._sources:
            value = (lead if is_leads else campaign).get(key)
            if below is not None:
                value = value.get(below) if isinstance(value, dict) else None
            if not isinstance(value, str) or not value or value.isspace():
                value = shown(default if default is not None and is_missing(value) else value)
            values[name] = value
            if in_html:
                values[in_html] = value if value.isalnum() else escape(value)
        empty_links = self._fill_measured(values, lead, campaign) if self._is_measured else 0
        return self._filled(values, empty_links)

    def _fill_measured(self, values: dict[str, str], lead: Mapping[str, object], campaign: Mapping[str, object]) -> int:
        """Adds what templates and links write; how many links lead nowhere."""
        empty_links = 0
        if self._templates:
            said, empty_links = self._engine.render(lead, campaign, values[DELIVERY_ID], values[_UNSUBSCRIBE_URL])
            values.update(zip(self._templates, said, strict=True))
        written = sum(times * len(values[name]) for name, times in self._times.items() if name in values)
        for name, (link, parts) in self._links.items():
            if written <= MAX_OUTPUT:
                values[name] = href = self._href(link, parts, values)
                empty_links += href in NO_LINK
                written += self._times[name] * len(href)
        if written > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")
        return empty_links

    def _filled(self, values: dict[str, str], empty_links: int) -> Rendered:
        html, from_name, reply_to = self.html, self._from_name, self._reply_to
        return Rendered(
            self._from_email,
            self._subject.text(values),
            html.text(values) if html else None,
            self.text.text(values),
            from_name.text(values) if from_name else None,
            reply_to.text(values) if reply_to else None,
            self._preview_text.text(values) if self._preview_text else None,
            empty_links,
            self,
            values,
        )

    @cached_property
    def _engine(self) -> "TemplateEngine":
        from chalicelib.content.engine import TemplateEngine  # most campaigns need none, and its import costs 20 ms

        return TemplateEngine(list(self._templates.values()), self._link_text)

    def _href(self, link: LinkSlot, parts: Sequence[str], values: Mapping[str, str]) -> str:
        """A link with merge tags in it: its destination put together, then signed."""
        pieces = [link.destination.texts[0]]
        for part, name, text in zip(link.destination.slots, parts, link.destination.texts[1:], strict=True):
            # Templates mark the values that they show; a field is one.
            pieces += (as_value(values[name]) if isinstance(part, FieldSlot) else values[name], text)
        if sum(map(len, pieces)) > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")
        return self._link_text(values[DELIVERY_ID], link.link, "".join(pieces), link.quoted)
