"""Looks up DNS records with dnspython, all at the same time and for a few seconds at most."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dns.resolver import Resolver

TIMEOUT_SECONDS = 3.0
"""How long one question may take, repetitions included; all are asked at the same time."""
_REPEAT_SECONDS = 1.0
"""After which an answer counts as lost: UDP loses some."""


class Question(NamedTuple):
    name: str
    kind: str
    """CNAME, MX or TXT."""


Answers = Mapping[Question, tuple[str, ...] | None]
"""The values found, without final dots; empty: there are none; None: it could not be found out."""


class Dns:
    """Asks the machine's own resolver, or `server` (`host:port`)."""

    def __init__(self, server: str | None = None) -> None:
        self._server = server

    def look_up(self, questions: Collection[Question]) -> Answers:
        """The answer to each question, within TIMEOUT_SECONDS. Never raises."""
        from dns.exception import DNSException  # 95 ms, which only senders need

        try:
            resolver = self._resolver()
        except DNSException:  # the machine has none configured
            return dict.fromkeys(questions)
        with ThreadPoolExecutor(max(1, len(questions))) as threads:
            return dict(zip(questions, threads.map(lambda each: _answer(resolver, each), questions), strict=True))

    def _resolver(self) -> "Resolver":
        from dns.resolver import Resolver

        resolver = Resolver(configure=self._server is None)
        if self._server is not None:
            host, _, port = self._server.rpartition(":")
            resolver.nameservers, resolver.port = [host], int(port)
        resolver.lifetime, resolver.timeout = TIMEOUT_SECONDS, _REPEAT_SECONDS
        return resolver


def _answer(resolver: "Resolver", question: Question) -> tuple[str, ...] | None:
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer

    try:
        found = resolver.resolve(f"{question.name}.", question.kind)
    except (NXDOMAIN, NoAnswer):
        return ()
    except (DNSException, OSError):
        return None
    return tuple(_text(each, question.kind) for each in found)


def _text(record: object, kind: str) -> str:
    if kind == "TXT":
        return b"".join(getattr(record, "strings", ())).decode("utf-8", "replace")
    return str(record).removesuffix(".").lower()
