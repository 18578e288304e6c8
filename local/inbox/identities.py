"""The account's identities: domains and addresses that may send, those that wait for it, and their DNS records."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from local.inbox.addresses import domain_of

# What is not verified when nothing is said about verified domains. Two, because SES knows two kinds of "no":
UNKNOWN_DOMAIN = "unverified.example"  # not among the account's identities
PENDING_DOMAIN = "pending.example"  # an identity whose DNS records have not been found yet
DKIM_ZONE = "dkim.amazonses.com"


class Verification(StrEnum):
    """How far SES is with an identity (GetEmailIdentity's VerificationStatus)."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    TEMPORARY_FAILURE = "TEMPORARY_FAILURE"
    NOT_STARTED = "NOT_STARTED"


class DnsRecord(NamedTuple):
    name: str
    type: str
    value: str


class Identities:
    """By their names. `statuses`: those there were at the start; None: every domain but the two named above.

    An added domain is verified while its CNAME records are in `records`, the inbox's DNS; an added address once it is
    confirmed. What was added, and the records, are kept in `file`.
    """

    def __init__(self, statuses: Mapping[str, Verification] | None, region: str, file: Path | None = None) -> None:
        self.region = region
        self._file = file
        kept = json.loads(file.read_text()) if file is not None and file.exists() else {}
        self.added: dict[str, bool] = kept.get("added", {})
        """By CreateEmailIdentity; of an address, whether its owner has confirmed it."""
        self.mail_from: dict[str, str] = kept.get("mail_from", {})
        self.records = [DnsRecord(*each) for each in kept.get("records", [])]
        self.set_statuses(statuses)

    def set_statuses(self, statuses: Mapping[str, Verification] | None) -> None:
        self.statuses = None if statuses is None else {name.lower(): status for name, status in statuses.items()}

    def forget_added(self) -> None:
        self.added, self.mail_from, self.records = {}, {}, []
        self.save()

    def save(self) -> None:
        if self._file is not None:
            kept = {"added": self.added, "mail_from": self.mail_from, "records": self.records}
            self._file.write_text(json.dumps(kept))

    def names(self) -> list[str]:
        return sorted({*(self.statuses or {}), *self.added})

    def remove(self, identity: str) -> bool:
        """Whether there was one."""
        gone = [each.pop(identity, None) for each in (self.added, self.mail_from, self.statuses or {})]
        self.save()
        return gone[0] is not None or gone[2] is not None

    def status_of(self, identity: str) -> Verification | None:
        """None for an identity that the account does not have."""
        identity = identity.lower()
        if identity in self.added:
            return Verification.SUCCESS if self._is_proven(identity) else Verification.PENDING
        if self.statuses is not None:
            return self.statuses.get(identity)
        if "@" in identity:
            return None
        if identity == PENDING_DOMAIN:
            return Verification.PENDING
        return None if {UNKNOWN_DOMAIN, PENDING_DOMAIN} & set(with_parents(identity)) else Verification.SUCCESS

    def _is_proven(self, identity: str) -> bool:
        if "@" in identity:
            return self.added[identity]
        return all(each in self.records for each in self.wanted(identity) if each.type == "CNAME")

    def has_mail_from(self, identity: str) -> bool:
        """Whether DNS has the MX record of the MAIL FROM domain."""
        return any(each.type == "MX" and each in self.published(each.name) for each in self.wanted(identity))

    def may_send_from(self, address: str) -> bool:
        """True when the address, its domain or a parent of that is verified: a domain covers its subdomains."""
        domain = domain_of(address)
        return bool(domain) and any(
            self.status_of(each) is Verification.SUCCESS for each in (address, *with_parents(domain))
        )

    def wanted(self, domain: str) -> list[DnsRecord]:
        """All records that a domain should publish."""
        records = [
            DnsRecord(f"{token}._domainkey.{domain}", "CNAME", f"{token}.{DKIM_ZONE}") for token in tokens(domain)
        ]
        if mail_from := self.mail_from.get(domain):
            records.append(DnsRecord(mail_from, "MX", f"10 feedback-smtp.{self.region}.amazonses.com"))
            records.append(DnsRecord(mail_from, "TXT", "v=spf1 include:amazonses.com ~all"))
        return [*records, DnsRecord(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=none;")]

    def published(self, name: str) -> list[DnsRecord]:
        """What DNS has at a name; a domain that was verified from the start has all that it needs."""
        parents = [each for each in with_parents(name) if each not in self.added]
        given = [each for each in parents if self.status_of(each) is Verification.SUCCESS]
        return [
            record for record in [*self.records, *(each for domain in given for each in self.wanted(domain))]
            if record.name == name
        ]  # fmt: skip


def tokens(domain: str) -> list[str]:
    """Easy DKIM's three, always the same for a domain."""
    return [hashlib.sha256(f"{domain} {number}".encode()).hexdigest()[:32] for number in range(3)]


def with_parents(domain: str) -> list[str]:
    """A domain and those above it, but for the last, which nobody can verify: `com`."""
    labels = domain.split(".")
    return [".".join(labels[first:]) for first in range(max(1, len(labels) - 1))]
