"""What the author wrote, and what the compiler asks of link tracking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

UTM_KEYS = ("source", "medium", "campaign", "term", "content")


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


class LinkTracking(Protocol):
    """How tracked links look and are signed; chalicelib/tracking implements it."""

    @property
    def base_url(self) -> str:
        """Where recipients knock, `https://...` without a trailing slash."""
        ...

    def sign(self, link: str, destination: str) -> str:
        """The signature over (campaign, link, destination), made of URL-safe characters."""
        ...
