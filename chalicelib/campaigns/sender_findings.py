"""What a marketer should know of the sender before sending: the account, the address, DMARC, and the postal address.

`send` and `schedule` refuse an address that is not verified, and without the last two a bulk sender's campaign.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from html import unescape

from chalicelib.campaigns.account import AccountState, Hindrance, SenderFacts, SendingAccount
from chalicelib.content.compiled import CompiledContent
from chalicelib.content.preflight import Finding, Severity
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
        what = "No postal address is set. Many countries require one in marketing emails. Enter yours in Settings."
        yield Finding(required, "postal_address_missing", what, "postal_address")
    elif not all(_letters(line) in read for line in own.postal_address.splitlines()):
        what = "Your postal address, as in Settings, is not in the email. Many countries require it in marketing."
        yield Finding(required, "postal_address_missing", what, "postal_address")


def _is_bulk(recipients: int, account: AccountState | None) -> bool:
    return recipients + (account.sent if account else 0) > BULK_MAILS


def _sender(domain: str, sender: SenderFacts, required: Severity) -> Iterator[Finding]:
    if sender.verified is False:
        what = f"Neither the From address nor its domain {domain} is verified, so no emails can be sent."
        yield Finding(Severity.ERROR, _NOT_VERIFIED, f"{what} Verify one of them in Settings, Senders.", "from_email")
    elif sender.verified is None:
        what = f"Amazon SES did not answer, so it could not be checked whether {domain} is verified and passes DMARC."
        yield Finding(Severity.NOTE, "sender_not_checked", what, "from_email")
    elif sender.passes_dmarc is None:
        what = f"DNS did not answer, so it could not be checked whether emails from {domain} pass DMARC."
        yield Finding(Severity.NOTE, "sender_not_checked", what, "from_email")
    elif not sender.passes_dmarc:
        yield Finding(
            required,
            "dmarc_fails",
            f"Emails from {domain} do not pass DMARC: {sender.reason}. Gmail, Yahoo and Microsoft refuse them from "
            f"senders of more than {BULK_MAILS:,} a day. Settings, Senders shows what to publish.",
            "from_email",
        )


def _read(compiled: CompiledContent) -> str:
    """What recipients read, without merge values, as `_letters`."""
    html, text = compiled.html, compiled.text
    return _letters("".join(text.texts) if html is None else unescape(_TAG.sub("", "".join(html.texts))))


def _letters(text: str) -> str:
    """For comparison whatever the case, spaces and punctuation."""
    return "".join(filter(str.isalnum, text.casefold()))
