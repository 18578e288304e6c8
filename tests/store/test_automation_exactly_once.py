"""Whatever happens, and however the stream, the queues and Lambda bring it: events equal what `facts` says, and each
rule has acted exactly once per lead and delivery that it should have.

Random histories of hits are written to a real engine. What its stream would carry comes in batches that are cut anew
and repeated; messages come late, twice, and to functions that die before and after each call. Rules are edited and
leads changed meanwhile. Time is the test's own.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.analytics.facts import facts
from chalicelib.automation.automate import Automation
from chalicelib.automation.events import milestones
from chalicelib.automation.publish import MARGIN_SECONDS, Bus, Candidate, Finish, Publisher, candidates
from chalicelib.automation.rule_editor import RuleEditor, WrittenRule
from chalicelib.automation.rules import Incident
from chalicelib.crm.leads import create_lead, update_lead
from chalicelib.model.campaign import Body
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.ids import LeadId, RuleId, new_campaign_id
from chalicelib.model.rule import Action, ActionKind, If, Rule, Trigger, When
from chalicelib.store import keys
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.rules import Acts, Rules
from local.tables import TableNames
from tests.claiming import record_claim
from tests.stand_in import StandIn
from tests.store.test_events import RecordingBus, campaign

pytestmark = pytest.mark.usefixtures("few_shards")

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
LINKS = ("1", "2", "3m", "4")
DELAY = BurstRule().window.total_seconds() + MARGIN_SECONDS


@dataclass(frozen=True)
class Deed:
    """Something that happens to one of the leads, `after` so many seconds since the one before."""

    what: str
    lead: int
    after: float
    link: str


deeds = st.builds(
    Deed,
    what=st.sampled_from(
        ("open", "proxy", "click", "click", "click", "scan", "sweep", "unsubscribed", "bounced", "edit", "toggle")
    ),
    lead=st.integers(0, 2),
    after=st.sampled_from([0.1, 0.4, 1.5, 5, 20, 400]),
    link=st.sampled_from(LINKS),
)


chances = st.integers(0, 2**32).map(Random)


class Dies(BaseException):
    """The function's process ended here."""


class MortalClient(StandIn):
    """The engine's client in a process that may die before or after each call."""

    def __init__(self, client: Any, chance: Random) -> None:
        self._client = client
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            self._maybe_die()
            answer = operation(**arguments)
            self._maybe_die()
            return answer

        return call

    def _maybe_die(self) -> None:
        if self._chance.random() < 0.06:
            raise Dies


class MortalBus(RecordingBus):
    """Takes events, some of them, and dies now and then before or after that."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if self._chance.random() < 0.1:
            raise Dies
        self.refuses = {link for link in (*LINKS, None) if self._chance.random() < 0.1}  # type: ignore[misc]
        answer = super().put_events(Entries)
        if self._chance.random() < 0.1:
            raise Dies
        return answer


@dataclass
class World:
    client: Any
    tables: TableNames
    chance: Random
    now: datetime = NOW
    records: list[dict[str, Any]] = field(default_factory=list)
    """The stream, from its beginning."""
    read: int = 0
    """How much of it was read."""
    waiting: list[tuple[datetime, Candidate | Finish]] = field(default_factory=list)
    incidents: deque[Incident] = field(default_factory=deque)
    """On the automation queue."""
    on_bus: int = 0
    """How many of the bus's events were brought to the automation queue."""

    def __post_init__(self) -> None:
        client, tables = self.client, self.tables
        self.deliveries = Deliveries(client, tables.deliveries, BurstRule())
        self.leads = Leads(client, tables.leads)
        self.campaign = campaign(new_campaign_id())
        Campaigns(client, tables.campaigns).create(self.campaign, Body("<p>", None))
        made = [create_lead(self.leads, {"entity": "acme", "stage": "New"}, NOW) for _ in range(3)]
        self.lead_ids = [lead.lead_id for lead in made]
        for lead_id in self.lead_ids:
            record_claim(
                self.deliveries, Delivery(self.campaign.campaign_id, lead_id, DeliveryStatus.SENDING, NOW, "0.0")
            )
        self.rules = Rules(client, tables.campaigns)
        for left in self.rules.list_all():  # by the example before: all share the tables
            self.rules.delete(left.rule_id)
        self.rule_editor = RuleEditor(self.rules, Campaigns(client, tables.campaigns), self.leads, lambda _: ())
        self.steady = [self._rule(trigger) for trigger in (Trigger.CLICKED, Trigger.OPENED, Trigger.BOUNCED)]
        self.toggled = self._rule(Trigger.CLICKED, url="*")
        self.bus = MortalBus(self.chance)
        mortal = MortalClient(client, self.chance)
        self.publisher = Publisher(
            Deliveries(mortal, tables.deliveries, BurstRule()),
            Campaigns(mortal, tables.campaigns),
            Bus(self.bus, "bus"),
        )
        self.automation = Automation(
            Rules(mortal, tables.campaigns),
            Leads(mortal, tables.leads),
            Acts(mortal, tables.campaigns, tables.leads),
            lambda: self.now,
        )
        self.acts = Acts(client, tables.campaigns, tables.leads)

    def _rule(self, trigger: Trigger, url: str | None = None) -> Rule:
        tag = Action(ActionKind.ADD_TAG, f"{trigger.value}-{url or 'any'}".replace("*", "all"))
        return self.rule_editor.create(WrittenRule(trigger.value, When(trigger, url=url), If(), (tag,)), NOW)

    def do(self, deed: Deed) -> None:
        """Let it happen, and let the stream carry what changed."""
        self.now += timedelta(seconds=deed.after)
        lead_id = self.lead_ids[deed.lead]
        if deed.what == "edit":
            update_lead(self.leads, lead_id, {"fields": {f"at{len(self.records)}": deed.after}}, self.now)
            return
        if deed.what == "toggle":
            is_enabled = self.rules.get(self.toggled.rule_id).enabled
            self.rule_editor.change(self.toggled.rule_id, {"enabled": not is_enabled}, self.now)
            return
        for write in self._writes(deed, lead_id):
            before = self._row(lead_id)
            write()
            after = self._row(lead_id)
            if after != before:
                images: dict[str, Any] = {"Keys": keys.delivery(self.campaign.campaign_id, lead_id), "OldImage": before}
                images |= {"NewImage": after, "SequenceNumber": str(len(self.records) + 1)}
                images |= {"ApproximateCreationDateTime": self.now.timestamp()}
                self.records.append({"dynamodb": images})

    def _writes(self, deed: Deed, lead_id: LeadId) -> Iterator[Callable[[], object]]:
        table, ids, now = self.deliveries, (self.campaign.campaign_id, lead_id), self.now
        if deed.what == "open":
            yield lambda: table.record_open(*ids, at=now, machine=None)
        if deed.what == "proxy":
            yield lambda: table.record_open(*ids, at=now, machine="privacy_proxy")
        if deed.what in ("click", "scan"):
            machine = "tool" if deed.what == "scan" else None
            url = "https://acme.example/" if deed.link.endswith("m") else None
            yield lambda: table.record_click(*ids, deed.link, Click(now, url, machine))
        if deed.what == "sweep":
            for number, link in enumerate(LINKS):
                click = Click(now + timedelta(milliseconds=200 * number), None)
                yield lambda link=link, click=click: table.record_click(*ids, link, click)  # type: ignore[misc]
            self.now += timedelta(milliseconds=200 * len(LINKS))
        if deed.what == "unsubscribed":
            yield lambda: table.record_unsubscribed(*ids, at=now)
        if deed.what == "bounced":
            yield lambda: self._bounce(lead_id)

    def _bounce(self, lead_id: LeadId) -> None:
        self.client.update_item(
            TableName=self.tables.deliveries,
            Key=keys.delivery(self.campaign.campaign_id, lead_id),
            UpdateExpression="SET bounced_at = if_not_exists(bounced_at, :at)",
            ExpressionAttributeValues={":at": {"S": self.now.isoformat()}},
        )

    def _row(self, lead_id: LeadId) -> dict[str, Any]:
        key = keys.delivery(self.campaign.campaign_id, lead_id)
        answer = self.client.get_item(TableName=self.tables.deliveries, Key=key, ConsistentRead=True)
        row: dict[str, Any] = answer["Item"]
        return row

    def move_on(self) -> None:
        """One step of one of the functions, as Lambda may bring it about."""
        self.chance.choice([self._read_stream, self._publish, self._publish, self._automate])()

    def _read_stream(self) -> None:
        if self.read == len(self.records):
            return
        start = max(0, self.read - self.chance.choice([0, 0, 3]))  # a batch that comes again, cut anew
        end = min(len(self.records), start + self.chance.randint(1, 8))
        for found in candidates(self.records[start:end], BurstRule()):
            self.waiting.append((self.now + timedelta(seconds=DELAY), found))
            if self.chance.random() < 0.1:
                return  # died: the batch comes again
        self.read = max(self.read, end)

    def _publish(self) -> None:
        due = [each for each in self.waiting if each[0] <= self.now]
        taken = self.chance.sample(due, min(len(due), self.chance.randint(1, 10)))
        if not taken:
            return
        try:
            done = self.publisher.publish([candidate for _, candidate in taken], self.now)
        except (Dies, StoreUnavailable):
            done = [False] * len(taken)
        for each, is_done in zip(taken, done, strict=True):
            if is_done and self.chance.random() < 0.8:  # else the queue brings it once more all the same
                self.waiting.remove(each)
        for detail in self.bus.details[self.on_bus :]:
            event = {"detail-type": detail["type"], "detail": detail}
            incident = Incident.of(event)
            if incident is not None:
                self.incidents.extend([incident] * self.chance.choice([1, 1, 2]))
        self.on_bus = len(self.bus.details)

    def _automate(self) -> None:
        if not self.incidents:
            return
        incident = self.incidents.popleft()
        try:
            self.automation.handle(incident)
        except (Dies, StoreUnavailable):
            self.incidents.append(incident)

    def come_to_rest(self) -> None:
        """Let time pass until nothing is left to do."""
        steps = 0
        while self.read < len(self.records) or self.waiting or self.incidents:
            self.now += timedelta(seconds=1)
            self.move_on()
            steps += 1
            assert steps < 5_000, "something waits for ever"

    def acted(self, rule_id: RuleId) -> Counter[LeadId]:
        acts, _ = self.acts.list_of_rule(rule_id, limit=200, position=None)
        return Counter(act.lead_id for act in acts)


def everything_follows_once(history: list[Deed], chance: Random, dynamodb: Any, tables: TableNames) -> None:
    world = World(dynamodb, tables, chance)
    for deed in history:
        world.do(deed)
        for _ in range(chance.randint(0, 4)):
            world.move_on()
    world.come_to_rest()

    published = {
        (each["type"], each.get("lead_id"), each.get("link"), each.get("machine")) for each in world.bus.details
    }
    by_persons: dict[Trigger, set[LeadId]] = {trigger: set() for trigger in Trigger}
    for lead_id in world.lead_ids:
        delivery = world.deliveries.find(world.campaign.campaign_id, lead_id)
        for milestone in milestones(delivery):
            if not milestone.machine:
                by_persons[Trigger(milestone.kind.value)].add(lead_id)
        # What is told and what is counted are the same.
        counted = {
            name.split("/")[1] for name in facts(delivery) if name.startswith("link/") and name.endswith("/clicked")
        }
        assert counted == {link for link in LINKS if ("CampaignLinkClicked", lead_id, link, False) in published}
        assert (("CampaignEmailOpened", lead_id, None, False) in published) == (
            delivery is not None and delivery.opened_person_at is not None
        )
    for rule in world.steady:
        assert world.acted(rule.rule_id) == Counter(by_persons[rule.when.event])
    # One that was switched off and on acted at most once, and for nobody who did not click.
    toggled = world.acted(world.toggled.rule_id)
    assert set(toggled) <= by_persons[Trigger.CLICKED]
    assert all(number == 1 for number in toggled.values())
    for lead_id in world.lead_ids:
        lead = world.leads.get(lead_id)
        acts = world.acts.list_of_lead(lead_id)
        assert len(lead.tags) == len(acts)
        edits = sum(deed.what == "edit" and world.lead_ids[deed.lead] == lead_id for deed in history)
        assert lead.version <= 1 + len(acts) + edits


_FIXTURES_ARE_SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.one_engine
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=_FIXTURES_ARE_SHARED,
    derandomize=True,
    phases=[Phase.generate],
)
@given(history=st.lists(deeds, min_size=5, max_size=15), chance=chances)
def test_each_rule_acts_exactly_once_whatever_happens(
    dynamodb: Any, tables: TableNames, history: list[Deed], chance: Random
) -> None:
    everything_follows_once(history, chance, dynamodb, tables)


@pytest.mark.soak
@settings(max_examples=150, deadline=None, suppress_health_check=_FIXTURES_ARE_SHARED)
@given(history=st.lists(deeds, min_size=15, max_size=60), chance=chances)
def test_each_rule_acts_exactly_once_whatever_happens_for_long(
    dynamodb: Any, tables: TableNames, history: list[Deed], chance: Random
) -> None:
    everything_follows_once(history, chance, dynamodb, tables)
