"""What a marketer should know before sending: the content's findings, with the audience and the sender looked up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import NamedTuple

from chalicelib.campaigns.account import SenderFacts, SendingAccount
from chalicelib.campaigns.completeness import missing_findings, missing_in
from chalicelib.campaigns.drafts import Draft
from chalicelib.campaigns.launched_content import campaign_values, tracking_of
from chalicelib.campaigns.proving import compile_both, prove_both, result_of
from chalicelib.campaigns.sender_findings import sender_findings
from chalicelib.content.compiled import ContentSource
from chalicelib.content.diagnosis import Diagnosis
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.preflight import (
    AudienceFacts,
    Finding,
    content_findings,
    preflight_findings,
    proof_findings,
)
from chalicelib.content.render import Renderer
from chalicelib.content.values import is_missing
from chalicelib.crm.audience import Audiences
from chalicelib.crm.leads import merge_fields
from chalicelib.model.campaign import Campaign, ProofResult
from chalicelib.model.errors import Fault
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.workspace import Workspace
from chalicelib.tracking.key_ring import KeyRingSource

LEADS_LOOKED_AT = 20_000
"""More would not fit into a request's 29 seconds; the answer says how many leads the counts cover."""
LEADS_RENDERED = 100
"""How many mails are rendered to find failures: a template may take 45 ms before it is stopped."""


class Sample(NamedTuple):
    """A lead of the audience, and the subject that it would get."""

    lead_id: LeadId
    name: str
    subject: str


@dataclass(frozen=True, slots=True)
class Preflight:
    findings: list[Finding]
    audience_looked_at: int
    """Leads that the counts were made over."""
    audience_is_whole: bool
    """False when the audience is larger than what was looked at."""
    without_email: int = 0
    """Of those looked at."""
    sample: Sample | None = None
    """None for an empty audience, and where the first mail cannot be rendered."""
    proof: ProofResult | None = None
    """None: not proven, which is a finding, or plain text."""


def preflight(
    draft: Draft,
    audiences: Audiences,
    account: SendingAccount,
    workspace: Workspace,
    keys: KeyRingSource,
    tracking_url: str,
) -> Preflight:
    """Findings for a draft as if it were sent now: with tracking, to the current audience. Writes nothing.

    What is missing is an error; all that is there is checked.
    """
    campaign = draft.campaign
    missing = missing_in(campaign, draft.body)
    names_audience = bool(campaign.audience.entity and campaign.audience.stages)
    tracking = tracking_of(keys, tracking_url, campaign.campaign_id, keys.ring().current)
    try:
        source = draft.source()
        compiled, untracked = compile_both(source, tracking, campaign.tracking)
    except ContentInvalid as error:
        findings = missing_findings(missing) + content_findings(error)
        return Preflight(findings, audience_looked_at=0, audience_is_whole=False)
    proof = prove_both(source, compiled, untracked, tracking)
    paths = {use.path for use in compiled.merge_fields if not use.has_default}
    empty: Counter[str] = Counter()
    tried: list[Mapping[str, object]] = []
    first: Lead | None = None
    without_email = total = 0
    members = audiences.members(campaign.audience) if names_audience else iter(())
    for lead in islice(members, LEADS_LOOKED_AT):
        total += 1
        without_email += lead.email is None
        first = first or lead
        values = merge_fields(lead)
        empty.update(path for path in paths if is_missing(_value_at(values, path)))
        if total <= LEADS_RENDERED:
            tried.append(values)
    renderer = Renderer(compiled, tracking)
    failures, with_empty_links = _tried(
        source, renderer, campaign_values(campaign), tried or [{}], tracking.unsubscribe_url("")
    )
    state, sender = account.state(), None
    if account.asks_senders and campaign.from_email:  # SES that has not answered, after 15 s, is not asked again
        sender = SenderFacts() if state is None else account.sender(campaign.from_email)
    facts = AudienceFacts(
        total if names_audience else None,
        without_email,
        dict(empty),
        None if sender is None else sender.verified,
        with_empty_links if tried else None,
        failures if tried else dict.fromkeys(failures),
        list(sender_findings(compiled, total, state, sender, workspace)),
    )
    return Preflight(
        findings=missing_findings(missing)
        + proof_findings(proof.faults)
        + preflight_findings(source, compiled, tracking, facts),
        audience_looked_at=total,
        audience_is_whole=next(members, None) is None,
        without_email=without_email,
        sample=None if first is None else _sample(renderer, campaign, first, tracking.unsubscribe_url("")),
        proof=None if proof.faults else result_of(proof, compiled),
    )


def _sample(renderer: Renderer, campaign: Campaign, lead: Lead, unsubscribe_url: str) -> Sample | None:
    name = " ".join(filter(None, (lead.first_name, lead.last_name))) or lead.email or "a lead without a name"
    with suppress(RenderFailed):
        rendered = renderer.render(merge_fields(lead), campaign_values(campaign), "", unsubscribe_url)
        return Sample(lead.lead_id, name, rendered.subject)
    return None


def _tried(
    source: ContentSource,
    renderer: Renderer,
    campaign: Mapping[str, str],
    leads: Iterable[Mapping[str, object]],
    unsubscribe_url: str,
) -> tuple[Counter[Fault], int]:
    """What cannot be rendered and for how many of these leads; and for how many a link leads nowhere."""
    diagnosis = cache(lambda: Diagnosis(source))
    found: Counter[Fault] = Counter()
    with_empty_links = 0
    for lead in leads:
        try:
            rendered = renderer.render(lead, campaign, "", unsubscribe_url)
            with_empty_links += rendered.empty_links > 0
        except RenderFailed as failure:
            found[diagnosis().fault(lead, campaign, failure)] += 1
    return found, with_empty_links


def _value_at(values: Mapping[str, object], path: str) -> object:
    """The value of a path such as `lead.fields.plan`; None where there is nothing."""
    _, *names = path.split(".")
    found: object = values
    for name in names:
        found = found.get("lead_id" if name == "id" else name) if isinstance(found, Mapping) else None
    return found
