"""What a marketer should know before sending: the content's findings, with the audience and the sender looked up."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import NamedTuple

from chalicelib.campaigns.account import SenderFacts, SendingAccount
from chalicelib.campaigns.completeness import missing_in
from chalicelib.campaigns.drafts import Draft
from chalicelib.campaigns.launched_content import campaign_values, tracking_of
from chalicelib.campaigns.proving import compile_both, prove_both, result_of
from chalicelib.campaigns.sender_findings import sender_findings
from chalicelib.content.compiled import ContentSource
from chalicelib.content.diagnosis import Diagnosis
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.findings import Finding, content_findings, finding, in_order, proof_findings
from chalicelib.content.preflight import AudienceFacts, preflight_findings
from chalicelib.content.render import Renderer
from chalicelib.content.values import is_missing
from chalicelib.content.vocabulary import value_at
from chalicelib.crm.audience import Audiences
from chalicelib.crm.leads import merge_fields
from chalicelib.model.campaign import ProofResult
from chalicelib.model.errors import Fault
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.workspace import Workspace
from chalicelib.tracking.key_ring import KeyRingSource

LEADS_LOOKED_AT = 20_000
LOOK_SECONDS = 10
"""A request has 29, of which SES may take 15; the answer says how many leads the counts cover."""
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
    missing = [finding(f"missing:{each.field}", each.field) for each in missing_in(campaign, draft.body)]
    tracking = tracking_of(keys, tracking_url, campaign.campaign_id, keys.ring().current)
    try:
        source = draft.source()
        mail = compile_both(source, tracking, campaign.tracking)
    except ContentInvalid as error:
        return Preflight(missing + content_findings(error.faults), audience_looked_at=0, audience_is_whole=False)
    proof, compiled = prove_both(mail), mail.tracked
    names_audience = bool(campaign.audience.entity and campaign.audience.stages)
    is_over = audiences.time_is_over(LOOK_SECONDS)
    members = audiences.members(campaign.audience, is_over=is_over) if names_audience else iter(())
    seen = _Seen({use.path for use in compiled.merge_fields if not use.has_default})
    for lead in islice(members, LEADS_LOOKED_AT):
        seen.add(lead)
    is_whole = next(members, None) is None and not is_over()
    failures, with_empty_links, subject = _tried(
        source,
        Renderer(compiled, tracking),
        seen.first or [None],
        campaign_values(campaign),
        tracking.unsubscribe_url(""),
    )
    facts = AudienceFacts(
        total=seen.total if names_audience and (is_whole or seen.total) else None,
        without_email=seen.without_email,
        empty_fields=seen.empty_fields,
        with_empty_links=with_empty_links if seen.first else None,
        failures=failures if seen.first else dict.fromkeys(failures),
    )
    state, sender = account.state(), None
    if account.asks_senders and campaign.from_email:  # SES that has not answered, after 15 s, is not asked again
        sender = SenderFacts() if state is None else account.sender(campaign.from_email)
    of_sender = sender_findings(compiled, seen.total, state, sender, workspace)
    of_content = preflight_findings(source, compiled, tracking, facts)
    return Preflight(
        findings=missing + proof_findings(proof.faults) + in_order([*of_sender, *of_content]),
        audience_looked_at=seen.total,
        audience_is_whole=is_whole,
        without_email=seen.without_email,
        sample=_sample(seen.first[0], subject) if seen.first and subject is not None else None,
        proof=None if proof.faults else result_of(proof, mail),
    )


@dataclass(slots=True)
class _Seen:
    """What the leads have that were looked at."""

    paths: Collection[str]
    """Of merge fields without a default."""
    total: int = 0
    without_email: int = 0
    empty_fields: Counter[str] = field(default_factory=Counter)
    first: list[Lead] = field(default_factory=list)
    """Those whose mails are rendered."""

    def add(self, lead: Lead) -> None:
        self.total += 1
        self.without_email += lead.email is None
        values = merge_fields(lead)
        self.empty_fields.update(path for path in self.paths if is_missing(value_at(values, path)))
        if self.total <= LEADS_RENDERED:
            self.first.append(lead)


def _tried(
    source: ContentSource,
    renderer: Renderer,
    leads: Iterable[Lead | None],
    campaign: Mapping[str, str],
    unsubscribe_url: str,
) -> tuple[Counter[Fault], int, str | None]:
    """What cannot be rendered, for how many of these leads; for how many a link leads nowhere; the first's subject."""
    diagnosis = cache(lambda: Diagnosis(source))
    found: Counter[Fault] = Counter()
    with_empty_links, subjects = 0, list[str | None]()
    for values in map(merge_fields, leads):
        try:
            rendered = renderer.render(values, campaign, "", unsubscribe_url)
            with_empty_links += rendered.empty_links > 0
            subjects.append(rendered.subject)
        except RenderFailed as failure:
            found[diagnosis().fault(values, campaign, failure)] += 1
            subjects.append(None)
    return found, with_empty_links, subjects[0]


def _sample(lead: Lead, subject: str) -> Sample:
    name = " ".join(filter(None, (lead.first_name, lead.last_name))) or lead.email or "a lead without a name"
    return Sample(lead.lead_id, name, subject)
