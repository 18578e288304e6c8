"""Nobody is mailed more than two seconds after an unsubscription was answered, however slowly mails leave.

Time is simulated, the engine is real: sleeping, reading, claiming and calling the mail service take time, and leads
unsubscribe while it passes.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.campaigns import launched_content as content
from chalicelib.crm.leads import delete_lead
from chalicelib.model.delivery import DeliveryStatus
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.reasons import WaitReason
from chalicelib.model.transport import NotSent, OutgoingMail
from chalicelib.sending.budget import OwnServer, SharedBudget
from chalicelib.sending.deliver import Deliver
from chalicelib.store.claims import Claims
from chalicelib.store.leads import Leads
from chalicelib.store.rate import AccountLimits, SendRate
from local.tables import TableNames
from tests.store.conftest import TablePool
from tests.store.cost_model import counted_calls
from tests.store.test_sending import KEYS, NOW, TRACKING_URL, World

pytestmark = pytest.mark.usefixtures("few_shards")

LEADS = 10


@dataclass(frozen=True)
class Day:
    """How fast mails may leave, and how long everything takes, in seconds."""

    rate: float | None = None
    """Mails a second of the whole account; None where the server takes what it can."""
    others: int = 0
    """Turns that other workers take whenever this one sleeps."""
    read: float = 0.01
    claim: float = 0.01
    mail_service: float = 0.05
    throttles: Collection[int] = ()
    """Which of the calls to the mail service are refused as too many."""
    leaves: dict[int, float] = field(default_factory=dict)
    """Which lead unsubscribes how long after the sending began."""


class Clockwork(World):
    """A worker to whom everything takes time, and leads who leave meanwhile."""

    def __init__(self, client: Any, tables: TableNames, day: Day) -> None:
        super().__init__(client, tables)
        self.day = day
        self.recipients = [self.lead(number) for number in range(LEADS)]
        self.campaign_id = self.launched()
        self.left_at: dict[str, float] = {}
        self.mailed_at: dict[str, float] = {}
        self.calls = 0
        self.others_took = 0
        limits = AccountLimits(day.rate or 1, None, 0)
        rate = SendRate(client, tables.campaigns)
        self.others = SharedBudget(rate, lambda: limits, self.seconds_now, lambda seconds: None)
        budget = SharedBudget(rate, lambda: limits, self.seconds_now, self.sleep)
        self.began = self.seconds_now()
        self.leaving = sorted((seconds, number) for number, seconds in day.leaves.items())
        self.mail.before = self.call_mail_service
        self.worker = Deliver(
            SlowLeads(client, tables.leads, lambda: self.spend(day.read)),
            self.deliveries,
            SlowClaims(client, tables.deliveries, lambda: self.spend(day.claim)),
            self.mail,
            budget if day.rate else OwnServer(self.seconds_now),
            lambda: self.now,
            lambda campaign_id: True,
            lambda campaign_id, words: None,
            pause=self.sleep,
        )

    def seconds_now(self) -> float:
        return self.now.timestamp()

    def spend(self, seconds: float) -> None:
        """Let time pass, and leads leave in it."""
        end = self.now + timedelta(seconds=seconds + 1e-6)  # a timedelta knows no less, and would never end a wait
        while self.leaving and self.began + self.leaving[0][0] <= end.timestamp():
            after, number = self.leaving.pop(0)
            lead = self.recipients[number]
            self.now = max(self.now, NOW + timedelta(seconds=after))
            self.leads.unsubscribe(lead.lead_id, at=self.now, source="link")
            self.left_at[str(lead.email)] = self.seconds_now()
        self.now = max(self.now, end)
        assert self.now < NOW + timedelta(hours=1), "it never comes to its end"

    def sleep(self, seconds: float) -> None:
        if self.day.rate and self.day.others and self.others_took < 25:  # or nothing would be left, ever
            self.others_took += len(self.others.take(self.day.others, 0.01))
        self.spend(seconds)

    def call_mail_service(self, mail: OutgoingMail) -> None:
        self.calls += 1
        at = self.seconds_now()
        self.spend(self.day.mail_service)
        if self.calls in self.day.throttles:
            raise NotSent("Maximum sending rate exceeded.", WaitReason.RATE)
        self.mailed_at[mail.to_email] = at

    def send_all(self) -> None:
        """Handle a message, and what comes of it, until nobody waits any more."""
        launched = content.load(self.campaigns, KEYS, TRACKING_URL, self.campaign_id)
        waiting: list[tuple[tuple[LeadId, ...], float]] = [(tuple(lead.lead_id for lead in self.recipients), 0)]
        while waiting:
            lead_ids, seconds = waiting.pop(0)
            self.spend(seconds)
            rests = self.worker.deliver_all(launched, "0.0", lead_ids)
            waiting += [(rest.lead_ids, rest.after_seconds) for rest in rests]

    def lateness(self) -> float:
        """How long after an unsubscription was answered its lead was mailed, at most; 0 where nobody was."""
        late = (at - self.left_at[address] for address, at in self.mailed_at.items() if address in self.left_at)
        return max(late, default=0.0)

    def everybody_is_accounted_for(self) -> bool:
        """Mailed once, or skipped because they had left."""
        addresses = {str(lead.email) for lead in self.recipients}
        skipped = addresses - self.mailed_at.keys()
        found = self.deliveries.find_many(self.campaign_id, [lead.lead_id for lead in self.recipients])
        statuses = {each.email: each.status for each in found.values()}
        expected = dict.fromkeys(self.mailed_at, DeliveryStatus.SENT) | dict.fromkeys(skipped, DeliveryStatus.SKIPPED)
        return (
            statuses == expected and skipped <= self.left_at.keys() and len(self.mail.accepted) == len(self.mailed_at)
        )


class SlowLeads(Leads):
    def __init__(self, client: Any, table: str, spend: Callable[[], None]) -> None:
        super().__init__(client, table)
        self._spend = spend

    def find_many(self, lead_ids: Iterable[LeadId], *, consistent: bool = False) -> dict[LeadId, Lead]:
        found = super().find_many(lead_ids, consistent=consistent)
        self._spend()
        return found


class SlowClaims(Claims):
    def __init__(self, client: Any, table: str, spend: Callable[[], None]) -> None:
        super().__init__(client, table)
        self._spend = spend

    def claim_and_record(self, claims: Any, endings: Any) -> Any:
        made = super().claim_and_record(claims, endings)
        self._spend()
        return made


ONE_A_SECOND = {number: number - 0.5 for number in range(3, LEADS)}
"""Everybody leaves half a second before a rate of one mail a second comes to them."""
DAYS = {
    "one mail a second": Day(rate=1, leaves={9: 5.0}),
    "leaving while the turn is waited for": Day(rate=1, leaves=ONE_A_SECOND),
    "many workers share the rate": Day(rate=4, others=3, leaves={6: 4.0, 9: 7.5}),
    "a slow mail service": Day(mail_service=1.7, leaves={7: 9.0, 9: 12.0}),
    "a mail service that stalls": Day(rate=14, mail_service=20, leaves={1: 3.0, 2: 21.0, 3: 55.0}),
    "a throttling mail service": Day(rate=14, throttles={1, 2, 3, 5, 6, 7, 8}, leaves={0: 1.0, 1: 5.0}),
    "slow reads": Day(rate=1, read=0.8, leaves={5: 4.0, 9: 6.0}),
    "reads that take longer than was left for them": Day(rate=0.5, read=1.0, leaves={9: 15.0}),
    "slow claims": Day(rate=3, claim=1.5, leaves={4: 5.0, 9: 7.0}),
}


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
def test_nobody_is_mailed_two_seconds_after_they_left(dynamodb: Any, tables: TableNames, day: Day) -> None:
    world = Clockwork(dynamodb, tables, day)
    world.send_all()
    assert world.left_at
    assert world.lateness() <= 2.0
    assert world.everybody_is_accounted_for()


days = st.builds(
    Day,
    rate=st.none() | st.sampled_from([0.5, 1, 2, 5, 14, 100]),
    others=st.integers(0, 4),
    read=st.sampled_from([0.005, 0.05, 0.4, 1.0]),
    claim=st.sampled_from([0.005, 0.05, 0.6, 3.0]),
    mail_service=st.sampled_from([0.01, 0.06, 0.5, 3.0, 19.0]),
    throttles=st.frozensets(st.integers(1, 15), max_size=6),
    leaves=st.dictionaries(st.integers(0, LEADS - 1), st.floats(0, 40), min_size=1),
)


@pytest.mark.one_engine
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(day=days)
def test_whatever_the_day_is_like_nobody_is_mailed_two_seconds_after_they_left(
    dynamodb: Any, table_pool: TablePool, day: Day
) -> None:
    with table_pool.tables() as tables:
        world = Clockwork(dynamodb, tables, day)
        world.send_all()
        assert world.lateness() <= 2.0
        assert world.everybody_is_accounted_for()


def test_at_one_mail_a_second_leads_are_read_again_a_few_at_a_time(dynamodb: Any, tables: TableNames) -> None:
    world = Clockwork(dynamodb, tables, Day(rate=1))
    with counted_calls(dynamodb) as calls:
        world.send_all()
    assert calls["BatchGetItem"] <= 6


def test_at_five_mails_a_second_ten_leads_are_read_once(dynamodb: Any, tables: TableNames) -> None:
    world = Clockwork(dynamodb, tables, Day(rate=6))
    with counted_calls(dynamodb) as calls:
        world.send_all()
    assert calls["BatchGetItem"] == 1


def test_a_lead_that_was_deleted_while_its_turn_was_waited_for_is_skipped(dynamodb: Any, tables: TableNames) -> None:
    world = Clockwork(dynamodb, tables, Day(rate=1))
    last = world.recipients[-1]
    world.mail.after = lambda mail: None if len(world.mail.accepted) != 5 else delete_lead(world.leads, last.lead_id)
    world.send_all()
    assert world.status(world.campaign_id, last.lead_id) == ("skipped", "lead_deleted")
    assert len(world.mail.accepted) == LEADS - 1
