"""What a marketer should know of the sender before sending: the account, DMARC, and the postal address."""

import re
from collections.abc import Iterator
from html import unescape

from chalicelib.campaigns.account import AccountState, Hindrance, SenderFacts
from chalicelib.content.compiled import CompiledContent
from chalicelib.content.preflight import Finding, Severity
from chalicelib.model.workspace import Workspace

BULK_MAILS = 5_000
"""In 24 hours; above, Gmail, Yahoo and Microsoft refuse mails that do not pass DMARC (their rules for bulk senders)."""
_TAG = re.compile(r"<[^>]*+>")


def sender_findings(
    compiled: CompiledContent, recipients: int, account: AccountState | None, sender: SenderFacts | None, own: Workspace
) -> Iterator[Finding]:
    """`sender` is None where senders are not known, as with an SMTP server."""
    if account is not None and account.hindrance is not None:
        under_review = account.hindrance is Hindrance.ACCOUNT_UNDER_REVIEW
        severity = Severity.WARNING if under_review else Severity.ERROR
        yield Finding(severity, account.hindrance.name.lower(), account.hindrance.value)
    is_bulk = recipients + (account.sent if account else 0) > BULK_MAILS
    required = Severity.ERROR if is_bulk else Severity.WARNING
    if sender is not None:
        yield from _dmarc(compiled.from_email.rpartition("@")[2], sender, required)
    read = _read(compiled)
    if not read:  # a draft without content
        return
    if own.postal_address is None:
        what = "No postal address is set. Many countries require one in marketing emails. Enter yours in Settings."
        yield Finding(required, "postal_address_missing", what)
    elif not all(_letters(line) in read for line in own.postal_address.splitlines()):
        what = "Your postal address, as in Settings, is not in the email. Many countries require it in marketing."
        yield Finding(required, "postal_address_missing", what)


def _dmarc(domain: str, sender: SenderFacts, required: Severity) -> Iterator[Finding]:
    if sender.verified is None:
        what = f"Amazon SES did not answer, so it could not be checked whether {domain} is verified and passes DMARC."
        yield Finding(Severity.NOTE, "sender_not_checked", what, "from_email")
    elif sender.verified and sender.passes_dmarc is None:
        what = f"DNS did not answer, so it could not be checked whether emails from {domain} pass DMARC."
        yield Finding(Severity.NOTE, "sender_not_checked", what, "from_email")
    elif sender.verified and not sender.passes_dmarc:
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
