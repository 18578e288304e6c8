"""The sending account that the inbox plays: its rate, its quota, and the senders it may use."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from local.inbox.addresses import bare_address, domain_of, simulated_scenario
from local.inbox.ses_errors import DailyQuotaExceeded, MessageRejected, RateExceeded, SendingPaused

DAY_SECONDS = 24 * 60 * 60
UNLIMITED = -1  # SES's own way to say it, for Max24HourSend

# What is not verified when nothing is said about verified domains. Two, because SES knows two kinds of "no":
UNKNOWN_DOMAIN = "unverified.example"  # not among the account's identities
PENDING_DOMAIN = "pending.example"  # an identity whose DNS records have not been found yet


@dataclass(slots=True)
class Limits:
    """What the account may do; every field can be changed at run time.

    `max_send_rate` counts recipients in any one second, `max_24_hour_send` in any 24 hours (-1: no limit).
    """

    max_send_rate: float = 1000.0
    max_24_hour_send: float = 1_000_000.0
    sending_enabled: bool = True
    production_access_enabled: bool = True


class VerifiedDomains:
    """Which domains the account has verified: those given, or with None every domain but the two named above."""

    def __init__(self, domains: Iterable[str] | None) -> None:
        self._domains = None if domains is None else frozenset(domain.strip().lower() for domain in domains)

    def may_send_from(self, address: str) -> bool:
        """True when the address's domain or a parent of it is verified (a verified domain covers its subdomains)."""
        labels = domain_of(address).split(".")
        if labels == [""]:
            return False
        domains = [".".join(labels[first:]) for first in range(len(labels))]
        if self._domains is None:
            return not {UNKNOWN_DOMAIN, PENDING_DOMAIN} & set(domains)
        return not self._domains.isdisjoint(domains)

    def status_of(self, identity: str) -> str | None:
        """`SUCCESS`, `PENDING`, or None for an identity that the account does not have. Only domains are identities."""
        identity = identity.lower()
        if "@" in identity:
            return None
        if identity == PENDING_DOMAIN:
            return "PENDING"
        if self._domains is None:
            return None if identity == UNKNOWN_DOMAIN else "SUCCESS"
        return "SUCCESS" if identity in self._domains else None


class SendingAccount:
    """Decides whether a message may leave now, and counts those that did."""

    def __init__(
        self, limits: Limits, verified: VerifiedDomains, *, region: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.limits = limits
        self.verified = verified
        self._region = region
        self._clock = clock
        self._last_second: deque[tuple[float, int]] = deque()
        self._minutes: deque[tuple[int, int]] = deque()  # (minute, recipients) of the last 24 hours

    def sent_last_24_hours(self) -> int:
        oldest = (self._clock() - DAY_SECONDS) // 60
        while self._minutes and self._minutes[0][0] < oldest:
            self._minutes.popleft()
        return sum(count for _, count in self._minutes)

    def set_sent_last_24_hours(self, count: int) -> None:
        """Pretend that `count` recipients were written to just now and none before."""
        self._minutes.clear()
        self.count_sent(count, self._clock())

    def count_sent(self, recipients: int, at: float) -> None:
        """Count recipients towards the quota; `at` in seconds since the epoch, not before the last call's."""
        minute = int(at // 60)
        if self._minutes and self._minutes[-1][0] == minute:
            recipients += self._minutes.pop()[1]
        self._minutes.append((minute, recipients))

    def check_senders(self, senders: list[str], recipients: list[str]) -> None:
        """Raise SendingPaused, or MessageRejected naming the identities that are not verified."""
        if not self.limits.sending_enabled:
            raise SendingPaused("Email sending is disabled for this account.")
        to_check = [bare_address(sender) for sender in senders]
        if not self.limits.production_access_enabled:  # the sandbox: recipients must be verified too
            to_check += [address for address in recipients if simulated_scenario(address) is None]
        failed = list(dict.fromkeys(address for address in to_check if not self.verified.may_send_from(address)))
        if failed:
            raise MessageRejected(
                "Email address is not verified. The following identities failed the check in region "
                f"{self._region.upper()}: {', '.join(failed)}"
            )

    def take(self, recipients: list[str]) -> None:
        """Use up rate and quota for one message; raises RateExceeded or DailyQuotaExceeded and then uses none.

        As with SES, a message passes when anything is left, however many recipients it has. The rate is a sliding
        window, so no second of any clock ever holds more; the mailbox simulator counts towards the rate alone.
        """
        now = self._clock()
        while self._last_second and self._last_second[0][0] <= now - 1:
            self._last_second.popleft()
        if sum(count for _, count in self._last_second) >= self.limits.max_send_rate:
            raise RateExceeded
        counted = sum(simulated_scenario(address) is None for address in recipients)
        limited = self.limits.max_24_hour_send != UNLIMITED
        if limited and counted and self.sent_last_24_hours() >= self.limits.max_24_hour_send:
            raise DailyQuotaExceeded
        self._last_second.append((now, len(recipients)))
        if counted:
            self.count_sent(counted, now)
