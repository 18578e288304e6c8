"""Drafts: what may be written in them, and how they are created, changed and deleted before anybody has received them.

A draft may lack anything; what is there is checked. What sending needs: completeness.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, TypedDict

from chalicelib.backoff import attempts
from chalicelib.campaigns.launched_content import links_of, source_of
from chalicelib.campaigns.schedule import forget_schedule
from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.crm.lead_input import (
    LONGEST_TEXT,
    checked_address,
    group_faults,
    line_faults,
    normalized,
    normalized_set,
    tag_faults,
)
from chalicelib.model.campaign import Audience, Behavior, Body, Campaign, CampaignStatus, Did, LaunchedLink
from chalicelib.model.delivery import Tracking
from chalicelib.model.errors import Conflict, Conflicting, Fault, InvalidFields, StoreUnavailable
from chalicelib.model.ids import CampaignId, is_campaign_id, new_campaign_id
from chalicelib.model.lifecycle import DELETE, LAUNCHED, WrongStatus, require_status, require_version
from chalicelib.model.workspace import Workspace
from chalicelib.scheduler import Schedules
from chalicelib.store.campaigns import Campaigns

_READS = 8
MAX_STAGES = 50
MAX_BEHAVIORS = 5
_LONGEST = {"title": 200, "from_name": 200, "subject": 998, "preview_text": 200}
"""Characters. A header line must not be longer than 998 (RFC 5322, 2.1.1)."""
_COPY = " (copy)"
_FOLLOW_UP = " (follow-up)"
"""Behind the titles of drafts made from another campaign."""


class InvalidCampaign(InvalidFields, problem="invalid-campaign", title="The campaign is not valid"):
    """What was written breaks rules."""


class NamesNobody(Conflicting, problem="names-nobody", title="The campaign does not track who did what"):
    """Nobody can be selected by their reaction to a campaign that does not track who opened or clicked."""


class NotADraft(WrongStatus, problem="not-a-draft", title="The campaign is no longer a draft"):
    """The campaign has left the draft; its content and audience are frozen."""

    def __init__(self, status: CampaignStatus) -> None:
        back = " Unschedule it first." if status in (CampaignStatus.SCHEDULED, CampaignStatus.MISSED) else ""
        super().__init__(f"The campaign is {status.value}; only a draft can be changed.{back}")


class Written(TypedDict, total=False):
    """Fields of a campaign as its author writes them. Absent: unchanged, or not written yet."""

    title: str
    subject: str
    from_email: str
    audience: Audience
    from_name: str | None
    reply_to: str | None
    html: str | None
    mjml: str | None
    markdown: str | None
    text: str | None
    preview_text: str | None
    utm: Mapping[str, str]
    tracking: Tracking


_CONTENT = frozenset(Body.__dataclass_fields__)
_FIELDS = Written.__annotations__.keys() - _CONTENT
"""Of the campaign itself."""


@dataclass(frozen=True, slots=True)
class Draft:
    campaign: Campaign
    body: Body
    workspace: Workspace
    """Whose theme and language its mail has."""

    def source(self) -> ContentSource:
        """What the content engine reads. Raises ContentInvalid."""
        return source_of(self.campaign, self.body, self.workspace)

    def html(self) -> str | None:
        """As written, or made of what was written; None for plain text, and for what no longer compiles."""
        try:
            return self.source().html
        except ContentInvalid:
            return None


class Drafts:
    def __init__(self, campaigns: Campaigns, schedules: Schedules) -> None:
        self._campaigns = campaigns
        self._schedules = schedules

    def get(self, campaign_id: CampaignId) -> Draft:
        """Any campaign with its content, draft or not. Raises CampaignNotFound."""
        for _ in attempts(_READS):
            campaign = self._campaigns.get(campaign_id)
            try:
                body = self._campaigns.body(campaign)
                return Draft(campaign, body, self._campaigns.workspace_of(campaign))
            except Conflict:
                continue  # its author saved it between the two reads
        raise StoreUnavailable("the campaign kept changing")

    def links(self, campaign_id: CampaignId) -> tuple[LaunchedLink, ...]:
        """The tracked links of a campaign; before launch those that it would have. Raises CampaignNotFound."""
        campaign = self._campaigns.get(campaign_id)
        if campaign.launched_at is not None:
            return self._campaigns.find_launched(campaign).links
        try:
            source = self.get(campaign_id).source()
            links = compile_content(source, None).links if campaign.tracking is not Tracking.NONE else ()
        except ContentInvalid:
            return ()
        return links_of(source, (link for link in links if link.reason is None))

    def create(self, written: Written, now: datetime) -> Draft:
        """Raises InvalidCampaign; nothing is written then."""
        draft = self._checked(blank(now), Body(), written)
        self._campaigns.create(draft.campaign, draft.body)
        return draft

    def unsaved(self, written: Written, now: datetime) -> tuple[Draft, list[Fault]]:
        """The draft that `create` would make of this, and what is wrong with its fields. Nothing is stored."""
        faults: list[Fault] = []
        campaign, body = _normalized(blank(now), Body(), written, faults)
        return Draft(campaign, body, self._campaigns.workspace_of(campaign)), faults

    def change(self, campaign_id: CampaignId, changes: Written, now: datetime, *, version: int | None = None) -> Draft:
        """Change some fields.

        `version`: what the change was made from. Raises InvalidCampaign, CampaignNotFound, NotADraft, Conflict when the
        draft is no longer that, or is being changed.
        """
        draft = self.get(campaign_id)
        if draft.campaign.status is not CampaignStatus.DRAFT:
            raise NotADraft(draft.campaign.status)
        require_version(draft.campaign, version)
        changed = self._checked(draft.campaign, draft.body, changes)
        campaign = self._campaigns.update_draft(changed.campaign, changed.body, at=now)
        return replace(changed, campaign=campaign)

    def duplicate(self, campaign_id: CampaignId, now: datetime) -> Draft:
        """A new draft with the same content, sender and audience; of any status. Raises CampaignNotFound."""
        return self._copy(self.get(campaign_id), _COPY, now)

    def follow_up(
        self, campaign_id: CampaignId, did: Did, stages_of: Callable[[str], Sequence[str]], now: datetime
    ) -> Draft:
        """A new draft with the same content, for those of the campaign's recipients who reacted so to its mail.

        Their stages may have changed since: those that `stages_of` the entity gives are chosen, too.
        Raises CampaignNotFound, WrongStatus for a campaign that was not sent, NamesNobody, InvalidCampaign.
        """
        draft = self.get(campaign_id)
        campaign = draft.campaign
        require_status(campaign, LAUNCHED, "followed up")
        if campaign.tracking is not Tracking.FULL:
            raise NamesNobody("The campaign does not track who opened or clicked, so nobody can be chosen by it.")
        behavior, faults = (*campaign.audience.behavior, Behavior(campaign_id, did)), list[Fault]()
        stages = dict.fromkeys((*campaign.audience.stages, *stages_of(campaign.audience.entity)))
        audience = _audience(replace(campaign.audience, stages=tuple(stages)[:MAX_STAGES], behavior=behavior), faults)
        if faults:
            raise InvalidCampaign(faults)
        return self._copy(draft, _FOLLOW_UP, now, audience=audience)

    def _copy(self, draft: Draft, suffix: str, now: datetime, **changes: Any) -> Draft:
        title = draft.campaign.title and draft.campaign.title[: _LONGEST["title"] - len(suffix)] + suffix
        written = {name: getattr(draft.campaign, name) for name in _FIELDS}
        campaign = replace(blank(now), **written | {"title": title} | changes)
        self._campaigns.create(campaign, draft.body)
        return Draft(campaign, draft.body, self._campaigns.workspace_of(campaign))

    def _checked(self, campaign: Campaign, body: Body, written: Written) -> Draft:
        """The draft with what was written, normalized. Raises InvalidCampaign with every fault."""
        named = [each.campaign_id for each in written.get("audience", campaign.audience).behavior]
        known = self._campaigns.find_many(set(filter(is_campaign_id, named)))
        faults = [
            Fault(f"audience.behavior[{number}].campaign_id", "is not a campaign")
            for number, each in enumerate(named)
            if each not in known
        ]
        checked, body = _normalized(campaign, body, written, faults)
        draft = Draft(checked, body, self._campaigns.workspace_of(checked))
        if not faults:
            try:
                compile_content(draft.source(), None)
            except ContentInvalid as error:
                faults = list(error.faults)
        if faults:
            raise InvalidCampaign(faults)
        return draft

    def delete(self, campaign_id: CampaignId) -> None:
        """Remove a campaign of which nothing was sent, its schedule too. Raises CampaignNotFound, WrongStatus."""
        campaign = self._campaigns.get(campaign_id)
        require_status(campaign, DELETE.before, DELETE.done)
        if not self._campaigns.delete(campaign):
            raise Conflict("The campaign was changed meanwhile.")
        forget_schedule(self._schedules, campaign)


def blank(now: datetime) -> Campaign:
    """A new draft, of which nothing is written yet."""
    return Campaign(
        campaign_id=new_campaign_id(),
        title="",
        subject="",
        from_email="",
        audience=Audience("", ()),
        status=CampaignStatus.DRAFT,
        version=1,
        created_at=now,
        updated_at=now,
    )


def _normalized(campaign: Campaign, body: Body, written: Written, faults: list[Fault]) -> tuple[Campaign, Body]:
    """Both with what was written, normalized; adds what is wrong to `faults`."""
    said: dict[str, Any] = {name: getattr(campaign, name) for name in _FIELDS} | asdict(body) | written
    said |= {name: _line(name, said[name], longest, faults) for name, longest in _LONGEST.items()}
    email, reply_to = said["from_email"], said["reply_to"]
    said["from_email"] = checked_address("from_email", email, faults) if email.strip() else None
    said["reply_to"] = checked_address("reply_to", reply_to, faults) if reply_to else None
    said["audience"] = _audience(said["audience"], faults)
    utm = {name: _line(f"utm.{name}", value, LONGEST_TEXT, faults) for name, value in said["utm"].items()}
    said["utm"] = {name: value for name, value in utm.items() if value}
    said |= {name: said[name] or "" for name in ("title", "subject", "from_email")}
    kinds = [kind for kind in ("html", "mjml", "markdown") if said[kind]]
    faults += [Fault(kind, f"cannot be combined with {kinds[0]}; set one of them to null") for kind in kinds[1:]]
    content = Body(**{name: said[name] or None for name in _CONTENT})
    return replace(campaign, **{name: said[name] for name in _FIELDS}), content


def _line(name: str, value: str | None, longest: int, faults: list[Fault]) -> str | None:
    text = normalized(value)
    faults += [Fault(name, why) for why in line_faults(text, longest)]
    return text or None


def _audience(audience: Audience, faults: list[Fault]) -> Audience:
    """By the rules for leads; each stage and tag once, since an audience names sets of them."""
    entity = normalized(audience.entity)
    stages, tags = normalized_set(audience.stages), normalized_set(audience.tags)
    faults += [Fault("audience.entity", why) for why in (group_faults(entity) if entity else [])]
    stage_faults = [why for stage in stages for why in group_faults(stage)]
    if len(stages) > MAX_STAGES:
        stage_faults.append(f"must not name more than {MAX_STAGES} stages")
    faults += [Fault("audience.stages", why) for why in dict.fromkeys(stage_faults)]
    faults += [Fault("audience.tags", why) for why in tag_faults(tags)]
    behavior = tuple(dict.fromkeys(audience.behavior))
    if len(behavior) > MAX_BEHAVIORS:
        faults.append(Fault("audience.behavior", f"must not name more than {MAX_BEHAVIORS}"))
    return Audience(entity, stages, tags, behavior)
