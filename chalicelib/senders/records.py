"""The DNS records that a sender's domain needs, what the world sees of each, and whether its mails pass DMARC."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.senders.dmarc import Policies, is_aligned, is_policy, names_to_look_up, policy_domain, read_policy
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
    asked = [Question(name, kind) for _, kind, name, _, _ in wanted] + dmarc_questions(domain, identity)
    answers = dns.look_up(list(dict.fromkeys(asked)))
    records = [
        _record(purpose, kind, name, value, fits, answers[Question(name, kind)])
        for purpose, kind, name, value, fits in wanted
    ]
    dmarc = dmarc_of(domain, identity, answers)
    if identity.kind == "domain":
        records.append(_dmarc_record(domain, dmarc, answers))
    return Checked(records, dmarc)


def dmarc_questions(domain: str, identity: Identity) -> list[Question]:
    """What has to be looked up to say whether mails from a domain pass DMARC."""
    domains = [domain, identity.sender.rpartition("@")[2], *([identity.mail_from] if identity.mail_from else [])]
    return [Question(f"_dmarc.{name}", "TXT") for name in names_to_look_up(domains)]


def dmarc_of(domain: str, identity: Identity, answers: Answers) -> Dmarc:
    """Whether mails from addresses of `domain`, sent with this identity, pass DMARC."""
    questions = dmarc_questions(domain, identity)
    found = {each.name.removeprefix("_dmarc."): read_policy(answers[each] or ()) for each in questions}
    policies: Policies = {name: policy for name, policy in found.items() if policy is not None}
    where = policy_domain(domain, policies)
    policy = policies[where] if where else None
    if policy is None:
        silent = any(answers[each] is None for each in questions)
        reason = None if silent else f"no DMARC record is published for {domain}"
        return Dmarc(None, None, None if silent else False, reason)
    mail_from = identity.mail_from if identity.mail_from_status == "SUCCESS" else None
    by_dkim = identity.signs and is_aligned(domain, identity.sender, strict=policy.strict_dkim, policies=policies)
    by_spf = mail_from is not None and is_aligned(domain, mail_from, strict=policy.strict_spf, policies=policies)
    passes = by_dkim or by_spf
    return Dmarc(where, policy.text[:_SHOWN_CHARACTERS], passes, None if passes else _why_not(domain, identity))


def _why_not(domain: str, identity: Identity) -> str:
    if identity.kind == "address":
        return f"only the address is verified, so emails are not signed for {domain}"
    if not identity.signs:
        return f"Amazon SES does not sign emails for {identity.sender} yet"
    return f"the DMARC record asks for {domain} exactly, and emails are signed for {identity.sender}"


Fits = Callable[[Sequence[str]], bool]


def _wanted(identity: Identity, region: str) -> Iterator[tuple[Purpose, str, str, str, Fits]]:
    """Purpose, type, name, value, and whether the values found will do."""
    for name, target in identity.dkim_records:
        yield Purpose.DKIM, "CNAME", name, target, lambda seen, target=target: target.lower() in seen  # type: ignore[misc]
    if identity.mail_from is not None:
        host = f"feedback-smtp.{region}.amazonses.com"
        # SES wants exactly one MX record here ("Using a custom MAIL FROM domain" in the SES Developer Guide).
        yield Purpose.MAIL_FROM, "MX", identity.mail_from, f"10 {host}", lambda seen: _hosts(seen) == [host]
        yield Purpose.SPF, "TXT", identity.mail_from, SPF, _allows_ses


def _hosts(values: Sequence[str]) -> list[str]:
    return [value.partition(" ")[2] for value in values]


def _allows_ses(values: Sequence[str]) -> bool:
    """Exactly one SPF record, with SES in it: receivers refuse several (RFC 7208, 4.5)."""
    records = [value.lower().split() for value in values if value.lower().split()[:1] == ["v=spf1"]]
    return len(records) == 1 and any(term.lstrip("+") == "include:amazonses.com" for term in records[0])


def _record(purpose: Purpose, kind: str, name: str, value: str, fits: Fits, seen: Sequence[str] | None) -> Record:
    relevant = [each for each in seen or () if purpose is not Purpose.SPF or each.lower().startswith("v=spf1")]
    state = (
        State.UNKNOWN if seen is None else State.MISSING if not relevant else State.FOUND if fits(seen) else State.WRONG
    )
    return Record(purpose, kind, name, value, state, _shown(relevant))


def _dmarc_record(domain: str, dmarc: Dmarc, answers: Answers) -> Record:
    """The policy that applies, or one to begin with."""
    name = f"_dmarc.{dmarc.domain or domain}"
    seen = answers[Question(name, "TXT")]
    relevant = [each for each in seen or () if is_policy(each)]
    state = State.FOUND if dmarc.policy else State.UNKNOWN if dmarc.passes is None else State.MISSING
    if state is State.MISSING and seen:
        state = State.WRONG
    shown = _shown(relevant or list(seen or ()))
    return Record(Purpose.DMARC, "TXT", name, dmarc.policy or PROPOSED_POLICY, state, shown)


def _shown(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value[:_SHOWN_CHARACTERS] for value in values[:_SHOWN])
