"""The one rule for e-mail addresses: which could be sent to at all, and in which form. Syntax only, no look-ups.

Leads, imports, senders, test sends and message headers all ask `parse_address`, so an address that comes in can also go
out (docs/decisions/0012).
"""

import re
import unicodedata

from chalicelib.model.errors import Invalid

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# No top-level domain has one letter or begins with a digit: such an address is mistyped (`.c`) or numeric.
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]")
_LONGEST, _LONGEST_LOCAL, _LONGEST_DOMAIN = 254, 64, 253
"""Characters (RFC 5321, 4.5.3.1, and its erratum 1690)."""
_TOO_LONG = f"must not be longer than {_LONGEST} characters, {_LONGEST_LOCAL} of them before the @"


class MalformedAddress(Invalid):
    """Not an address that a mail service would take; the text says why, and never holds the address."""


def parse_address(text: str) -> str:
    """The address as it is handed to the mail service: trimmed, all ASCII, an international domain as Punycode.

    What is ASCII already keeps its spelling. Stricter than RFC 5322 and on purpose: no quoted local parts, no address
    literals, no display names, no domains without a dot. A local part must be ASCII and a domain in Punycode because
    Amazon SES has no SMTPUTF8 (SES API v2, type Destination). Raises MalformedAddress.
    """
    address = text.strip()
    if len(address) > _LONGEST:
        raise MalformedAddress(_TOO_LONG)
    local, at, domain = address.rpartition("@")
    if not at:
        raise MalformedAddress("has no @")
    if not domain.isascii():
        domain = _ascii_domain(domain)
    if "@" in local:
        raise MalformedAddress("has more than one @")
    if not local:
        raise MalformedAddress("has nothing before the @")
    if not local.isascii():
        raise MalformedAddress("has characters before the @ that mail services do not accept")
    if not _LOCAL.fullmatch(local):
        raise MalformedAddress("has a misplaced dot or a character that is not allowed before the @")
    if not _DOMAIN.fullmatch(domain):
        raise MalformedAddress("has no valid domain after the @")
    if len(local) > _LONGEST_LOCAL or len(domain) > _LONGEST_DOMAIN or len(local) + 1 + len(domain) > _LONGEST:
        raise MalformedAddress(_TOO_LONG)
    return f"{local}@{domain}"


def _ascii_domain(domain: str) -> str:
    """IDNA 2008 after UTS 46's mapping, as browsers and registries do it."""
    import idna  # few addresses have such a domain, and its tables cost 9 ms

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise MalformedAddress("has no valid domain after the @") from error


def readable_address(address: str) -> str | None:
    """The address with the letters of its international domain; None if it has no such domain."""
    if "xn--" not in address:
        return None
    import idna

    local, at, domain = address.rpartition("@")
    try:
        return local + at + idna.decode(domain)
    except UnicodeError:
        return None


def search_key(start: str) -> str:
    """The beginning of an address as `begins_like` and `stored_beginnings` take it."""
    return unicodedata.normalize("NFC", start.strip().lower())


def begins_like(address: str, start: str) -> bool:
    """Whether an address, as it is stored or in its letters, begins like this."""
    return address.startswith(start) or (readable_address(address) or "").startswith(start)


def stored_beginnings(start: str) -> list[str]:
    """In order; stored addresses that begin like this begin with one of these, and so do some others.

    The Punycode of half a label is not half its Punycode, but begins with the label's ASCII letters (RFC 3492, 3.1).
    """
    local, at, domain = start.rpartition("@")
    *labels, label = domain.split(".")
    if not at:
        return [start]
    before = local + at + "".join(f"{_ascii_label(each)}." for each in labels)
    encoded = "xn--" + "".join(filter(str.isascii, label))
    if not label.isascii():
        return [before + encoded]
    return sorted({before + label} | ({before + encoded} if not encoded.startswith(label) else set()))


def _ascii_label(label: str) -> str:
    try:
        return label if label.isascii() else _ascii_domain(label)
    except MalformedAddress:
        return label  # no stored address has it


def parse_domain(text: str) -> str:
    """A domain as mail services know it: lower case, an international one as Punycode. Raises MalformedAddress."""
    try:
        return parse_address(f"postmaster@{text.strip().rstrip('.').lower()}").rpartition("@")[2]
    except MalformedAddress:
        raise MalformedAddress("is not a domain like example.com") from None


def address_key(address: str) -> str:
    """What leads and suppressions know an address by, whatever its case: given as `parse_address` gives it."""
    return address.lower()


def without_address(words: str, address: str) -> str:
    """A mail service's words as logs and campaigns may keep them: without the recipient's address."""
    return re.sub(re.escape(address), "<the recipient>", words, flags=re.IGNORECASE)
