"""What a marketer should know of the sender before sending: the account, the address, DMARC, and the postal address.

`send` and `schedule` refuse an address that is not verified, and without the last two a bulk sender's campaign.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from html import unescape

from chalicelib.campaigns.account import AccountState, Hindrance, SenderFacts, SendingAccount
from chalicelib.content.compiled import CompiledContent
from chalicelib.content.findings import Finding, Severity, finding
from chalicelib.crm.audience import Audiences
from chalicelib.model.campaign import Campaign
from chalicelib.model.errors import Conflicting, Fault
from chalicelib.model.workspace import Workspace
from chalicelib.store.workspace import Workspaces

BULK_MAILS = 5_000
"""In 24 hours; above, Gmail, Yahoo and Microsoft refuse mails that do not pass DMARC (their rules for bulk senders)."""
_NOT_VERIFIED = "sender_not_verified"
_BULK_SENDER_RULES = ("dmarc_fails", "postal_address_missing")
"""Codes of the findings that keep a bulk sender from sending."""
_COUNT_SECONDS = 5
_TAG = re.compile(r"<[^>]*+>")


class SenderNotVerified(Conflicting, problem="sender-not-verified", title="The From address is not verified"):
    """SES would refuse every mail of it."""

    def __init__(self, fault: Fault) -> None:
        self.faults = (fault,)
        super().__init__(fault.reason)


class BulkSenderRulesNotMet(Conflicting, problem="bulk-sender-rules-not-met", title="Bulk senders may not send this"):
    """The sender is a bulk sender, and the mail lacks what such senders need; `faults` says what."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        what = " ".join(each.reason for each in faults)
        super().__init__(f'{what} Correct it, or send this version as it is with "bulk_sender_rules": "waived".')


def require_sender(
    audiences: Audiences,
    account: SendingAccount,
    workspaces: Workspaces,
    campaign: Campaign,
    compiled: CompiledContent,
    state: AccountState | None,
    waived: Collection[str],
) -> None:
    """Raises SenderNotVerified, and BulkSenderRulesNotMet unless `bulk_sender_rules` are waived.

    What does not answer stops nothing; SES is not asked again without a `state`.

    Asks SES for a few identities and DNS for at most 3 s; if a rule is not met, counts the audience for at most 5 s.
    """
    sender = None if state is None else account.sender(campaign.from_email)
    large = BULK_MAILS + 1
    found = list(sender_findings(compiled, large, state, sender, workspaces.get()))
    faults = {each.code: Fault(each.field or "", each.message).brief() for each in found}
    if _NOT_VERIFIED in faults:
        raise SenderNotVerified(faults[_NOT_VERIFIED])
    broken = [faults[code] for code in _BULK_SENDER_RULES if code in faults]
    if "bulk_sender_rules" in waived or not broken:
        return
    if _is_bulk(audiences.count_up_to(campaign.audience, large, seconds=_COUNT_SECONDS).total, state):
        raise BulkSenderRulesNotMet(broken)


def sender_findings(
    compiled: CompiledContent, recipients: int, account: AccountState | None, sender: SenderFacts | None, own: Workspace
) -> Iterator[Finding]:
    """`sender` is None where senders are not known, as with an SMTP server."""
    if account is not None and account.hindrance is not None:
        under_review = account.hindrance is Hindrance.ACCOUNT_UNDER_REVIEW
        severity = Severity.WARNING if under_review else Severity.ERROR
        yield Finding(severity, account.hindrance.name.lower(), account.hindrance.value)
    required = Severity.ERROR if _is_bulk(recipients, account) else Severity.WARNING
    if sender is not None:
        yield from _sender(compiled.from_email.rpartition("@")[2], sender, required)
    read = _read(compiled)
    if not read:  # a draft without content
        return
    if own.postal_address is None:
        yield finding("postal_address_missing:unset", "postal_address", severity=required)
    elif not all(_letters(line) in read for line in own.postal_address.splitlines()):
        yield finding("postal_address_missing", "postal_address", severity=required)


def _is_bulk(recipients: int, account: AccountState | None) -> bool:
    return recipients + (account.sent if account else 0) > BULK_MAILS


def _sender(domain: str, sender: SenderFacts, required: Severity) -> Iterator[Finding]:
    if sender.verified is False:
        yield finding(_NOT_VERIFIED, "from_email", domain=domain)
    elif sender.verified is None:
        yield finding("sender_not_checked:ses", "from_email", domain=domain)
    elif sender.passes_dmarc is None:
        yield finding("sender_not_checked:dns", "from_email", domain=domain)
    elif not sender.passes_dmarc:
        reason, limit = sender.reason, BULK_MAILS
        yield finding("dmarc_fails", "from_email", severity=required, domain=domain, reason=reason, limit=limit)


def _read(compiled: CompiledContent) -> str:
    """What recipients read, without merge values, as `_letters`."""
    html, text = compiled.html, compiled.text
    return _letters("".join(text.texts) if html is None else unescape(_TAG.sub("", "".join(html.texts))))


def _letters(text: str) -> str:
    """For comparison whatever the case, spaces and punctuation."""
    return "".join(filter(str.isalnum, text.casefold()))
