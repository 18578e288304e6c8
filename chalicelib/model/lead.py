"""A lead: a person in the CRM, and how it is recognised."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from chalicelib.model.addresses import address_key, readable_address
from chalicelib.model.ids import LeadId
from chalicelib.model.suppression import Mark

FieldValue = str | int | float | bool
LeadStatus = Literal["subscribed", "unsubscribed", "hard_bounce", "complaint", "manual"]
"""Whether it may be mailed: `subscribed`, or a SuppressionReason."""
_SEARCHED_OF_A_FIELD = 40
"""Characters of each custom field: what is searched is stored once more with the lead."""


class Identity(NamedTuple):
    """What a lead is recognised by within its entity."""

    entity: str
    kind: str
    """email (lower case), external (the caller's id) or content (hash of an imported line that has neither)."""
    value: str


@dataclass(frozen=True, slots=True)
class Lead:
    """A person in the CRM. Times are aware, in UTC, to the millisecond."""

    lead_id: LeadId
    entity: str
    stage: str
    created_at: datetime
    updated_at: datetime
    external_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    tags: tuple[str, ...] = ()
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    content: str | None = None
    """Hash of the imported line this lead came from, when that line had neither an address nor an external id."""
    tracking_opt_out: bool = False
    """Mails to this lead carry no pixel and no tracked links, whatever the campaign says."""
    unsubscription: Mark | None = None
    """Why its entity must not mail it, if it has unsubscribed."""
    suppressed: Mark | None = None
    """Why its address must not be mailed, by any entity."""
    version: int = 1
    """Counts changes; a change is written only over the version that it was decided on."""

    @property
    def unsubscribed(self) -> bool:
        return self.unsubscription is not None

    @property
    def mailing_status(self) -> list[LeadStatus]:
        """`subscribed`, or all reasons why it may not be mailed."""
        reasons: list[LeadStatus] = [mark.reason.value for mark in (self.unsubscription, self.suppressed) if mark]
        return reasons or ["subscribed"]

    @property
    def owned_address(self) -> Identity | None:
        """Its entity and address, which no other lead has."""
        return Identity(self.entity, "email", address_key(self.email)) if self.email else None

    @property
    def identities(self) -> frozenset[Identity]:
        return frozenset(identities_of(self.entity, self.external_id, self.email, self.content))

    @property
    def search_text(self) -> str:
        """What a search looks in, folded."""
        fields = (str(value)[:_SEARCHED_OF_A_FIELD] for value in self.fields.values())
        address = self.email or ""
        said = (self.first_name, self.last_name, address, readable_address(address), self.external_id, *fields)
        return folded(" ".join(word for word in said if word))


def folded(text: str) -> str:
    """The text without case and accents, for searching: a part of it, folded, is a part of this."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letters).casefold()


def identities_of(entity: str, external_id: str | None, email: str | None, content: str | None) -> list[Identity]:
    """The strongest first."""
    values = (("external", external_id), ("email", address_key(email) if email else None), ("content", content))
    return [Identity(entity, kind, value) for kind, value in values if value]


class LeadChange(NamedTuple):
    """A lead to make (`before` is None) or to change."""

    before: Lead | None
    after: Lead


class LeadFilter(NamedTuple):
    """Which leads are meant; None matches any."""

    entity: str | None = None
    stage: str | None = None
    tag: str | None = None
    q: str | None = None
    """Looked for in names, address, external id and custom fields, ignoring case and accents."""
    status: LeadStatus | None = None

    def matches(self, lead: Lead) -> bool:
        return (
            self.entity in (None, lead.entity)
            and self.stage in (None, lead.stage)
            and (self.tag is None or self.tag in lead.tags)
            and folded(self.q or "") in lead.search_text
            and self.status in (None, *lead.mailing_status)
        )


EVERY_LEAD = LeadFilter()
