"""The mailbox on disk: each message's exact bytes in `messages/<id>.eml`, and one line for it in `index.jsonl`.

The index is read once at start and appended to afterwards, so keeping a message costs two writes and listing none.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NewType

from local.inbox.addresses import bare_address
from local.inbox.headers import decoded, decoded_mailboxes, head_of, header_values

MessageId = NewType("MessageId", str)


class MailboxInUse(Exception):
    """Another inbox keeps its mail in the same folder."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message travels with beside its bytes.

    `sender` is as the client gave it, maybe with a name; `recipients` are bare addresses. Configuration set and tags
    are SES's; `protocol` is what it came by, `ses` or `smtp`.
    """

    protocol: str
    sender: str
    recipients: tuple[str, ...]
    configuration_set: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """One line of the index. `from_header` and `subject` are decoded; `received_at` is aware UTC."""

    message_id: MessageId
    received_at: datetime
    envelope: Envelope
    from_header: str
    subject: str
    size: int

    def summary(self) -> dict[str, str]:
        """What `GET /messages` says of a message; several recipients are joined by a comma and a blank."""
        return {
            "id": self.message_id,
            "to": ", ".join(self.envelope.recipients),
            "from": bare_address(self.envelope.sender),
            "subject": self.subject,
            "received_at": self.received_at.isoformat(timespec="microseconds"),
        }


class Mailbox:
    """Keeps messages under one folder; used from one thread."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open or create the mailbox. Raises MailboxInUse when another process has it open."""
        self._now = now
        self._letters = folder / "messages"
        self._letters.mkdir(parents=True, exist_ok=True)
        self._index_path = folder / "index.jsonl"
        self._index = os.open(self._index_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._index, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._index)
            raise MailboxInUse(str(folder)) from None
        self._kept: dict[MessageId, KeptMessage] = {}
        self._by_recipient: dict[str, list[KeptMessage]] = {}
        self._last_ms = 0
        self._serial = 0
        self._load()

    def close(self) -> None:
        os.close(self._index)

    def keep(self, content: bytes, envelope: Envelope) -> KeptMessage:
        """Write a message to disk and give it its id, which sorts after every earlier one."""
        head = head_of(content)
        received_at = self._now()
        message = KeptMessage(
            message_id=self._next_id(),
            received_at=received_at,
            envelope=envelope,
            from_header=", ".join(decoded_mailboxes(header_values(head, "From"))),
            subject=decoded(head["Subject"]),
            size=len(content),
        )
        # The letter before its line: a crash in between leaves a file that nobody lists, never a line without a file.
        self._path(message.message_id).write_bytes(content)
        os.write(self._index, _line_of(message))
        self._remember(message)
        return message

    def find(self, message_id: str) -> KeptMessage | None:
        return self._kept.get(MessageId(message_id))

    def content_of(self, message: KeptMessage) -> bytes:
        """The bytes as they were received."""
        return self._path(message.message_id).read_bytes()

    def listed(self, to: str | None = None) -> Sequence[KeptMessage]:
        """The messages, oldest first; with `to`, those that have exactly this recipient (case-insensitive)."""
        if to is None:
            return list(self._kept.values())
        return self._by_recipient.get(to.strip().lower(), [])

    def __len__(self) -> int:
        return len(self._kept)

    def empty(self) -> None:
        """Delete every message. Ids go on rising."""
        doomed = list(self._kept)
        self._kept.clear()
        self._by_recipient.clear()
        os.ftruncate(self._index, 0)
        for message_id in doomed:
            self._path(message_id).unlink(missing_ok=True)

    def _path(self, message_id: MessageId) -> Path:
        return self._letters / f"{message_id}.eml"

    def _remember(self, message: KeptMessage) -> None:
        self._kept[message.message_id] = message
        for address in {recipient.lower() for recipient in message.envelope.recipients}:
            self._by_recipient.setdefault(address, []).append(message)

    def _load(self) -> None:
        content = self._index_path.read_bytes()
        whole = content.rfind(b"\n") + 1
        os.ftruncate(self._index, whole)  # a line torn by a crash would swallow the next one
        for line in content[:whole].splitlines():
            message = _message_of(line)
            self._remember(message)
            self._last_ms = int(message.message_id[4:16], 16)
            self._serial = int(message.message_id[17:25], 16)

    def _next_id(self) -> MessageId:
        """An id in the shape of SES's own: milliseconds, then (unlike SES) a serial number, so that ids sort."""
        milliseconds = time.time_ns() // 1_000_000
        if milliseconds > self._last_ms:
            self._last_ms, self._serial = milliseconds, 0
        else:
            # Also when the clock was set back: ids never repeat and never sort before an earlier one.
            self._serial += 1
        noise = secrets.token_hex(12)
        tail = f"{self._serial:08x}-{noise[:4]}-{noise[4:8]}-{noise[8:12]}-{noise[12:]}"
        return MessageId(f"0100{self._last_ms:012x}-{tail}-000000")


def _line_of(message: KeptMessage) -> bytes:
    fields = {**asdict(message), "received_at": message.received_at.isoformat()}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _message_of(line: bytes) -> KeptMessage:
    fields = json.loads(line)
    envelope = fields.pop("envelope")
    if "door" in envelope:  # written by an earlier release
        envelope["protocol"] = envelope.pop("door")
    envelope["recipients"] = tuple(envelope["recipients"])
    fields["received_at"] = datetime.fromisoformat(fields["received_at"])
    return KeptMessage(**fields, envelope=Envelope(**envelope))
