"""What a transport is, and the ways in which handing over a message can fail.

TransportError
├── Rejected              the service refused this message for good: the delivery has failed
├── NotSent               the message certainly did not leave: it may be sent again
│   └── AccountRefused    ... once somebody has put right what keeps every message from leaving
└── OutcomeUnknown        nobody knows whether it left: it must not be sent again
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.model.errors import LeadflipError, Refused, Unavailable
from chalicelib.model.reasons import FailureReason, WaitReason


class TransportError(LeadflipError):
    """Root of what a transport raises."""


class Rejected(TransportError, Refused):
    """The service refused this message for good, for `reason`; its own words are the exception's text."""

    def __init__(self, reason: FailureReason, words: str) -> None:
        super().__init__(words)
        self.reason = reason


class NotSent(TransportError, Unavailable):
    """The message certainly did not leave, and may once `waits_for` is over: about `until`, if that is known."""

    def __init__(
        self, words: str, waits_for: WaitReason = WaitReason.MAIL_SERVICE, until: datetime | None = None
    ) -> None:
        super().__init__(words)
        self.waits_for = waits_for
        self.until = until


class AccountRefused(NotSent):
    """The service refuses all messages of the account or the sender; the text says why and what to do about it."""


class OutcomeUnknown(TransportError):
    """The connection broke or timed out after the message was handed over."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    from_email: str
    to_email: str
    message: bytes
    """The whole MIME message, headers included."""
    campaign_id: str
    delivery_id: str


class Transport(Protocol):
    def send(self, mail: OutgoingMail) -> str:
        """Hand over one message; the service's id of it. Raises TransportError."""
        ...
