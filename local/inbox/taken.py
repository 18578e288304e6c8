"""How far the topic has taken the mailbox's events, on disk: the next inbox publishes those that it has not."""

import json
import os
import time
from pathlib import Path

from local.inbox.mailbox import MessageId


class Taken:
    """One line per taken batch, with the newest message that it is about: all earlier ones are done with."""

    def __init__(self, file: Path, *, newest: MessageId | None, saved_at: float | None) -> None:
        """Open or create the file.

        `newest`: the last message there is; a mailbox without this file is older than it, its events are long taken.
        `saved_at`: what the topic took after this moment (seconds since the epoch) it has forgotten; None: nothing.
        """
        marks = [(0.0, newest or "")]
        if file.exists():
            *lines, _torn_by_a_crash = file.read_text().split("\n")
            marks = [(mark["at"], mark["up_to"]) for mark in map(json.loads, lines)]
        kept = [mark for mark in marks if saved_at is None or mark[0] <= saved_at]
        self.up_to = MessageId(max((up_to for _, up_to in kept), default=""))
        """Of this message some events may have been taken, of later ones none."""
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(_line(max((at for at, _ in kept), default=0.0), self.up_to))
        unfinished.replace(file)
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND)

    def record(self, message_ids: list[MessageId]) -> None:
        """Note that the topic has taken events about these messages, in the order in which they were kept."""
        os.write(self._file, _line(time.time(), max(message_ids)).encode())

    def close(self) -> None:
        os.close(self._file)


def _line(at: float, up_to: MessageId) -> str:
    return json.dumps({"at": at, "up_to": up_to}) + "\n"
