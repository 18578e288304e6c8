"""Compiled content: all that rendering needs, computed once per campaign, and its stored form."""

import json
from dataclasses import dataclass
from typing import Any, Final, Self

from .segments import Segments, from_json, to_json

FORMAT_VERSION: Final = 1


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
    """A value of the lead shown by a merge tag: `path` like "lead.first_name" or "lead.fields.plan"."""

    path: str
    field: str  # of the source: subject, html, text, from_name, reply_to
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

    def to_bytes(self) -> bytes:
        """Self-describing JSON in UTF-8; compresses to a fraction."""
        stored = {
            "version": FORMAT_VERSION,
            "subject": to_json(self.subject),
            "html": _optional(self.html),
            "text": to_json(self.text),
            "from_email": self.from_email,
            "from_name": _optional(self.from_name),
            "reply_to": _optional(self.reply_to),
            "links": [[x.link, x.url, x.text, x.line, x.column, x.tracked, x.reason, x.risk] for x in self.links],
            "merge_fields": [[x.path, x.field, x.line, x.column, x.has_default] for x in self.merge_fields],
            "tracked": self.tracked,
            "text_generated": self.text_generated,
            "base_url": self.base_url,
            "utm": self.utm,
        }
        return json.dumps(stored, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """What to_bytes stored. Raises ValueError for anything else, also for a newer version."""
        content = json.loads(stored)
        if not isinstance(content, dict) or content.get("version") != FORMAT_VERSION:
            raise ValueError("this is no compiled content of a version known here")
        return cls(
            subject=from_json(content["subject"]),
            html=_maybe(content["html"]),
            text=from_json(content["text"]),
            from_email=content["from_email"],
            from_name=_maybe(content["from_name"]),
            reply_to=_maybe(content["reply_to"]),
            links=tuple(Link(*link) for link in content["links"]),
            merge_fields=tuple(MergeField(*use) for use in content["merge_fields"]),
            tracked=content["tracked"],
            text_generated=content["text_generated"],
            base_url=content["base_url"],
            utm=tuple((key, value) for key, value in content["utm"]),
        )


def _optional(segments: Segments | None) -> list[Any] | None:
    return None if segments is None else to_json(segments)


def _maybe(stored: list[Any] | None) -> Segments | None:
    return None if stored is None else from_json(stored)
