"""SES's event records, as its event publishing hands them to an SNS topic.

Source: "Contents of event data that Amazon SES publishes to Amazon SNS" and the examples beside it in the SES
Developer Guide. Times are ISO 8601 with milliseconds and `Z`.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from local.inbox.addresses import domain_of
from local.inbox.headers import decoded, decoded_mailboxes, head_of, header_values
from local.inbox.mailbox import KeptMessage

HEADERS_LIMIT_BYTES = 10 * 1024  # beyond it SES cuts the list of headers off and says `headersTruncated`

Event = dict[str, Any]

_SUPPRESSED = (
    "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid "
    "address. For more information about how to remove an address from the suppression list, see the Amazon SES "
    "Developer Guide: http://docs.aws.amazon.com/ses/latest/DeveloperGuide/remove-from-suppressionlist.html "
)


class EventWriter:
    """Writes the events of one message; `region` and `account_id` are those of the topic."""

    def __init__(self, message: KeptMessage, content: bytes, *, region: str, account_id: str) -> None:
        self._message = message
        self._mail = _mail(message, content, region=region, account_id=account_id)

    def send(self) -> Event:
        return {"eventType": "Send", "mail": self._mail, "send": {}}

    def delivery(self, recipients: list[str], at: datetime) -> Event:
        took = at - self._message.received_at
        return self._event(
            "Delivery",
            "delivery",
            {
                "timestamp": _stamp(at),
                "processingTimeMillis": max(0, took // timedelta(milliseconds=1)),
                "recipients": recipients,
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "inbox.localhost",
            },
        )

    def bounce(self, recipients: list[str], at: datetime, kind: str = "Permanent", sub_kind: str = "General") -> Event:
        """A bounce of SES's `bounceType` and `bounceSubType`; details of a DSN where SES has them."""
        detail: dict[str, str] = {}
        if kind == "Permanent":
            diagnostic = _SUPPRESSED if sub_kind == "Suppressed" else "smtp; 550 5.1.1 user unknown"
            detail = {"action": "failed", "status": "5.1.1", "diagnosticCode": diagnostic}
        return self._event(
            "Bounce",
            "bounce",
            {
                "bounceType": kind,
                "bounceSubType": sub_kind,
                "bouncedRecipients": [{"emailAddress": address, **detail} for address in recipients],
                "timestamp": _stamp(at),
                "feedbackId": _feedback_id(at),
                "reportingMTA": "dsn; inbox.localhost",
            },
        )

    def complaint(self, recipients: list[str], at: datetime) -> Event:
        return self._event(
            "Complaint",
            "complaint",
            {
                "complaintSubType": None,
                "complainedRecipients": [{"emailAddress": address} for address in recipients],
                "timestamp": _stamp(at),
                "feedbackId": _feedback_id(at),
                "userAgent": "Amazon SES Mailbox Simulator",
                "complaintFeedbackType": "abuse",
                "arrivalDate": _stamp(at),
            },
        )

    def reject(self) -> Event:
        return self._event("Reject", "reject", {"reason": "Bad content"})

    def delivery_delay(self, recipients: list[str], at: datetime) -> Event:
        return self._event(
            "DeliveryDelay",
            "deliveryDelay",
            {
                "timestamp": _stamp(at),
                "delayType": "TransientCommunicationFailure",
                "expirationTime": _stamp(at + timedelta(hours=14)),
                "delayedRecipients": [
                    {
                        "emailAddress": address,
                        "status": "4.4.1",
                        "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
                    }
                    for address in recipients
                ],
            },
        )

    def _event(self, event_type: str, name: str, detail: dict[str, Any]) -> Event:
        return {"eventType": event_type, "mail": self._mail, name: detail}


def _mail(message: KeptMessage, content: bytes, *, region: str, account_id: str) -> dict[str, Any]:
    head = head_of(content)
    envelope = message.envelope
    from_domain = domain_of(envelope.sender.rstrip("> "))
    headers: list[dict[str, str]] = []
    length = 0
    for name, value in head.items():
        text = " ".join(str(value).split())
        length += len(name) + len(text)
        if length > HEADERS_LIMIT_BYTES:
            break
        headers.append({"name": name, "value": text})
    return {
        "timestamp": _stamp(message.received_at),
        "source": envelope.sender,
        "sourceArn": f"arn:aws:ses:{region}:{account_id}:identity/{from_domain}",
        "sendingAccountId": account_id,
        "messageId": message.message_id,
        "destination": list(envelope.recipients),
        "headersTruncated": length > HEADERS_LIMIT_BYTES,
        "headers": headers,
        "commonHeaders": {
            "from": decoded_mailboxes(header_values(head, "From")),
            "to": decoded_mailboxes(header_values(head, "To")),
            "messageId": message.message_id,
            "subject": decoded(head["Subject"]),
        },
        "tags": {
            "ses:configuration-set": [envelope.configuration_set],
            "ses:source-ip": ["127.0.0.1"],
            "ses:from-domain": [from_domain],
            "ses:caller-identity": ["inbox"],
            **{name: [value] for name, value in envelope.tags.items()},
        },
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _feedback_id(at: datetime) -> str:
    noise = secrets.token_hex(16)
    groups = "-".join((noise[:8], noise[8:12], noise[12:16], noise[16:20], noise[20:]))
    return f"0100{int(at.timestamp() * 1000):012x}-{groups}-000000"
