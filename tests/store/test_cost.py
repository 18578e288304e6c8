"""What every operation costs, pinned: requests to the database, and write units of the rows they write.

docs/COST.md reckons with these numbers. Whoever changes one of them changes that bill.
"""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.analytics.fold import fold_and_check
from chalicelib.automation.automate import Automation
from chalicelib.automation.rule_editor import RuleEditor, WrittenRule
from chalicelib.automation.rules import Incident
from chalicelib.campaigns import launched_content as content
from chalicelib.crm.import_files import read_file
from chalicelib.crm.import_rows import MAX_BYTES, MAX_LINES
from chalicelib.crm.importing import import_leads
from chalicelib.crm.leads import create_lead
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id
from chalicelib.model.rule import Action, ActionKind, If, Trigger, When
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.claims import Claims, Ending
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.keys import AUDIENCE_SHARDS
from chalicelib.store.keys import delivery as delivery_key
from chalicelib.store.leads import Leads
from chalicelib.store.rate import AccountLimits
from chalicelib.store.rules import Acts, Rules
from chalicelib.store.stream_records import Change
from chalicelib.store.table import Table
from chalicelib.tracking.hits import Hit, HitKind, apply
from local.tables import TableNames
from tests.moves import lifecycle_of
from tests.store.cost_model import counted_calls, row_bytes, seen_arguments, write_units
from tests.store.test_events import Sent
from tests.store.test_rate import Account
from tests.store.test_sending import KEYS, TRACKING_URL, World

NEW_TABLE_UNITS = 4_000
"""Write units a second that a new table on demand takes at first. Source: AWS, DynamoDB on-demand capacity mode."""
REQUEST_SECONDS = 29
"""The most that a REST API gives a request."""

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)
SES_MESSAGE_ID = "0100018c5b2f7a3e-1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9-000000"


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> World:
    return World(dynamodb, tables)


def test_ten_mails_take_one_read_and_the_end_of_each_goes_with_the_next_ones_claim(world: World, dynamodb: Any) -> None:
    leads = [world.lead(number).lead_id for number in range(10)]
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, world.launched())
    with counted_calls(dynamodb) as calls:
        world.deliver.deliver_all(launched, "0.0", leads)
    # The one GetItem asks once a second whether the campaign is going.
    assert calls == {"GetItem": 1, "BatchGetItem": 1, "BatchExecuteStatement": 11}


@pytest.mark.parametrize(("rate", "most"), [(2, 0.4), (14, 0.15), (50, 0.15), (1000, 0.15)])
def test_the_budget_takes_a_write_for_a_seconds_mails_and_one_for_all_messages_in_hand(
    world: World, dynamodb: Any, tables: TableNames, rate: float, most: float
) -> None:
    leads = [world.lead(number).lead_id for number in range(100)]
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, world.launched())
    shared = Account(dynamodb, tables, AccountLimits(rate, 50_000, 0))
    world.mail.before = lambda mail: shared.sleep(0.09)
    deliver = shared.deliverer(world)
    with counted_calls(dynamodb) as calls:
        for number in range(0, 100, 10):
            assert not deliver.deliver_all(launched, "0.0", leads[number : number + 10], behind=90 - number)
    assert calls["UpdateItem"] / 100 <= most


def test_a_message_that_comes_again_takes_a_refused_write_and_a_look_for_each_mail(world: World, dynamodb: Any) -> None:
    leads = [world.lead(number).lead_id for number in range(10)]
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, world.launched())
    world.deliver.deliver_all(launched, "0.0", leads)
    with counted_calls(dynamodb) as calls:
        world.deliver.deliver_all(launched, "0.0", leads)
    assert calls == {"BatchGetItem": 1, "BatchExecuteStatement": 10, "GetItem": 10}


def test_planning_takes_six_requests_a_unit_and_none_per_lead(world: World, dynamodb: Any) -> None:
    for number in range(200):
        world.lead(number)
    world.launched()
    with counted_calls(dynamodb) as calls:
        world.plan_all()
    units = AUDIENCE_SHARDS
    # Per unit: its campaign, its record, its leads, the page and its end; the last one looks whether all is done, and
    # moves the campaign on.
    assert calls["Query"] <= units + 1
    assert calls["TransactWriteItems"] == 2 * units + 1
    assert calls["GetItem"] <= 3 * units + 2
    assert calls["UpdateItem"] == 0


def kept(dynamodb: Any, tables: TableNames, campaign_id: CampaignId, lead_id: LeadId) -> dict[str, Any]:
    """The delivery's row as the engine has it."""
    (row,) = Table(dynamodb, tables.deliveries).find_many([delivery_key(campaign_id, lead_id)], consistent=True)
    return row


CLAIM = Delivery(
    *(new_campaign_id(), new_lead_id(), DeliveryStatus.SENDING, NOW, "12.15"),
    nonce="n" * 12,
    email="m" * 40 + "@example.com",
)
"""With a long address, and a long subject once it is sent."""
SENT = {"status": "sent", "sent_at": NOW, "message_id": SES_MESSAGE_ID, "subject": "Prices for " + "ü" * 60}


def sent(dynamodb: Any, tables: TableNames) -> Delivery:
    claim = replace(CLAIM, lead_id=new_lead_id())
    claims = Claims(dynamodb, tables.deliveries)
    claims.claim_and_record([claim], [])
    claims.claim_and_record([], [Ending(claim, SENT)])
    return claim


def test_a_mail_takes_three_write_units(dynamodb: Any, tables: TableNames) -> None:
    """One each for its claim, the claim's entry in the leads' index, and its end, which changes no entry."""
    claims = Claims(dynamodb, tables.deliveries)
    claim = replace(CLAIM, lead_id=new_lead_id())
    with counted_calls(dynamodb) as calls, seen_arguments(dynamodb, "BatchExecuteStatement") as requests:
        assert claims.claim_and_record([claim], []) == ([True], [])
        claimed = kept(dynamodb, tables, claim.campaign_id, claim.lead_id)
        assert claims.claim_and_record([], [Ending(claim, SENT)]) == ([], [True])
    ended = kept(dynamodb, tables, claim.campaign_id, claim.lead_id)
    indexed = ("bucket", "lead_id", "claimed_at")
    assert calls == {"BatchExecuteStatement": 2, "BatchGetItem": 1}  # the read is this test's
    assert not set(re.findall(r'SET "(\w+)"', requests[1]["Statements"][0]["Statement"])) & {*indexed}
    assert write_units(claimed) + write_units({name: claimed[name] for name in indexed}) + write_units(ended) == 3


def test_a_delivery_stays_within_one_write_unit_after_ten_clicks(dynamodb: Any, tables: TableNames) -> None:
    deliveries = Deliveries(dynamodb, tables.deliveries, BurstRule())
    delivery = sent(dynamodb, tables)
    campaign_id, lead_id = delivery.campaign_id, delivery.lead_id
    deliveries.record_open(campaign_id, lead_id, at=NOW, machine="privacy_proxy")
    deliveries.record_open(campaign_id, lead_id, at=NOW, machine=None)
    for link in range(1, 11):
        deliveries.record_click(campaign_id, lead_id, str(link), Click(NOW + timedelta(minutes=link), None))
    row = kept(dynamodb, tables, campaign_id, lead_id)
    assert write_units(row) == 1, f"{row_bytes(row)} bytes"


def hits_of(delivery: Delivery) -> dict[str, Hit]:
    ids = (delivery.campaign_id, delivery.lead_id)
    return {
        "a person's open": Hit(HitKind.OPEN, *ids, NOW),
        "a machine's open": Hit(HitKind.OPEN, *ids, NOW, machine="privacy_proxy"),
        "a person's click": Hit(HitKind.CLICK, *ids, NOW, link="1"),
        "a machine's click": Hit(HitKind.CLICK, *ids, NOW, link="1", machine="tool"),
    }


@pytest.mark.parametrize("what", ["a person's open", "a machine's open", "a person's click", "a machine's click"])
def test_a_hit_is_one_write_whether_it_counts_or_not(dynamodb: Any, tables: TableNames, what: str) -> None:
    deliveries, leads = Deliveries(dynamodb, tables.deliveries, BurstRule()), Leads(dynamodb, tables.leads)
    hit = hits_of(sent(dynamodb, tables))[what]
    for counts in (True, False):
        with counted_calls(dynamodb) as calls:
            assert apply(hit, deliveries, leads) is counts
        assert calls == {"UpdateItem": 1}


def test_only_a_click_that_changes_the_verdict_takes_a_second_write(dynamodb: Any, tables: TableNames) -> None:
    deliveries, leads = Deliveries(dynamodb, tables.deliveries, BurstRule()), Leads(dynamodb, tables.leads)
    delivery = sent(dynamodb, tables)
    click = hits_of(delivery)["a person's click"]
    for link in ("1", "2", "3"):
        with counted_calls(dynamodb) as calls:
            apply(replace(click, link=link), deliveries, leads)
        assert calls == {"UpdateItem": 1}
    # Three at once were a scanner's; the person comes after it.
    with counted_calls(dynamodb) as calls:
        apply(replace(click, at=NOW + timedelta(minutes=5)), deliveries, leads)
    assert calls == {"UpdateItem": 2}
    with counted_calls(dynamodb) as calls:
        apply(replace(click, at=NOW + timedelta(minutes=6)), deliveries, leads)
    assert calls == {"UpdateItem": 1}


def changes_of(campaign_id: CampaignId, number: int, first: int, event: str) -> list[Change]:
    """What the stream brings of as many deliveries: their sending, or opens or clicks at all times of a day."""
    changes = []
    for each in range(first, first + number):
        claimed = Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENDING, MIDNIGHT, "0.0")
        done = replace(claimed, status=DeliveryStatus.SENT, sent_at=MIDNIGHT)
        soon = MIDNIGHT + timedelta(seconds=30 + each * 43 % 86_000)
        opened = replace(done, opened_at=soon, opened_person_at=soon)
        clicked = replace(opened, clicks={str(each % 5 + 1): Click(soon, None)})
        old, new = {"sent": (claimed, done), "opened": (done, opened), "clicked": (opened, clicked)}[event]
        changes.append(Change(each, campaign_id, old, new, 0.0))
    return changes


@pytest.mark.parametrize(
    ("event", "rows", "looks"),
    [
        ("sent", {"watermark", "counters"}, 1),
        ("opened", {"watermark", "counters", "counters#hours#2026-11-23", "counters#delays"}, 0),
        ("clicked", {"watermark", "counters", "counters#hours#2026-11-23", "counters#links"}, 0),
    ],
)
def test_a_batch_of_five_hundred_is_folded_in_two_requests(
    dynamodb: Any, tables: TableNames, event: str, rows: set[str], looks: int
) -> None:
    counters, advance = Counters(dynamodb, tables.campaigns), lifecycle_of(dynamodb, tables.campaigns).advance
    changes = changes_of(new_campaign_id(), 500, 1, event)
    with counted_calls(dynamodb) as calls, seen_arguments(dynamodb, "TransactWriteItems") as transactions:
        fold_and_check("shard", changes, counters, advance, lambda campaign_id: None, now=0)
    # The shard's note and the campaign's basis; then, where deliveries ended, whether the campaign has.
    assert calls == {"BatchGetItem": 1, "TransactWriteItems": 1} | ({"GetItem": 1} if looks else {})
    (transaction,) = transactions
    written = [action.get("Update", action.get("Put")) for action in transaction["TransactItems"]]
    assert {each.get("Key", each.get("Item"))["sk"]["S"] for each in written} == rows


def test_ten_events_take_one_read_of_ten_rows_once_their_campaign_is_known(dynamodb: Any, tables: TableNames) -> None:
    sent = Sent(dynamodb, tables)
    clicks = [each for number in "123" for each in sent.click(number, seconds=60 * int(number))]
    later = NOW + timedelta(days=30)
    sent.publisher.publish(clicks, later)
    with counted_calls(dynamodb) as calls:
        assert sent.publisher.publish(clicks * 3, later) == [True] * 9
    assert calls == {"BatchGetItem": 1}


def test_a_rule_looks_once_at_an_event_that_it_is_not_for_and_acts_in_one_transaction(
    dynamodb: Any, tables: TableNames
) -> None:
    rules, leads = Rules(dynamodb, tables.campaigns), Leads(dynamodb, tables.leads)
    acts = Acts(dynamodb, tables.campaigns, tables.leads)
    lead = create_lead(leads, {"entity": "acme", "stage": "New"}, NOW)
    hot = WrittenRule("Hot", When(Trigger.CLICKED), If(), (Action(ActionKind.CHANGE_STAGE, "Hot Lead"),))
    RuleEditor(rules, Campaigns(dynamodb, tables.campaigns), leads, lambda _: ()).create(hot, NOW)
    automation = Automation(rules, leads, acts, lambda: NOW)
    opened = Incident(Trigger.OPENED, NOW, new_campaign_id(), "Pricing", lead.lead_id, None)
    with counted_calls(dynamodb) as calls:
        automation.handle(opened)
    assert calls == {"Query": 1}
    with counted_calls(dynamodb) as calls:
        automation.handle(replace(opened, trigger=Trigger.CLICKED))
    assert calls == {"Query": 1, "GetItem": 2, "TransactWriteItems": 1}


def test_a_batch_with_clicks_on_hundreds_of_links_takes_several_transactions(dynamodb: Any, tables: TableNames) -> None:
    counters, advance = Counters(dynamodb, tables.campaigns), lifecycle_of(dynamodb, tables.campaigns).advance
    campaign_id = new_campaign_id()
    done = Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENT, NOW, "0.0", sent_at=NOW)
    changes = [
        Change(each, campaign_id, done, replace(done, clicks={str(each): Click(NOW, None)}), 0.0)
        for each in range(1, 501)
    ]
    with counted_calls(dynamodb) as calls:
        fold_and_check("shard", changes, counters, advance, lambda campaign_id: None, now=0)
    assert calls["TransactWriteItems"] == 3
    assert len([name for name in counters.find(campaign_id).sums if name.startswith("link/")]) == 500


def test_a_campaigns_counters_are_small_rows_at_the_end_of_its_first_day(dynamodb: Any, tables: TableNames) -> None:
    counters, advance = Counters(dynamodb, tables.campaigns), lifecycle_of(dynamodb, tables.campaigns).advance
    campaign_id = new_campaign_id()
    mark = 1
    for event in ("sent", "opened", "clicked"):
        changes = changes_of(campaign_id, 2000, mark, event)
        fold_and_check("shard", changes, counters, advance, lambda campaign_id: None, now=0)
        mark += 2000
    query = dynamodb.query(
        TableName=tables.campaigns,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": campaign_id}},
    )
    units = {row["sk"]["S"]: write_units(row) for row in query["Items"]}
    assert units == {"counters": 1, "counters#links": 1, "counters#delays": 1, "counters#hours#2026-11-23": 2}


def test_the_size_of_a_row_is_reckoned_as_aws_does() -> None:
    row: dict[str, dict[str, Any]] = {
        "id": {"S": "é1"},
        "n": {"N": "-120"},
        "map": {"M": {"a": {"S": "xyz"}, "b": {"BOOL": True}}},
    }
    assert row_bytes(row) == (2 + 3) + (1 + 3) + (3 + 3 + (1 + 1 + 3) + (1 + 1 + 1))


def test_an_import_fits_into_half_a_request_on_a_new_table(dynamodb: Any, tables: TableNames) -> None:
    """The longest file, each of its lines as large as fits, and a lead whom it gives another address."""
    leads, lines, size = Leads(dynamodb, tables.leads), 40, MAX_BYTES // MAX_LINES

    def import_with(address: str) -> list[dict[str, Any]]:
        texts = [
            json.dumps({"entity": "acme", "external_id": f"e{n}", "email": f"{address}{n}@x.example", "stage": "New"})
            for n in range(lines)
        ]
        whole = "".join(text[:-1] + f', "about": "{"x" * (size - len(text) - 14)}"}}\n' for text in texts)
        assert len(whole) == lines * size
        with seen_arguments(dynamodb, "TransactWriteItems") as transactions:
            import_leads(leads, read_file(whole.encode(), "ndjson"), NOW)
        return [action for each in transactions for action in each["TransactItems"]]

    import_with("a")
    actions = import_with("b")
    assert len(actions) == 3 * lines
    touched = [next(iter(action.values())) for action in actions]
    rows = [each.get("Item") or each["Key"] for each in touched if "UpdateExpression" not in each]
    rows += [row for row in dynamodb.scan(TableName=tables.leads)["Items"] if "created_at" in row]
    units = 2 * sum(map(write_units, rows)) / lines  # a transaction takes twice as many
    assert units == 8
    assert MAX_LINES * units / NEW_TABLE_UNITS <= REQUEST_SECONDS / 2
