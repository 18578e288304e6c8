"""Lists, bulk changes and exports of many leads, on a real engine."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.crm.bulk import BulkAction, BulkChange, BulkEditor, BulkReport
from chalicelib.crm.lead_input import LeadInput, checked
from chalicelib.crm.leads import new_lead, update_lead
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead, LeadChange, LeadFilter
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store import keys
from chalicelib.store import leads as store_leads
from chalicelib.store.leads import Leads
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.stand_in import StandIn
from tests.store.test_leads import LATER, NOW

pytestmark = pytest.mark.usefixtures("few_shards")

ACME = LeadFilter(entity="acme")
HOT = BulkChange(BulkAction.CHANGE_STAGE, "Hot")
CSV = {"Content-Type": "text/csv"}
FAR_TOO_SLOW = 60.0


@pytest.fixture
def leads(dynamodb: Any, tables: TableNames) -> Leads:
    return Leads(dynamodb, tables.leads)


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


def fill(leads: Leads, count: int, **said: Any) -> list[Lead]:
    """Leads in three stages."""
    made = [
        new_lead(checked({"entity": "acme", "stage": f"S{n % 3}", "email": f"p{n}@acme.example", **said}), NOW)  # type: ignore[typeddict-item]
        for n in range(count)
    ]
    assert leads.write_many([LeadChange(None, lead) for lead in made]) == set()
    return made


def everybody(leads: Leads) -> Iterator[Lead]:
    cursor: str | None = None
    while True:
        page, cursor = leads.list_page(limit=200, cursor=cursor)
        yield from page
        if cursor is None:
            return


def in_pieces(leads: Leads, wanted: LeadFilter, change: BulkChange) -> list[BulkReport]:
    """Every piece is one page: time is always up."""
    clock = itertools.count(step=FAR_TOO_SLOW)
    editor = BulkEditor(leads, lambda: next(clock))
    reports = []
    position = None
    while True:
        report, position = editor.change_matching(wanted, change, LATER, position)
        reports.append(report)
        if position is None:
            return reports


class CountingClient(StandIn):
    """Passes calls on, and counts the rows that scans look at."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.scanned = Counter[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def scan(self, **given: Any) -> Any:
        answer = self._client.scan(**given)
        self.scanned[given.get("IndexName", "table")] += answer["ScannedCount"]
        return answer


def test_a_list_reads_leads_only_and_shows_nothing_else(dynamodb: Any, tables: TableNames) -> None:
    client = CountingClient(dynamodb)
    leads = Leads(client, tables.leads)
    made = fill(leads, 30, external_id=None)
    suppression = {**keys.suppression("gone@acme.example"), "audience": {"S": "suppressions#1"}}
    dynamodb.put_item(TableName=tables.leads, Item=suppression)
    try:
        assert {lead.lead_id for lead in everybody(leads)} == {lead.lead_id for lead in made}
        assert leads.count(ACME, lambda: False) == (30, False)
    finally:
        dynamodb.delete_item(TableName=tables.leads, Key=keys.suppression("gone@acme.example"))
    assert client.scanned.keys() == {keys.AUDIENCE_INDEX}
    assert client.scanned[keys.AUDIENCE_INDEX] <= 2 * 31


@pytest.mark.one_engine
def test_a_search_ends_after_some_reads_and_goes_on_from_there(leads: Leads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_leads, "_READS_A_PAGE", 3)
    made = fill(leads, 30, stage="New")
    found: list[Lead] = []
    cursors: list[str | None] = [None]
    while len(cursors) == 1 or cursors[-1]:
        page, cursor = leads.list_page(LeadFilter("acme", "New", q="p7@"), cursor=cursors[-1])
        found += page
        cursors.append(cursor)
    assert len(cursors) == 3, "four shards, three of them in the first page"
    assert [lead.lead_id for lead in found] == [made[7].lead_id]


def test_counting_ends_when_its_time_is_over(leads: Leads) -> None:
    fill(leads, 3, stage="New")
    for partitions in (ACME, LeadFilter("acme", "New")):
        assert leads.count(partitions, lambda: True) == (0, True)
        assert leads.count(partitions, lambda: False) == (3, False)


def test_a_change_of_all_that_match_skips_nobody_and_ends_although_it_moves_them(leads: Leads) -> None:
    fill(leads, 240)
    reports = in_pieces(leads, ACME, HOT)
    assert len(reports) >= 3
    assert [sum(each.changed for each in reports), sum(each.unchanged for each in reports)] == [240, 0]
    assert {lead.stage for lead in everybody(leads)} == {"Hot"}
    # Out of the partitions that are being read; and once more, which changes nothing.
    back = in_pieces(leads, LeadFilter("acme", "Hot"), BulkChange(BulkAction.CHANGE_STAGE, "Cold"))
    assert sum(each.changed for each in back) == 240
    assert sum(each.changed for each in in_pieces(leads, ACME, BulkChange(BulkAction.CHANGE_STAGE, "Cold"))) == 0


class RevisitingLeads(Leads):
    """Shows the leads of the first page once more at the end, where they have moved to.

    AWS orders an index by the hash of its partitions; both engines here order it by lead id.
    """

    first: list[Lead] | None = None

    def list_page(self, *given: Any, **named: Any) -> Any:
        page, cursor = super().list_page(*given, **named)
        self.first = self.first or page
        if cursor is None:
            page += self.find_many((lead.lead_id for lead in self.first), consistent=True).values()
        return page, cursor


def test_a_lead_that_was_moved_ahead_is_counted_once(dynamodb: Any, tables: TableNames) -> None:
    leads = RevisitingLeads(dynamodb, tables.leads)
    fill(leads, 120)
    reports = in_pieces(leads, ACME, HOT)
    assert [sum(each.changed for each in reports), sum(each.unchanged for each in reports)] == [120, 0]


def test_tags_that_are_the_filter_are_removed_from_all_who_have_them(leads: Leads) -> None:
    fill(leads, 240, tags=["old", "kept"])
    reports = in_pieces(leads, LeadFilter(tag="old"), BulkChange(BulkAction.REMOVE_TAG, tags=["old"]))
    assert sum(each.changed for each in reports) == 240
    assert {lead.tags for lead in everybody(leads)} == {("kept",)}


class MeanwhileLeads(Leads):
    """Somebody else moves a lead on right after it was listed."""

    moved: LeadId | None = None

    def list_page(self, *given: Any, **named: Any) -> Any:
        page, cursor = super().list_page(*given, **named)
        if self.moved is None:
            self.moved = page[0].lead_id
            update_lead(self, self.moved, {"stage": "Won", "tags": ["theirs"]}, LATER)
        return page, cursor


@pytest.mark.parametrize("action", [BulkAction.DELETE, BulkAction.UNSUBSCRIBE, BulkAction.ADD_TAG])
def test_a_lead_that_no_longer_matches_is_left_alone(dynamodb: Any, tables: TableNames, action: BulkAction) -> None:
    leads = MeanwhileLeads(dynamodb, tables.leads)
    fill(leads, 3, stage="New")
    (report,) = in_pieces(leads, LeadFilter("acme", "New"), BulkChange(action, "ours", ["ours"]))
    assert (report.changed, report.unchanged, report.failed) == (2, 1, [])
    assert leads.moved is not None
    moved = leads.get(leads.moved)
    assert (moved.stage, moved.tags, moved.unsubscribed) == ("Won", ("theirs",), False)


def test_a_tag_joins_those_that_others_add_at_the_same_time(dynamodb: Any, tables: TableNames) -> None:
    leads = MeanwhileLeads(dynamodb, tables.leads)
    fill(leads, 3)
    in_pieces(leads, ACME, BulkChange(BulkAction.ADD_TAG, tags=[" ours ", "both"]))
    assert leads.moved is not None
    assert leads.get(leads.moved).tags == ("theirs", "ours", "both")


def test_chosen_leads_are_changed_and_failures_are_named(leads: Leads, api: ApiClient) -> None:
    full, fine, gone = fill(leads, 3)
    update_lead(leads, full.lead_id, {"tags": [f"t{n}" for n in range(50)]}, LATER)
    leads.delete(gone)
    body = {"lead_ids": [full.lead_id, fine.lead_id, gone.lead_id], "action": "add_tag", "tags": ["vip"]}
    answer = api("POST", "/v1/leads/bulk", body).json
    assert (answer["changed"], answer["unchanged"], answer["cursor"]) == (1, 0, None)
    reasons = {each["lead_id"]: each["reason"] for each in answer["failed"]}
    assert reasons == {
        full.lead_id: "tags must not be more than 50",
        gone.lead_id: "There is no such lead any more.",
    }
    deleted = api("POST", "/v1/leads/bulk", {"lead_ids": [fine.lead_id, gone.lead_id], "action": "delete"}).json
    assert (deleted["changed"], deleted["unchanged"], deleted["failed"]) == (1, 1, [])
    left = api("POST", "/v1/leads/bulk", {"filter": {}, "action": "unsubscribe"}).json
    assert (left["changed"], leads.get(full.lead_id).unsubscribed) == (1, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "delete"}, "filter"),
        ({"action": "delete", "filter": {}, "lead_ids": ["lead_1"]}, "filter"),
        ({"action": "delete", "filter": {}, "stage": "S0"}, "stage"),
        ({"action": "delete", "filter": {"stages": "S0"}}, "filter.stages"),
        ({"action": "change_stage", "filter": {}}, "stage"),
        ({"action": "change_stage", "filter": {}, "stage": "a#b"}, "stage"),
        ({"action": "add_tag", "filter": {}, "tags": ["a", ";"]}, "tags"),
        ({"action": "add_tag", "filter": {}, "tags": [" "]}, "tags"),
        ({"action": "delete", "lead_ids": []}, "lead_ids"),
        ({"action": "delete", "lead_ids": ["lead_1"], "cursor": "x"}, "cursor"),
        ({"action": "explode", "filter": {}}, "action"),
    ],
)
@pytest.mark.one_engine
def test_a_bulk_change_that_is_not_meant_changes_nothing(
    leads: Leads, api: ApiClient, body: dict[str, Any], field: str
) -> None:
    (lead,) = fill(leads, 1)
    reply = api("POST", "/v1/leads/bulk", body)
    assert (reply.status, [each["field"] for each in reply.json["errors"]]) == (422, [field])
    assert leads.get(lead.lead_id) == lead
    assert api("POST", "/v1/leads/bulk", {"action": "delete", "filter": {}, "cursor": "x"}).status == 400


def exported(api: ApiClient, query: str) -> str:
    base, text, here = "/v1/leads.csv", "", query
    while here:
        reply = api("GET", base + here)
        assert reply.status == 200
        text += reply.body
        here = reply.headers.get("Link", "").partition(">")[0].removeprefix("<")
    return text


HOSTILE: list[LeadInput] = [
    {
        "first_name": "=HYPERLINK(1)",
        "last_name": "'=x",
        "fields": {"Phone": "+49 30 123", "=cmd": 'a,b\n"c"', "n": "-1"},
    },
    {"first_name": 'Zoë, "Z"', "external_id": "@7", "tags": ["-vip", "b"], "fields": {"a&b=c": "''-", "Ünï": "＝1"}},
    {"email": None, "external_id": "only-id", "fields": {}},
]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_an_exported_file_imports_without_any_change(leads: Leads, api: ApiClient, delimiter: str) -> None:
    for number, said in enumerate(HOSTILE):
        lead: LeadInput = {"entity": "acme", "stage": "New", "email": f"h{number}@acme.example", **said}
        left = Mark(SuppressionReason.UNSUBSCRIBED, NOW, "link") if number == 1 else None
        leads.create(replace(new_lead(checked(lead), NOW), unsubscription=left))
    text = exported(api, f"?entity=acme&limit=1&delimiter={delimiter}")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter))
    assert sorted(row["mailing_status"] for row in rows) == ["subscribed", "subscribed", "unsubscribed"]
    assert len(rows) == len(HOSTILE)
    assert not any(cell.startswith(("=", "+", "-", "@", "＝")) for row in rows for cell in (*row, *row.values()))
    before = sorted(everybody(leads), key=lambda lead: lead.lead_id)
    report = api("POST", f"/v1/leads/import?delimiter={delimiter}", text, CSV).json
    assert (report["unchanged"], report["updated"], report["errors"]) == (len(HOSTILE), 0, [])
    assert sorted(everybody(leads), key=lambda lead: lead.lead_id) == before


def test_an_export_has_the_fields_asked_for_or_all(leads: Leads, api: ApiClient) -> None:
    fill(leads, 2, fields={"plan": "Gold", "seats": 3, "member": True})
    fill(leads, 1, entity="other", fields={})
    own = "external_id,entity,stage,email,first_name,last_name,tags,mailing_status"
    whole = exported(api, "?entity=acme").splitlines()
    assert whole[0] == f"\ufeff{own},member,plan,seats"
    assert whole[1].endswith(",true,Gold,3")
    assert exported(api, "?fields=plan&entity=acme").splitlines()[0] == f"\ufeff{own},plan"
    assert exported(api, "?entity=other").splitlines()[0] == f"\ufeff{own}"
    assert api("GET", "/v1/lead-count?entity=acme").json == {"total": 2, "at_least": False}


def test_an_export_that_cannot_have_all_fields_asks_for_them(leads: Leads, api: ApiClient) -> None:
    for start in range(0, 250, 50):
        lead: LeadInput = {"entity": "acme", "stage": "New", "fields": {f"f{n}": "x" for n in range(start, start + 50)}}
        leads.create(new_lead(checked(lead), NOW))
    reply = api("GET", "/v1/leads.csv")
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "fields")
    assert api("GET", "/v1/leads.csv?fields=f1&fields=f2").status == 200
