"""A campaign: what was written, for whom, and its progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.model.delivery import Tracking
from chalicelib.model.ids import CampaignId
from chalicelib.model.workspace import Workspace


class CampaignStatus(StrEnum):
    """How a campaign moves from one to another: lifecycle.py."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    MISSED = "missed"
    """It was not sent at its scheduled time; the reason says why."""
    PLANNING = "planning"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Did(StrEnum):
    OPENED = "opened"
    NOT_OPENED = "not_opened"
    CLICKED = "clicked"
    NOT_CLICKED = "not_clicked"


@dataclass(frozen=True, slots=True)
class Behavior:
    """What a lead did, as a person, with an earlier campaign's mail."""

    campaign_id: CampaignId
    did: Did


@dataclass(frozen=True, slots=True)
class Audience:
    """Leads of one entity in any of these stages, with all of these tags and all of this behavior."""

    entity: str
    stages: tuple[str, ...]
    tags: tuple[str, ...] = ()
    behavior: tuple[Behavior, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The author's content, as written: at most one of `html`, `mjml` and `markdown`."""

    html: str | None = None
    text: str | None = None
    mjml: str | None = None
    markdown: str | None = None
    preview_text: str | None = None
    """What inboxes show behind the subject; may hold merge tags."""

    @property
    def has_content(self) -> bool:
        return any(text and text.strip() for text in (self.html, self.mjml, self.markdown, self.text))


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a campaign is to be sent, once."""

    schedule_id: str
    """A schedule that fires under another id than the campaign's does nothing."""
    at: datetime
    local: str
    """The same as the marketer entered it: local time in `timezone`, such as 2026-12-01T09:00."""
    timezone: str
    """IANA name."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a campaign that is being sent waits, and when it will be woken."""

    until: datetime
    """In whole seconds: part of the schedule's name."""
    reason: str | None
    """A WaitReason (reasons.py); None: until the mails that were enqueued have left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    campaign_id: CampaignId
    title: str
    subject: str
    from_email: str
    from_name: str | None = None
    reply_to: str | None = None
    audience: Audience
    status: CampaignStatus
    version: int
    """Number of the author's changes; an update names the version it was made from."""
    created_at: datetime
    updated_at: datetime
    utm: Mapping[str, str] = field(default_factory=dict)
    tracking: Tracking = Tracking.FULL
    launched_at: datetime | None = None
    """When the audience was taken."""
    key_number: int | None = None
    """The signing key of its delivery ids and links, fixed at launch."""
    completed_at: datetime | None = None
    status_reason: str | None = None
    """The reason of its status, in a sentence for the marketer; None if the status says it all."""
    schedule: Schedule | None = None
    """The current schedule, or the last one: it stays when it has fired."""
    retry: int = 0
    """How many times a retry of its failed deliveries was requested."""
    waiting: Wait | None = None
    proof_waived: bool = False
    """Its marketer has seen that this content is not proven, and wants it sent."""


@dataclass(frozen=True, slots=True)
class LaunchedLink:
    """A tracked link of a launched mail."""

    link: str
    """Its id."""
    url: str
    """As written."""
    text: str
    """What it stands behind."""
    line: int
    """In what the author wrote, 1-based, as is `column`."""
    column: int


GMAIL_CLIPS_AT = 102 * 1024
"""Bytes of HTML at which Gmail hides the rest of a mail, and the pixel at its end with it."""


@dataclass(frozen=True, slots=True)
class ProofResult:
    """What comparing a mail with what its author wrote has shown (content/proof.py)."""

    tracked: int | None = None
    """Links; None, as is `untracked`, if it is not proven and was sent because its marketer waived the proof."""
    untracked: int | None = None

    @property
    def state(self) -> str:
        return "waived" if self.tracked is None else "proven"

    @property
    def text(self) -> str:
        """In words, for the marketer."""
        if self.tracked is None or self.untracked is None:
            return "Sent without the check, at your request."
        links = f"{self.tracked:,} {'link' if self.tracked == 1 else 'links'} tracked"
        left = f"{self.untracked:,} left as {'it is' if self.untracked == 1 else 'they are'}"
        return f"Checked: {links}, {left}, nothing else changed."


@dataclass(frozen=True, slots=True)
class LaunchedMail:
    """What the reports say of a mail as it was launched."""

    links: tuple[LaunchedLink, ...] = ()
    """In document order."""
    html_bytes: int | None = None
    """Size of the HTML part as sent, merge fields left empty; None for plain text."""
    proof: ProofResult | None = None
    """None for plain text, and for what earlier releases launched."""
    workspace: Workspace | None = None
    """Whose theme it was given; None for what earlier releases launched."""
