"""DMARC: policies, organizational domains and alignment, from the TXT records that were found. Source: RFC 9989."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Policies = Mapping[str, "Policy"]
"""The policy at each domain that has one."""
_MOST_LABELS = 7
"""Below its own name, no domain with more labels is looked at (RFC 9989, 4.10: at most eight queries)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record (RFC 9989, 4.7)."""

    text: str
    strict_dkim: bool
    strict_spf: bool
    psd: str
    """`y`: names below belong to different organizations; `n`: this is the organization's own domain; `u`: not said."""


def is_policy(text: str) -> bool:
    name, _, value = text.partition(";")[0].partition("=")
    return (name.strip(), value.strip()) == ("v", "DMARC1")


def read_policy(texts: Iterable[str]) -> Policy | None:
    """The policy among a name's TXT records; None without one, or with several, which receivers ignore (4.10)."""
    found = [text for text in texts if is_policy(text)]
    if len(found) != 1:
        return None
    pairs = (part.partition("=") for part in found[0].split(";"))
    tags = {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
    strict_dkim, strict_spf = tags.get("adkim") == "s", tags.get("aspf") == "s"
    return Policy(found[0], strict_dkim, strict_spf, tags.get("psd", "u"))


def walk(domain: str) -> list[str]:
    """The domains at which the tree walk looks for a policy, in its order (4.10)."""
    above = domain.split(".")[1:][-_MOST_LABELS:]
    return [domain, *(".".join(above[first:]) for first in range(len(above)))]


def organizational_domain(domain: str, policies: Policies) -> str:
    """The domain of the organization that a domain belongs to (4.10.2); itself if no policy is found."""
    names, organization = walk(domain), domain
    for below, name in zip(["", *names], names, strict=False):
        policy = policies.get(name)
        if policy is None:
            continue
        if policy.psd == "y" and name != domain:
            return below
        organization = name
        if policy.psd == "n":
            break
    return organization


def policy_domain(domain: str, policies: Policies) -> str | None:
    """Where the policy is that applies to mails from a domain (4.10.1); None: there is none."""
    organization = organizational_domain(domain, policies)
    above = organization.partition(".")[2]
    in_order = [domain, organization, *([above] if above in policies and policies[above].psd == "y" else [])]
    return next((name for name in in_order if name in policies), None)


def is_aligned(author: str, authenticated: str, *, strict: bool, policies: Policies) -> bool:
    """Whether a domain that DKIM or SPF authenticates counts for the From address's domain (3.2.10)."""
    if strict or author == authenticated:
        return author == authenticated
    return organizational_domain(author, policies) == organizational_domain(authenticated, policies)


def names_to_look_up(domains: Sequence[str]) -> list[str]:
    """All domains whose policies decide about the alignment of these."""
    return list(dict.fromkeys(name for domain in domains for name in walk(domain)))
