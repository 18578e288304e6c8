"""What becomes of a message after it was accepted: the events that SES would publish, in the order it would.

The recipients of the mailbox simulator have the outcome that their name says; everybody else's mail is delivered.
Source: "Using the mailbox simulator" in the SES Developer Guide; what the simulator's out-of-office answer and
suppression list publish was taken from notifications that users have shown.
"""

from datetime import datetime

from local.inbox.addresses import simulated_scenario
from local.inbox.events import Event, EventWriter
from local.inbox.mailbox import KeptMessage

_DELIVERED = {None, "success", "complaint", "ooto"}

# SES tests its virus scan with the EICAR file: as plain text, or as an attachment's base64.
_VIRUS_SIGNS = (b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE", b"WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9")


def outcomes_of(message: KeptMessage, content: bytes, writer: EventWriter, at: datetime) -> list[Event]:
    """Send, and then what follows from it; `at` is when it follows (aware UTC)."""
    if any(sign in content for sign in _VIRUS_SIGNS):
        return [writer.send(), writer.reject()]

    def recipients_of(*scenarios: str) -> list[str]:
        return [address for address in message.envelope.recipients if simulated_scenario(address) in scenarios]

    delivered = [address for address in message.envelope.recipients if simulated_scenario(address) in _DELIVERED]
    events = [writer.send()]
    if delivered:
        events.append(writer.delivery(delivered, at))
    if bounced := recipients_of("bounce"):
        events.append(writer.bounce(bounced, at))
    if suppressed := recipients_of("suppressionlist"):
        events.append(writer.bounce(suppressed, at, "Permanent", "Suppressed"))
    if away := recipients_of("ooto"):
        events.append(writer.bounce(away, at, "Transient", "General"))
    if complained := recipients_of("complaint"):
        events.append(writer.complaint(complained, at))
    return events
