"""Which e-mail addresses could be sent to at all: syntax only, decided without asking anybody."""

import re

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class MalformedAddress(ValueError):
    """Not an address that a mail service would take; the text says why, and never holds the address."""


def parse_address(text: str) -> str:
    """The address as it can be handed to the mail service: trimmed, an international domain in its ASCII form (IDNA).

    Stricter than RFC 5322 and on purpose: no quoted local parts, no address literals, no display names, no domains
    without a dot. A local part must be ASCII because Amazon SES does not speak SMTPUTF8 (RFC 6531). Raises
    MalformedAddress.
    """
    address = text.strip()
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
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise MalformedAddress("has no valid domain after the @")
    if len(local) > 64 or len(domain) > 253 or len(local) + 1 + len(domain) > 254:
        raise MalformedAddress("is too long")
    return f"{local}@{domain}"


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise MalformedAddress("has no valid domain after the @") from error
