"""E-mail addresses as SES reads them: the bare address in a mailbox, and what is wrong with it."""

from email.utils import getaddresses, parseaddr

SIMULATOR_DOMAIN = "simulator.amazonses.com"


def bare_address(mailbox: str) -> str:
    """The address of `Name <address>`, or the text itself when there are no angle brackets."""
    text = mailbox.strip()
    if text.endswith(">") and "<" in text:
        return text[text.rindex("<") + 1 : -1].strip()
    if "(" in text:  # RFC 5322 comments are rare enough to leave to the slow parser
        return parseaddr(text)[1] or text
    return text


def bare_addresses(header_values: list[str]) -> list[str]:
    """Every address of some To, Cc or Bcc headers, in order."""
    return [address for _, address in getaddresses(header_values) if address]


def domain_of(address: str) -> str:
    """The lower-case domain of a bare address; empty when it has none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def syntax_error(mailbox: str) -> str | None:
    """SES's own words for what is wrong with a mailbox's address, or None.

    SES answers with the messages of JavaMail's strict InternetAddress check, and only for these faults; an address
    that passes may still be undeliverable. Non-ASCII is a fault because SES has no SMTPUTF8.
    """
    address = bare_address(mailbox)
    local, at, domain = address.partition("@")
    if _has_control_or_whitespace(local):
        return "Local address contains control or whitespace"
    if not at:
        return "Missing final '@domain'"
    if not local:
        return "Missing local name"
    if not domain:
        return "Missing domain"
    if _has_control_or_whitespace(domain):
        return "Domain contains control or whitespace"
    return None


def simulated_scenario(address: str) -> str | None:
    """The mailbox simulator's scenario that an address plays (`bounce`, `complaint`, ...), or None.

    Labels are allowed: bounce+anything@simulator.amazonses.com. Source: "Using the mailbox simulator" in the
    SES Developer Guide.
    """
    if domain_of(address) != SIMULATOR_DOMAIN:
        return None
    return address.partition("@")[0].partition("+")[0].lower()


def _has_control_or_whitespace(text: str) -> bool:
    return any(character <= " " or character >= "\x7f" for character in text)
