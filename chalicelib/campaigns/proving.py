"""Proves a campaign's mail, in both of the forms that leads get: tracked, and untracked for those who opted out."""

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.campaigns.completeness import require_complete
from chalicelib.campaigns.launched_content import source_of, tracking_of
from chalicelib.content.compiled import BothForms, CompiledContent, ContentSource, LinkTracking
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import NotProven
from chalicelib.model.campaign import Campaign, ProofResult
from chalicelib.model.delivery import Tracking
from chalicelib.store.campaigns import Campaigns
from chalicelib.tracking.key_ring import KeyRingSource

if TYPE_CHECKING:
    from chalicelib.content.proof import Proof


def compile_both(source: ContentSource, tracking: LinkTracking, wanted: Tracking) -> BothForms:
    """Raises ContentInvalid."""
    untracked = compile_content(source, None)
    tracked = untracked if wanted is Tracking.NONE else compile_content(source, tracking)
    return BothForms(source, tracking, tracked, untracked)


def prove_both(mail: BothForms, *, at_launch: bool = False) -> "Proof":
    """The proof of a mail. Never raises; takes a few seconds of CPU at most, some more at launch."""
    # With this comes html5lib, which functions that prove nothing must not load.
    from chalicelib.content.html_tree import SECONDS
    from chalicelib.content.proof import LAUNCH_SECONDS, prove

    seconds = LAUNCH_SECONDS if at_launch else SECONDS
    tracking = None if mail.tracked is mail.untracked else mail.tracking
    proof = prove(mail.source, mail.tracked, tracking, seconds=seconds)
    if proof.faults or tracking is None:
        return proof
    return replace(proof, faults=prove(mail.source, mail.untracked, None, seconds=seconds).faults)


def prove_draft(
    campaigns: Campaigns, keys: KeyRingSource, tracking_url: str, campaign: Campaign
) -> "tuple[Proof, CompiledContent]":
    """The proof of a campaign as if it were launched now, and its mail.

    Raises Incomplete, ContentInvalid, Conflict when it is being changed.
    """
    tracking = tracking_of(keys, tracking_url, campaign.campaign_id, keys.ring().current)
    body = campaigns.body(campaign)
    require_complete(campaign, body)
    source = source_of(campaign, body, campaigns.workspace_of(campaign))
    mail = compile_both(source, tracking, campaign.tracking)
    return prove_both(mail), mail.tracked


def require_proof(proof: "Proof", *, waive_proof: bool) -> bool:
    """Raises NotProven unless the proof is waived; answers whether that was needed: what is proven needs no waiver."""
    if proof.faults and not waive_proof:
        raise NotProven(proof.faults)
    return bool(proof.faults)


def result_of(proof: "Proof", mail: BothForms) -> ProofResult | None:
    """What is shown of a proof; None for plain text, where there is nothing to compare."""
    if mail.tracked.html is None:
        return None
    return ProofResult() if proof.faults else ProofResult(proof.tracked, proof.untracked)
