"""A message is delivered while any one call fails with an error that nobody expects: of the store, the mail service,
the budget, or the clock's sleep.

Each call of each story fails once, before or after it took effect. Then SQS delivers the message again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from chalicelib.campaigns import launched_content as content
from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import LeadId, new_campaign_id
from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import NotSent, OutgoingMail
from chalicelib.sending.budget import OwnServer, SharedBudget
from chalicelib.sending.deliver import Deliver
from chalicelib.sending.message_leads import Rest
from chalicelib.sending.rate import GROUPS_A_ROW, Grid
from chalicelib.store.claims import Claims
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.rate import AccountLimits, SendRate
from local.tables import TableNames
from tests.claiming import record_claim
from tests.stand_in import StandIn
from tests.store.test_sending import KEYS, NOW, TRACKING_URL, World

pytestmark = [pytest.mark.usefixtures("few_shards"), pytest.mark.one_engine]

RATE = 50


class AnyError(Exception):
    """No error of the product's."""


@dataclass
class Calls:
    """Counts calls, and lets one of them fail."""

    fails: int = 0
    after_it_took_effect: bool = False
    names: list[str] = field(default_factory=list)

    def over(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            self.names.append(name)
            is_it = len(self.names) == self.fails
            if is_it and not self.after_it_took_effect:
                raise AnyError
            answer = function(*values, **named)
            if is_it:
                raise AnyError
            return answer

        return call


class Client(StandIn):
    """The engine's client."""

    def __init__(self, client: Any, calls: Calls) -> None:
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        return self._calls.over(name, getattr(self._client, name))


class MailService(StandIn):
    """Answers the first mails as it is told, and takes all others."""

    def __init__(self, answers: list[Exception]) -> None:
        self.answers = answers
        self.accepted: list[OutgoingMail] = []

    def send(self, mail: OutgoingMail) -> str:
        if self.answers:
            raise self.answers.pop(0)
        self.accepted.append(mail)
        return "id"


class Sender:
    """One worker over calls that may fail, on a clock that moves at every look."""

    def __init__(self, client: Any, tables: TableNames, calls: Calls, story: "Story", now: float) -> None:
        self.now = self.began = now
        self.ends: list[Any] = []
        self.mail = MailService([*story.answers])
        self.mail.send = calls.over("mail", self.mail.send)  # type: ignore[method-assign]
        counted, pause = Client(client, calls), calls.over("pause", self.sleep)
        limits = calls.over("limits", lambda: AccountLimits(RATE, None, 0))
        shared = SharedBudget(SendRate(counted, tables.campaigns), limits, self.look, pause)
        self.deliver = Deliver(
            Leads(counted, tables.leads),
            Deliveries(counted, tables.deliveries, BurstRule()),
            Claims(counted, tables.deliveries),
            self.mail,
            shared if story.shares_budget else OwnServer(self.look),
            lambda: datetime.fromtimestamp(self.look(), UTC),
            lambda campaign_id: True,
            lambda campaign_id, words: None,
            pause=pause,
        )

    def look(self) -> float:
        self.now += 0.0002
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def unknown(self) -> int:
        return self.ends.count((DeliveryStatus.FAILED, FailureReason.OUTCOME_UNKNOWN))

    def handle(self, launched: content.LaunchedContent, lead_ids: Sequence[LeadId]) -> None:
        """Deliver a message, as often as it fails, and what it puts back."""
        messages = [Rest(tuple(lead_ids), 0)]
        while messages:
            message = messages.pop(0)
            self.now += message.after_seconds
            try:
                messages += self.deliver.deliver_all(launched, "0.0", message.lead_ids, put_off=message.put_off)
            except AnyError:
                messages.append(replace(message, after_seconds=0))


@dataclass
class Story:
    """What the mail service answers first, and whether the deliveries were sent before and failed."""

    answers: tuple[Exception, ...] = ()
    is_retry: bool = False
    shares_budget: bool = False


STORIES = {
    "throttled": Story((NotSent("slower", WaitReason.RATE),), shares_budget=True),
    "put off": Story((NotSent("later", WaitReason.PUT_OFF),)),
    "out of reach": Story((NotSent("away"),)),
    "sent again": Story(is_retry=True),
}
ROW_SECONDS = GROUPS_A_ROW * Grid(RATE).group_seconds
"""The budget's rows hold moments for so long; stories that begin at the same place of one make the same calls."""
_CHANGE_SOMETHING = {"update_item", "delete_item", "batch_execute_statement", "mail"}


def test_whatever_fails_nobody_is_mailed_twice_and_only_the_mail_service_costs_a_mail(
    dynamodb: Any, tables: TableNames
) -> None:
    world = World(dynamodb, tables)
    leads = [world.lead(number).lead_id for number in (1, 2)]
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, world.launched())
    runs = count()

    def run(story: Story, calls: Calls) -> Sender:
        """As another campaign, hours after the last run."""
        campaign_id, now = new_campaign_id(), NOW.timestamp() + 10_000 * ROW_SECONDS * next(runs)
        for lead_id in leads if story.is_retry else ():
            assert record_claim(world.deliveries, Delivery(campaign_id, lead_id, DeliveryStatus.FAILED, NOW, "0.0"))
            assert world.deliveries.mark_for_retry(campaign_id, lead_id, 1)
        sender = Sender(dynamodb, tables, calls, story, now)
        sender.handle(replace(launched, campaign=replace(launched.campaign, campaign_id=campaign_id)), leads)
        ended = world.deliveries.find_many(campaign_id, leads)
        sender.ends = [(ended[each].status, ended[each].reason) for each in leads]
        return sender

    tried: set[tuple[object, ...]] = set()
    for name, story in STORIES.items():
        well = Calls()
        expected = run(story, well)
        for number, called in enumerate(well.names, start=1):
            until_then = (story.is_retry, story.shares_budget, *well.names[:number])
            if until_then in tried:
                continue  # as in another story
            tried.add(until_then)
            for after_it_took_effect in (False, True) if called in _CHANGE_SOMETHING else (False,):
                calls = Calls(number, after_it_took_effect)
                sender = run(story, calls)
                assert calls.names[:number] == well.names[:number]
                said = (name, called, number, after_it_took_effect)
                mailed = Counter(mail.to_email for mail in sender.mail.accepted)
                assert mailed.total() == len(mailed), said
                if called == "mail":  # it may have left, or not
                    assert sender.unknown() <= 1, said
                    continue
                assert len(mailed) == len(expected.mail.accepted), said
                if sender.ends != expected.ends:  # the end of a mail that has left, which no claim came behind
                    assert (called, after_it_took_effect) == ("batch_execute_statement", False), said
                    assert sender.unknown() == 1, said
                else:
                    # Nothing stayed claimed, which takes ten minutes to be settled.
                    assert sender.now - sender.began < expected.now - expected.began + 300, said
