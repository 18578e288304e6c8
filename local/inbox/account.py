"""The sending account that the inbox plays: its rate, its quota, and the senders it may use."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from local.inbox.addresses import bare_address, simulated_scenario
from local.inbox.identities import Identities
from local.inbox.ses_errors import (
    AccessDenied,
    AccountSuspended,
    DailyQuotaExceeded,
    MailFromDomainNotVerified,
    MessageRejected,
    NotFound,
    RateExceeded,
    SendingPaused,
)

DAY_SECONDS = 24 * 60 * 60
UNLIMITED = -1  # SES's own way to say it, for Max24HourSend


class Enforcement(StrEnum):
    """What SES makes of the account's reputation (GetAccount's EnforcementStatus)."""

    HEALTHY = "HEALTHY"
    PROBATION = "PROBATION"
    SHUTDOWN = "SHUTDOWN"


@dataclass(slots=True)
class Limits:
    """What the account may do; every field can be changed at run time.

    `max_send_rate` counts recipients in any one second, `max_24_hour_send` in any 24 hours (-1: no limit).
    """

    max_send_rate: float = 1000.0
    max_24_hour_send: float = 1_000_000.0
    sending_enabled: bool = True
    production_access_enabled: bool = True
    enforcement_status: Enforcement = Enforcement.HEALTHY
    suspended: bool = False  # for good, as SES does after a review
    access_denied: bool = False  # to SendEmail, by IAM
    configuration_set_exists: bool = True
    mail_from_verified: bool = True  # the MX record of the sender's custom MAIL FROM domain
    throttle_questions: bool = False  # TooManyRequestsException for all but SendEmail


class SendingAccount:
    """Decides whether a message may leave now, and counts those that did."""

    def __init__(
        self, limits: Limits, identities: Identities, *, region: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.limits = limits
        self.identities = identities
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

    def check(self, senders: list[str], recipients: list[str], configuration_set: str) -> None:
        """Raise what keeps every message from leaving, or MessageRejected naming the identities not verified."""
        limits, region = self.limits, self._region
        if limits.access_denied:
            resource = f"arn:aws:ses:{region}:123456789012:identity/{bare_address(senders[0])}"
            raise AccessDenied(
                "User `arn:aws:sts::123456789012:assumed-role/send/send' is not authorized to perform "
                f"`ses:SendRawEmail' on resource `{resource}'"
            )
        if configuration_set and not limits.configuration_set_exists:
            raise NotFound(f"Configuration set <{configuration_set}> does not exist.")
        if limits.suspended:
            raise AccountSuspended("Sending suspended for this account.")
        if not limits.sending_enabled:
            raise SendingPaused("Email sending is disabled for this account.")
        if limits.enforcement_status is Enforcement.SHUTDOWN:
            raise SendingPaused(
                "Sending paused for this account. For more information, please check the inbox of the email address "
                "associated with your AWS account."
            )
        if not limits.mail_from_verified:
            raise MailFromDomainNotVerified("Mail FROM domain is not verified.")
        to_check = [bare_address(sender) for sender in senders]
        if not limits.production_access_enabled:  # the sandbox: recipients must be verified too
            to_check += [address for address in recipients if simulated_scenario(address) is None]
        failed = list(dict.fromkeys(address for address in to_check if not self.identities.may_send_from(address)))
        if failed:
            raise MessageRejected(
                "Email address is not verified. The following identities failed the check in region "
                f"{region.upper()}: {', '.join(failed)}"
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
