"""Leads on a real engine: identities are unique, changes are never lost, audiences are exact."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.crm.lead_input import LeadInput, checked
from chalicelib.crm.leads import create_lead, delete_lead, new_lead, update_lead
from chalicelib.model.errors import Conflict, InvalidPosition, LeadNotFound, StoreUnavailable
from chalicelib.model.ids import LeadId, new_lead_id
from chalicelib.model.lead import Lead, LeadFilter
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store import keys
from chalicelib.store.leads import IdentityTaken, Leads
from local.tables import TableNames
from tests.stand_in import StandIn

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def leads(dynamodb: Any, tables: TableNames) -> Leads:
    return Leads(dynamodb, tables.leads)


def make(leads: Leads, **said: Any) -> Lead:
    words: LeadInput = {"entity": "acme", "stage": "New", **said}  # type: ignore[typeddict-item]
    return create_lead(leads, words, NOW)


def rows(dynamodb: Any, tables: TableNames) -> int:
    return int(dynamodb.scan(TableName=tables.leads, Select="COUNT")["Count"])


def audience(leads: Leads, stage: str = "New", tags: tuple[str, ...] = (), limit: int = 3) -> list[LeadId]:
    found: list[LeadId] = []
    for shard in range(keys.AUDIENCE_SHARDS):
        start: LeadId | None = None
        while True:
            page, start = leads.audience_page("acme", stage, shard, tags, limit, start)
            assert len(page) <= limit
            found += page
            if start is None:
                break
    return found


def listed(leads: Leads, limit: int = 7, **filters: Any) -> list[LeadId]:
    found: list[LeadId] = []
    cursor: str | None = None
    while True:
        page, cursor = leads.list_page(LeadFilter(**filters), limit=limit, cursor=cursor)
        assert len(page) <= limit
        found += [lead.lead_id for lead in page]
        if cursor is None:
            return found


def test_a_sample_has_so_many_leads_or_all_that_there_are(leads: Leads, dynamodb: Any) -> None:
    made = {make(leads, email=f"a{number}@example.com", external_id=f"A-{number}").lead_id for number in range(12)}
    sample, is_whole = leads.sample(20)
    assert ({lead.lead_id for lead in sample}, len(sample), is_whole) == (made, 12, True)
    scans: list[Any] = []
    dynamodb.meta.events.register("before-call.dynamodb.Scan", count := lambda **asked: scans.append(asked))
    sample, is_whole = leads.sample(3)
    dynamodb.meta.events.unregister("before-call.dynamodb.Scan", count)
    assert 3 <= len({lead.lead_id for lead in sample}) <= len(sample) <= 12
    assert not is_whole
    assert len(scans) <= 4, "two rows in three are identities, wherever an engine has them"


def test_a_lead_is_read_as_it_was_written(leads: Leads) -> None:
    lead = make(leads, email="Ada@example.com", external_id="7", first_name="Ada", tags=["b", "a"], fields={"n": 1.5})
    assert leads.get(lead.lead_id) == lead
    assert leads.find_many([lead.lead_id, new_lead_id(), lead.lead_id]) == {lead.lead_id: lead}


def test_an_unknown_lead_is_not_found(leads: Leads) -> None:
    for unknown in (new_lead_id(), LeadId(""), LeadId("identity#acme#email#ada@example.com")):
        assert leads.find(unknown) is None
        with pytest.raises(LeadNotFound):
            leads.get(unknown)


@pytest.mark.parametrize(
    ("name", "first", "second"), [("email", "Ada@x.example", "aDA@X.example"), ("external_id", "7", "7")]
)
def test_an_identity_has_one_owner_per_entity(leads: Leads, name: str, first: str, second: str) -> None:
    owner = make(leads, **{name: first})
    with pytest.raises(IdentityTaken) as taken:
        make(leads, **{name: second})
    assert (taken.value.owner, taken.value.faults[0].field) == (owner.lead_id, name)
    make(leads, entity="other", **{name: second})


def test_a_refused_lead_leaves_nothing_behind(dynamodb: Any, leads: Leads, tables: TableNames) -> None:
    make(leads, email="ada@example.com")
    before = rows(dynamodb, tables)
    with pytest.raises(IdentityTaken):
        make(leads, email="ada@example.com", external_id="7")
    assert rows(dynamodb, tables) == before


def test_one_of_many_creators_of_an_address_wins(leads: Leads) -> None:
    def attempt(_: int) -> bool:
        try:
            make(leads, email="ada@example.com")
        except IdentityTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(16))) == 1


def test_identities_move_with_a_change_and_the_old_ones_are_free(leads: Leads) -> None:
    ada = make(leads, email="ada@example.com", external_id="7")
    update_lead(leads, ada.lead_id, {"email": "lovelace@example.com", "entity": "other"}, LATER)
    make(leads, email="ada@example.com", external_id="7")
    with pytest.raises(IdentityTaken):
        make(leads, entity="other", external_id="7")


def test_a_change_to_a_taken_address_changes_nothing(leads: Leads) -> None:
    make(leads, email="ada@example.com")
    bob = make(leads, email="bob@example.com")
    with pytest.raises(IdentityTaken):
        update_lead(leads, bob.lead_id, {"email": "ada@example.com", "stage": "Lost"}, LATER)
    assert leads.get(bob.lead_id) == bob


def test_cleared_values_are_gone(leads: Leads) -> None:
    ada = make(leads, email="ada@example.com", first_name="Ada", tags=["a"], fields={"n": 1})
    update_lead(leads, ada.lead_id, {"email": None, "first_name": None, "tags": [], "fields": None}, LATER)
    after = leads.get(ada.lead_id)
    assert (after.email, after.first_name, after.tags, after.fields, after.version) == (None, None, (), {}, 2)


def test_a_change_of_nothing_writes_nothing(leads: Leads) -> None:
    ada = make(leads, first_name="Ada")
    assert update_lead(leads, ada.lead_id, {"first_name": " Ada "}, LATER) == ada
    assert leads.get(ada.lead_id).updated_at == NOW


def test_concurrent_changes_all_hold(leads: Leads) -> None:
    ada = make(leads)

    def change(number: int) -> None:
        update_lead(leads, ada.lead_id, {"fields": {f"f{number}": number}}, LATER)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(change, range(8)))
    assert leads.get(ada.lead_id).fields == {f"f{number}": number for number in range(8)}


def test_thirty_changes_of_one_address_at_once_all_hold(dynamodb: Any, leads: Leads, tables: TableNames) -> None:
    ada = make(leads, email="ada@example.com")

    def change(number: int) -> None:
        update_lead(leads, ada.lead_id, {"email": f"ada+{number}@example.com"}, LATER)

    with ThreadPoolExecutor(30) as threads:
        list(threads.map(change, range(30)))
    assert leads.get(ada.lead_id).version == 31
    assert rows(dynamodb, tables) == 2


class BusyTable(StandIn):
    """A client whose writes meet another's transaction so many times: AWS then refuses them, and no SDK repeats."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **arguments: Any) -> Any:
        if self.times > 0:
            self.times -= 1
            error = {"Code": "TransactionConflictException", "Message": "Transaction is ongoing for the item"}
            raise ClientError({"Error": error}, "UpdateItem")
        return self._client.update_item(**arguments)


def test_a_write_that_meets_a_transaction_is_repeated(dynamodb: Any, leads: Leads, tables: TableNames) -> None:
    ada = make(leads)
    busy = BusyTable(dynamodb, times=3)
    update_lead(Leads(busy, tables.leads), ada.lead_id, {"stage": "Lost"}, LATER)
    assert (leads.get(ada.lead_id).stage, busy.times) == ("Lost", 0)


def test_a_write_that_meets_transactions_without_end_is_given_up(
    dynamodb: Any, leads: Leads, tables: TableNames
) -> None:
    ada = make(leads)
    with pytest.raises(StoreUnavailable):
        update_lead(Leads(BusyTable(dynamodb, times=1000), tables.leads), ada.lead_id, {"stage": "Lost"}, LATER)
    assert leads.get(ada.lead_id).stage == "New"


def test_a_change_decided_on_an_old_version_is_refused(leads: Leads) -> None:
    ada = make(leads)
    update_lead(leads, ada.lead_id, {"stage": "Lost"}, LATER)
    for stale in (replace(ada, stage="Customer"), replace(ada, email="ada@example.com")):
        with pytest.raises(Conflict):
            leads.update(ada, stale)
    with pytest.raises(Conflict):
        leads.delete(ada)


def test_a_removed_lead_gives_its_identities_back(dynamodb: Any, leads: Leads, tables: TableNames) -> None:
    ada = make(leads, email="ada@example.com", external_id="7")
    delete_lead(leads, ada.lead_id)
    assert rows(dynamodb, tables) == 0
    with pytest.raises(LeadNotFound):
        delete_lead(leads, ada.lead_id)


def test_unsubscribing_counts_the_first_time_and_survives_a_change_decided_before(leads: Leads) -> None:
    ada = make(leads, email="ada@example.com")
    assert leads.unsubscribe(ada.lead_id, at=LATER, source="link", campaign_id="cmp_1")
    assert not leads.unsubscribe(ada.lead_id, at=LATER + timedelta(1), source="api")
    leads.update(ada, replace(ada, stage="Lost"))
    after = leads.get(ada.lead_id)
    assert after.unsubscription == Mark(SuppressionReason.UNSUBSCRIBED, LATER, "link", "cmp_1")


def test_unsubscribing_makes_no_lead_of_nobody(dynamodb: Any, leads: Leads, tables: TableNames) -> None:
    with pytest.raises(LeadNotFound):
        leads.unsubscribe(new_lead_id(), at=NOW, source="link")
    assert rows(dynamodb, tables) == 0


def test_an_audience_is_its_stage_with_all_tags_and_without_the_unsubscribed(leads: Leads) -> None:
    both = [make(leads, tags=["a", "b", f"t{number}"]).lead_id for number in range(40)]
    some = [make(leads, tags=["a"]).lead_id for _ in range(10)]
    make(leads, stage="Lost", tags=["a", "b"])
    make(leads, entity="other", tags=["a", "b"])
    leads.unsubscribe(both.pop(), at=NOW, source="link")
    assert sorted(audience(leads)) == sorted(both + some)
    assert sorted(audience(leads, tags=("a", "b"))) == sorted(both)
    assert leads.count_audience("acme", ["New", "New"], ["b", "a", "b"], lambda: False).total == len(both)
    assert leads.count_audience("acme", ["New", "Lost"], [], lambda: False).total == len(both + some) + 1
    assert leads.count_audience("acme", [], [], lambda: False).total == 0


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, lambda lead: True),
        ({"entity": "acme"}, lambda lead: lead.entity == "acme"),
        ({"stage": "New"}, lambda lead: lead.stage == "New"),
        ({"entity": "acme", "stage": "New"}, lambda lead: lead.entity == "acme" and lead.stage == "New"),
        (
            {"entity": "acme", "stage": "New", "tag": "vip"},
            lambda lead: (lead.entity, lead.stage, lead.tags) == ("acme", "New", ("vip",)),
        ),
        ({"q": "PERSON1"}, lambda lead: "person1" in (lead.email or "")),
        ({"entity": "acme", "stage": "New", "q": "müll"}, lambda lead: lead.entity == "acme" and lead.stage == "New"),
        ({"q": "nobody"}, lambda lead: False),
        ({"entity": "acme", "stage": "New", "q": "INITECH g"}, lambda lead: bool(lead.fields)),
        ({"status": "subscribed"}, lambda lead: not lead.unsubscribed and not lead.suppressed),
        ({"status": "unsubscribed", "tag": "vip"}, lambda lead: lead.unsubscribed and "vip" in lead.tags),
        ({"stage": "New", "status": "hard_bounce"}, lambda lead: lead.stage == "New" and lead.suppressed is not None),
    ],
)
@pytest.mark.parametrize("limit", [1, 7, 200])
def test_pages_hold_every_match_once(
    leads: Leads, filters: dict[str, str], wanted: Callable[[Lead], bool], limit: int
) -> None:
    everybody = []
    for number in range(30):
        entity, stage = ("acme", "other")[number % 5 == 0], ("New", "Lost")[number % 3 == 0]
        tags = ["vip"] if number % 2 else []
        said: LeadInput = {"entity": entity, "stage": stage, "tags": tags, "last_name": "Müller"}
        fields = {"company": "Inîtech GmbH"} if (entity, stage) == ("acme", "New") and number % 2 else {}
        lead = new_lead(checked({**said, "email": f"person{number}@example.com", "fields": fields}), NOW)
        bounced = Mark(SuppressionReason.HARD_BOUNCE, NOW, "bounce") if number % 4 == 0 else None
        left = None if number % 7 else Mark(SuppressionReason.UNSUBSCRIBED, NOW, "link")
        everybody.append(replace(lead, unsubscription=left, suppressed=bounced))
    for lead in everybody:
        leads.create(lead)
    found = listed(leads, limit, **filters)
    assert sorted(found) == sorted(lead.lead_id for lead in everybody if wanted(lead))


def test_a_search_finds_leads_that_an_earlier_version_wrote(dynamodb: Any, leads: Leads, tables: TableNames) -> None:
    lead = make(leads, last_name="Müller")
    dynamodb.update_item(
        TableName=tables.leads,
        Key=keys.lead(lead.lead_id),
        UpdateExpression="SET search_text = :text",
        ExpressionAttributeValues={":text": {"S": "müller"}},
    )
    assert listed(leads, q="MÜLL") == [lead.lead_id]


@pytest.mark.parametrize("cursor", ["", "x", "16:", "-1:", "1", "²:", "0:lead_1", "0:a\n", "0:\nlead_1"])
def test_a_position_that_the_list_never_gave_is_refused(leads: Leads, cursor: str) -> None:
    with pytest.raises(InvalidPosition):
        leads.list_page(cursor=cursor)
