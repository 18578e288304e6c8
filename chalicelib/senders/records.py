"""The DNS records that a sender's domain needs, what the world sees of each, and whether its mails pass DMARC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.senders.dmarc import (
    Policies,
    Policy,
    is_aligned,
    is_policy,
    names_to_look_up,
    policy_domain,
    read_policy,
)
from chalicelib.senders.identities import Identity
from chalicelib.senders.lookups import Answers, Dns, Question

PROPOSED_POLICY = "v=DMARC1; p=none;"
"""The least that Gmail and Yahoo ask of bulk senders; it changes nothing for other mails of the domain."""
SPF = "v=spf1 include:amazonses.com ~all"
_SHOWN, _SHOWN_CHARACTERS = 5, 500
"""Of the values that a name has: anybody may publish any number, of any length."""


class State(StrEnum):
    FOUND = "found"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    """No name server answered."""


class Purpose(StrEnum):
    DKIM = "dkim"
    MAIL_FROM = "mail_from"
    SPF = "spf"
    DMARC = "dmarc"


@dataclass(frozen=True, slots=True)
class Record:
    """A record to publish. `seen`: the values that its name has now."""

    purpose: Purpose
    type: str
    name: str
    value: str
    state: State
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dmarc:
    """What receivers make of mails from a domain. `passes` is None if DNS did not answer."""

    domain: str | None
    """Where the policy is; None: there is none."""
    policy: str | None
    passes: bool | None
    reason: str | None
    """Why it does not pass, for a person who can change it."""


@dataclass(frozen=True, slots=True)
class Checked:
    records: list[Record]
    dmarc: Dmarc


def check(identity: Identity, region: str, dns: Dns) -> Checked:
    """Look up all that matters for a domain or an address that SES knows. Never raises."""
    domain = identity.sender.rpartition("@")[2]
    wanted = list(_wanted(identity, region))
    asked = [Question(name, kind) for _, kind, name, _ in wanted] + dmarc_questions(domain, identity)
    answers = dns.look_up(list(dict.fromkeys(asked)))
    records = [_record(*each, answers) for each in wanted]
    dmarc = dmarc_of(domain, identity, answers)
    if identity.kind == "domain":
        records.append(_dmarc_record(domain, dmarc, answers))
    return Checked(records, dmarc)


def dmarc_questions(domain: str, identity: Identity) -> list[Question]:
    """What has to be looked up to say whether mails from a domain pass DMARC."""
    mail_from = [identity.mail_from] if identity.mail_from else []
    names = names_to_look_up([domain, identity.sender.rpartition("@")[2], *mail_from])
    return [Question(f"_dmarc.{name}", "TXT") for name in names] + [Question(name, "TXT") for name in mail_from]


def dmarc_of(domain: str, identity: Identity, answers: Answers) -> Dmarc:
    """Whether mails from addresses of `domain`, sent with this identity, pass DMARC."""
    policies: dict[str, Policy] = {}
    for name, kind in dmarc_questions(domain, identity):
        policy = read_policy(answers[Question(name, kind)] or ())
        if policy is not None:
            policies[name.removeprefix("_dmarc.")] = policy
    where = policy_domain(domain, policies)
    if where is None:
        several = sum(map(is_policy, answers[Question(f"_dmarc.{domain}", "TXT")] or ()))
        passes, reason = False, f"no DMARC record is published for {domain}"
        if several:
            reason = f"{domain} has {several} DMARC records, and receivers ignore all of them. Remove all but one"
    else:
        passes = _is_authenticated(domain, identity, policies[where], policies, answers)
        reason = _why_not(domain, identity)
    if not passes and any(answers[each] is None for each in dmarc_questions(domain, identity)):
        return Dmarc(where, None, None, None)
    text = policies[where].text[:_SHOWN_CHARACTERS] if where else None
    return Dmarc(where, text, passes, None if passes else reason)


def _is_authenticated(domain: str, identity: Identity, policy: Policy, policies: Policies, answers: Answers) -> bool:
    """Whether DKIM or SPF authenticates a domain that is aligned with the From address's."""
    signer, mail_from = identity.sender.rpartition("@")[2], identity.mail_from
    if identity.signs and is_aligned(domain, signer, strict=policy.strict_dkim, policies=policies):
        return True
    return (
        mail_from is not None
        and identity.mail_from_status == "SUCCESS"
        and _allows_ses(answers[Question(mail_from, "TXT")] or ())
        and is_aligned(domain, mail_from, strict=policy.strict_spf, policies=policies)
    )


def _why_not(domain: str, identity: Identity) -> str:
    if identity.signs:
        return f"the DMARC record asks for {domain} exactly, and emails are signed for {identity.sender}"
    if identity.kind == "address":
        return f"only the address is verified, so emails are not signed for {domain}"
    return f"Amazon SES does not sign emails for {identity.sender} yet"


def _wanted(identity: Identity, region: str) -> Iterator[tuple[Purpose, str, str, str]]:
    """Purpose, type, name and value of what SES asks for."""
    for name, target in identity.dkim_records:
        yield Purpose.DKIM, "CNAME", name, target
    if identity.mail_from is not None:
        yield Purpose.MAIL_FROM, "MX", identity.mail_from, f"10 feedback-smtp.{region}.amazonses.com"
        yield Purpose.SPF, "TXT", identity.mail_from, SPF


def _record(purpose: Purpose, kind: str, name: str, value: str, answers: Answers) -> Record:
    seen = answers[Question(name, kind)]
    relevant = [each for each in seen or () if purpose is not Purpose.SPF or _is_spf(each)]
    if seen is None:
        state = State.UNKNOWN
    elif not relevant:
        state = State.MISSING
    else:
        state = State.FOUND if _fits(purpose, value, relevant) else State.WRONG
    return Record(purpose, kind, name, value, state, _shown(relevant))


def _fits(purpose: Purpose, value: str, seen: Sequence[str]) -> bool:
    if purpose is Purpose.SPF:
        return _allows_ses(seen)
    if purpose is Purpose.MAIL_FROM:
        # SES wants exactly one MX record ("Using a custom MAIL FROM domain" in the SES Developer Guide).
        return [each.partition(" ")[2] for each in seen] == [value.partition(" ")[2]]
    return value.lower() in seen


def _is_spf(value: str) -> bool:
    return value.lower().split()[:1] == ["v=spf1"]


def _allows_ses(values: Sequence[str]) -> bool:
    """Exactly one SPF record, with SES in it: receivers refuse several (RFC 7208, 4.5)."""
    records = [value.lower().split() for value in values if _is_spf(value)]
    return len(records) == 1 and any(term.lstrip("+") == "include:amazonses.com" for term in records[0])


def _dmarc_record(domain: str, dmarc: Dmarc, answers: Answers) -> Record:
    """The policy that applies, or one to begin with."""
    name = f"_dmarc.{dmarc.domain or domain}"
    seen = answers[Question(name, "TXT")]
    if read_policy(seen or ()) is not None:
        state = State.FOUND
    elif dmarc.passes is None:
        state = State.UNKNOWN
    else:
        state = State.WRONG if seen else State.MISSING
    value = dmarc.policy or PROPOSED_POLICY
    return Record(Purpose.DMARC, "TXT", name, value, state, _shown(list(seen or ())))


def _shown(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value[:_SHOWN_CHARACTERS] for value in values[:_SHOWN])
