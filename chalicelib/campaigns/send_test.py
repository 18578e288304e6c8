"""Test sends: a campaign's mail to addresses that the marketer names, marked, and tracked without being counted.

Delivery ids and signatures are genuine, so pixel, links and unsubscribe page work as in a real mail. But they name a
campaign that cannot exist and a new lead id, and no delivery is written for them: the conditional write of a hit finds
nothing to change. Only the unsubscribe page says that it is a test (docs/decisions/0048).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chalicelib.campaigns.completeness import NEEDED_BY_A_MAIL, require_complete
from chalicelib.campaigns.drafts import Draft
from chalicelib.campaigns.launched_content import campaign_values, tracking_of
from chalicelib.content.compiled import CompiledContent, Segments
from chalicelib.content.compiler import compile_content
from chalicelib.content.message import build_message, message_id_of
from chalicelib.content.render import Renderer
from chalicelib.crm.leads import merge_fields
from chalicelib.model.addresses import MalformedAddress, parse_address
from chalicelib.model.errors import Fault, Invalid
from chalicelib.model.ids import TEST_CAMPAIGN, new_lead_id
from chalicelib.model.lead import Lead
from chalicelib.model.reasons import FailureReason
from chalicelib.model.transport import NotSent, OutcomeUnknown, OutgoingMail, Rejected, Transport
from chalicelib.tracking.key_ring import KeyRingSource

MAX_ADDRESSES = 10
START_WITHIN_SECONDS = 5.0
"""No mail is started later than this: a request has 29 seconds, and mail services are given 20."""
SUBJECT_MARK = "[Test] "
TEST_HEADER: Mapping[str, str] = {"X-Leadflip-Test": "yes"}


class InvalidAddresses(Invalid, problem="invalid-addresses", title="Some addresses cannot be sent to"):
    """Some addresses cannot be sent to; nothing was sent. `faults` pairs their positions in the list with reasons."""

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"address {place + 1} {reason}" for place, reason in faults[:3]))
        self.faults = tuple(Fault(f"to[{place}]", reason) for place, reason in faults)


class SendTestOutcome(StrEnum):
    """What happened to the mail to one address."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    """It certainly did not leave; the detail says whether to try again, or what to do first."""
    INVALID_ADDRESS = FailureReason.INVALID_ADDRESS.value
    REJECTED = FailureReason.REJECTED.value
    OUTCOME_UNKNOWN = FailureReason.OUTCOME_UNKNOWN.value
    """The mail service did not answer; it may have left."""


@dataclass(frozen=True, slots=True)
class AddressResult:
    email: str
    outcome: SendTestOutcome
    detail: str | None
    """The mail service's words; None for a mail that was sent."""
    resumes_about: datetime | None = None
    """When it may be tried again, if the account must wait."""


@dataclass(frozen=True, slots=True)
class MailTester:
    """Sends tests by the stack's transport, one address after another."""

    _transport: Transport
    _wait_to_send: Callable[[Callable[[], bool]], None]
    """Returns when the shared rate allows a mail, or raises NotSent when time becomes short."""
    _keys: KeyRingSource
    _tracking_url: str
    _clock: Callable[[], float] = time.time

    def send(self, draft: Draft, lead: Lead | None, to: Sequence[str], now: datetime) -> list[AddressResult]:
        """One result per address, in their order, each address once. A campaign of any status may be tested.

        Merge tags say what they would say to `lead`, and without one their defaults. Raises InvalidAddresses,
        Incomplete, RenderFailed.
        """
        addresses = _addresses(to)
        require_complete(draft.campaign, draft.body, NEEDED_BY_A_MAIL)
        tracking = tracking_of(self._keys, self._tracking_url, TEST_CAMPAIGN, self._keys.ring().current)
        compiled = compile_content(draft.source(), tracking)
        renderer = Renderer(_marked(compiled), tracking)
        values = merge_fields(lead)
        from_email = draft.campaign.from_email

        def mail_to(address: str) -> OutgoingMail:
            delivery_id = tracking.delivery_id(new_lead_id())
            unsubscribe_url = tracking.unsubscribe_url(delivery_id)
            message = build_message(
                renderer.render(values, campaign_values(draft.campaign), delivery_id, unsubscribe_url),
                to_email=address,
                to_name=None,
                date=now,
                message_id=message_id_of(delivery_id, from_email),
                unsubscribe_url=unsubscribe_url,
                feedback_id=f"{draft.campaign.campaign_id}:test:leadflip",
                headers=TEST_HEADER,
            )
            return OutgoingMail(from_email, address, message, TEST_CAMPAIGN, delivery_id)

        mails = list(map(mail_to, addresses))
        latest_start = self._clock() + START_WITHIN_SECONDS
        return [self._result(mail, lambda: self._clock() >= latest_start) for mail in mails]

    def _result(self, mail: OutgoingMail, time_is_short: Callable[[], bool]) -> AddressResult:
        try:
            self._wait_to_send(time_is_short)
            self._transport.send(mail)
        except Rejected as error:
            return AddressResult(mail.to_email, SendTestOutcome(error.reason.value), str(error))
        except NotSent as error:
            return AddressResult(mail.to_email, SendTestOutcome.NOT_SENT, str(error), error.until)
        except OutcomeUnknown as error:
            return AddressResult(mail.to_email, SendTestOutcome.OUTCOME_UNKNOWN, str(error))
        return AddressResult(mail.to_email, SendTestOutcome.SENT, None)


def _addresses(to: Sequence[str]) -> list[str]:
    addresses: list[str] = []
    faults: list[tuple[int, str]] = []
    for place, text in enumerate(to):
        try:
            addresses.append(parse_address(text))
        except MalformedAddress as error:
            faults.append((place, str(error)))
    if faults:
        raise InvalidAddresses(faults)
    return list(dict.fromkeys(addresses))


def _marked(compiled: CompiledContent) -> CompiledContent:
    first, *others = compiled.subject.texts
    return replace(compiled, subject=Segments((SUBJECT_MARK + first, *others), compiled.subject.slots))
