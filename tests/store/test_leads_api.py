"""/v1/leads as a client sees it, on a real engine."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.api.imports import WORKBOOK
from chalicelib.model.errors import StoreUnavailable
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.unit.crm.workbooks import sheet, workbook

ADA = {
    "external_id": "7",
    "entity": "acme",
    "stage": "New",
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": None,
    "tags": ["vip"],
    "fields": {"city": "Zürich", "age": 36, "score": 1.5, "member": True},
}
CSV = {"Content-Type": "text/csv; charset=utf-8"}


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


def count(api: ApiClient) -> int:
    return len(api("GET", "/v1/leads?limit=200").json["items"])


def test_a_created_lead_answers_with_itself_and_its_place(api: ApiClient) -> None:
    made = api("POST", "/v1/leads", ADA)
    assert made.status == 201
    lead = made.json
    assert {name: lead[name] for name in ADA} == ADA
    assert set(lead) == {*ADA, "lead_id", "unsubscribed", "mailing_status", "tracking_opt_out", "created_at"}
    assert lead["created_at"].endswith("Z")
    # Relative to the address that was asked.
    assert made.headers["Location"] == f"leads/{lead['lead_id']}"
    assert api("GET", f"/v1/leads/{lead['lead_id']}").json == lead


def test_a_second_lead_with_the_address_is_a_conflict_naming_the_first(api: ApiClient) -> None:
    first = api("POST", "/v1/leads", ADA).json
    second = api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": "ADA@example.com"})
    assert (second.status, second.json["lead_id"]) == (409, first["lead_id"])
    assert second.json["errors"][0]["field"] == "email"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({**ADA, "email": "nope"}, 422, "email"),
        ({**ADA, "stage": " "}, 422, "stage"),
        ({**ADA, "colour": "red"}, 422, "colour"),
        ({**ADA, "fields": {"email": "x"}}, 422, "fields.email"),
        ({"stage": "New"}, 422, "entity"),
        ("{", 400, None),
    ],
)
def test_a_wrong_lead_is_refused_and_nothing_written(api: ApiClient, body: Any, status: int, field: str | None) -> None:
    reply = api("POST", "/v1/leads", body)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    if field is not None:
        assert [error["field"] for error in reply.json["errors"]] == [field]
    assert count(api) == 0


def test_a_patch_changes_what_it_says(api: ApiClient) -> None:
    lead = api("POST", "/v1/leads", ADA).json
    url = f"/v1/leads/{lead['lead_id']}"
    changed = api("PATCH", url, {"stage": "Hot", "email": None, "fields": {"city": None, "plan": "Gold"}}).json
    fields = {"age": 36, "score": 1.5, "member": True, "plan": "Gold"}
    assert changed == {**lead, "stage": "Hot", "email": None, "fields": fields}
    assert api("PATCH", url, {"stage": None}).status == 422
    assert api("PATCH", url, {"stage": ""}).status == 422
    assert api("PATCH", url, {"lead_id": "lead_x"}).status == 422
    assert api("GET", url).json == changed


def test_a_removed_lead_is_gone(api: ApiClient) -> None:
    url = f"/v1/leads/{api('POST', '/v1/leads', ADA).json['lead_id']}"
    assert (api("DELETE", url).status, api("DELETE", url).status, api("GET", url).status) == (204, 404, 404)
    assert api("POST", "/v1/leads", ADA).status == 201


@pytest.mark.parametrize("lead_id", ["lead_000000000000000000000000", "x", "identity%23acme%23email%23ada@example.com"])
@pytest.mark.parametrize(
    ("method", "tail"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/unsubscribe"), ("POST", "/resubscribe")]
)
def test_an_unknown_lead_is_404(api: ApiClient, lead_id: str, method: str, tail: str) -> None:
    api("POST", "/v1/leads", ADA)
    body = {"PATCH": {}, "POST": {"reason": "asked by phone"} if tail == "/resubscribe" else None}.get(method)
    reply = api(method, f"/v1/leads/{lead_id}{tail}", body)
    assert (reply.status, reply.json["type"]) == (404, "urn:leadflip:problem:lead-not-found")


def test_a_lead_unsubscribes_and_comes_back(api: ApiClient) -> None:
    url = f"/v1/leads/{api('POST', '/v1/leads', ADA).json['lead_id']}"
    for verb, unsubscribed in (
        ("unsubscribe", True),
        ("unsubscribe", True),
        ("resubscribe", False),
        ("resubscribe", False),
    ):
        reply = api("POST", f"{url}/{verb}", {"reason": "asked by phone"} if verb == "resubscribe" else None)
        assert (reply.status, reply.json["unsubscribed"]) == (202, unsubscribed)
        assert api("GET", url).json["unsubscribed"] is unsubscribed


@pytest.mark.parametrize(
    "body", [None, {}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": "a\nb"}]
)
def test_nobody_is_resubscribed_without_a_reason(api: ApiClient, body: Any) -> None:
    url = f"/v1/leads/{api('POST', '/v1/leads', ADA).json['lead_id']}"
    api("POST", f"{url}/unsubscribe")
    reply = api("POST", f"{url}/resubscribe", body)
    assert (reply.status, reply.json["type"]) in {
        (422, "urn:leadflip:problem:invalid-request"),
        (400, "urn:leadflip:problem:malformed-json"),
    }
    assert body is None or [error["field"] for error in reply.json["errors"]] == ["reason"]
    assert api("GET", url).json["unsubscribed"]
    (told,) = api("GET", f"{url}/timeline").json["items"]
    assert (told["type"], told["by"]) == ("unsubscribed", "test")
    assert api("GET", f"{url}/suppressions").json["items"][0]["by"] == "test"


def test_the_timeline_says_who_resubscribed_a_lead_and_why_each_time(api: ApiClient) -> None:
    url = f"/v1/leads/{api('POST', '/v1/leads', ADA).json['lead_id']}"
    for reason in ("asked by phone", " wrote to us: “Ja, bitte” "):
        api("POST", f"{url}/unsubscribe")
        for _ in range(2):
            assert api("POST", f"{url}/resubscribe", {"reason": reason}).status == 202
    latest, left_again, first, left = api("GET", f"{url}/timeline").json["items"]
    assert [(each["type"], each["by"]) for each in (left_again, left)] == [("unsubscribed", "test")] * 2
    assert left["at"] < first["at"] < left_again["at"] < latest["at"]
    assert latest | {"at": None} == {
        "type": "resubscribed",
        "icon": "envelope",
        "title": "Resubscribed",
        "reason": "wrote to us: “Ja, bitte”",
        "by": "test",
        "at": None,
    }
    assert first["reason"] == "asked by phone"


@pytest.mark.parametrize("filters", ["", "entity=acme&", "entity=acme&stage=New&", "q=person&"])
def test_a_list_is_paged_by_cursor(api: ApiClient, filters: str) -> None:
    made = {
        api("POST", "/v1/leads", {**ADA, "external_id": str(n), "email": f"person{n}@example.com"}).json["lead_id"]
        for n in range(12)
    }
    found: list[str] = []
    cursor = ""
    while True:
        page = api("GET", f"/v1/leads?{filters}limit=5{cursor}").json
        found += [lead["lead_id"] for lead in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert sorted(found) == sorted(made)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=mangled", "cursor=", "colour=red"])
def test_a_wrong_parameter_is_400(api: ApiClient, query: str) -> None:
    assert api("GET", f"/v1/leads?{query}").status == 400


def test_csv_and_ndjson_are_imported_with_errors_by_line(api: ApiClient) -> None:
    csv = "entity,stage,email,city\nacme,New,ada@example.com,Rom\nacme,New,nope,\n"
    error = {"line": 3, "field": "email", "reason": "has no @"}
    rejected = [{"line": 3, "values": ["acme", "New", "nope", ""]}]
    first = api("POST", "/v1/leads/import", csv, CSV)
    counts = {"created": 1, "updated": 0, "unchanged": 0, "repeated": 0, "without_email": 0}
    groups = [{"entity": "acme", "stage": "New"}]
    assert (first.status, first.json) == (
        200,
        {**counts, "new_groups": groups, "errors": [error], "rejected": rejected, "custom_fields": ["city"]},
    )
    lines = '{"entity":"acme","email":"ada@example.com","fields":{"city":"Bern"}}\n{"entity":"acme","stage":"New"}\n[]'
    second = api("POST", "/v1/leads/import", lines, {"Content-Type": "application/x-ndjson"}).json
    assert (second["created"], second["updated"], second["errors"][0]["line"]) == (1, 1, 3)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("entity\n", "application/json", 415),
        ("entity\n", "text/plain", 415),
        ("stage,email\n", "text/csv", 400),
        ("entity,email\n" + "acme,\n" * 10_001, "text/csv", 413),
        ("x" * 5_300_000, "text/csv", 413),
        ("entity,stage\nacme,\ufffd\n", "text/csv", 400),
        (",".join(["entity", "email", *(f"c{number}" for number in range(100_000))]), "text/csv", 400),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_whole(
    api: ApiClient, body: str, content_type: str, status: int
) -> None:
    reply = api("POST", "/v1/leads/import", body, {"Content-Type": content_type})
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.one_engine
def test_a_spreadsheet_is_inspected_checked_and_imported_by_its_mapping(api: ApiClient) -> None:
    rows = [["Customers"], ["E-Mail", "Vorname", "Ort"], ["ada@example.com", "Ada", "Köln"], ["nope", "Bob", "Rom"]]
    text = "\n".join(";".join(row) for row in rows).encode("windows-1252")
    for body, media_type in ((text, "application/octet-stream"), (workbook({"A": sheet(rows)}), WORKBOOK)):
        found = api("POST", "/v1/leads/import/inspect", body, {"Content-Type": media_type}).json
        assert (found["header"], found["last_line"]) == (2, 4 if media_type == WORKBOOK else None)
        parameters = {name: found[name] for name in ("encoding", "delimiter", "header") if found[name] is not None}
        mapping = {column["name"]: column["suggested"] for column in found["columns"]}
        assert mapping == {"E-Mail": "email", "Vorname": "first_name", "Ort": "Ort"}
        given = {"mapping": json.dumps(mapping), "defaults": json.dumps({"entity": media_type[:16], "stage": "New"})}
        path = f"/v1/leads/import?{urlencode(parameters | given)}"
        before = count(api)
        checked = api("POST", f"{path}&dry_run=true", body, {"Content-Type": media_type}).json
        assert count(api) == before
        assert api("POST", path, body, {"Content-Type": media_type}).json == checked
        assert checked == {
            "created": 1,
            "updated": 0,
            "unchanged": 0,
            "repeated": 0,
            "without_email": 0,
            "new_groups": [{"entity": media_type[:16], "stage": "New"}],
            "errors": [{"line": 4, "field": "email", "reason": "has no @"}],
            "rejected": [{"line": 4, "values": ["nope", "Bob", "Rom"]}],
            "custom_fields": ["Ort"],
        }
        assert api("POST", path, body, {"Content-Type": media_type}).json["unchanged"] == 1


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("mapping=%7B", 400, "mapping"),
        ('mapping={"E-Mail":1}', 400, "mapping.E-Mail"),
        (f'mapping={{"{"%C3%BC" * 1000}":"x"}}', 400, "mapping"),
        ('mapping={"Nope":"email"}', 400, "Nope"),
        ('defaults={"entity":"a%23b"}', 422, "defaults.entity"),
        ('defaults={"stages":"a"}', 400, "defaults.stages"),
        ("encoding=latin-9", 400, "encoding"),
        ("encoding=windows-1252", 400, "encoding"),
        ("sheet=A", 400, "sheet"),
        ("delimiter=%25", 400, "delimiter"),
        ("header=-1", 400, "header"),
        ("first_line=0", 400, "first_line"),
        ("dry_run=maybe", 400, "dry_run"),
    ],
)
def test_a_wrong_way_to_read_a_file_names_the_parameter(api: ApiClient, query: str, status: int, field: str) -> None:
    reply = api("POST", f"/v1/leads/import?{query}", "entity,stage,email\nacme,New,a@b.example\n", CSV)
    assert (reply.status, reply.json["errors"][0]["field"]) == (status, field)
    assert count(api) == 0


@pytest.mark.one_engine
def test_a_parameter_that_a_kind_of_file_has_no_use_for_is_refused(api: ApiClient) -> None:
    line = '{"entity": "acme", "stage": "New", "email": "a@b.example"}'
    query = urlencode({"mapping": '{"email": "external_id"}', "first_line": 2, "delimiter": ";"})
    reply = api("POST", f"/v1/leads/import?{query}", line, {"Content-Type": "application/x-ndjson"})
    assert reply.status == 400
    assert {each["field"] for each in reply.json["errors"]} == {"mapping", "first_line", "delimiter"}
    assert count(api) == 0
    reply = api("POST", "/v1/leads/import/inspect?sheet=A", b"email\n", {"Content-Type": "application/octet-stream"})
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "sheet")


def test_a_file_that_would_make_leads_without_address_or_name_is_taken_when_it_is_meant(api: ApiClient) -> None:
    csv = "entity,stage,E-Mail,First Name\nacme,New,ada@example.com,Ada\n"
    refused = api("POST", "/v1/leads/import", csv, CSV)
    assert (refused.status, refused.json["type"]) == (400, "urn:leadflip:problem:unexpected-columns")
    assert [error["field"] for error in refused.json["errors"]] == ["E-Mail", "First Name"]
    assert "first_name" in refused.json["detail"]
    assert count(api) == 0
    meant = api("POST", "/v1/leads/import?address=none", csv, CSV)
    assert (meant.status, meant.json["created"], meant.json["custom_fields"]) == (200, 1, ["E-Mail", "First Name"])
    (lead,) = api("GET", "/v1/leads").json["items"]
    assert (lead["email"], lead["fields"]) == (None, {"E-Mail": "ada@example.com", "First Name": "Ada"})


@pytest.mark.parametrize("query", ["address=any", "address=", "address=none&address=none", "adress=none"])
def test_a_wrong_parameter_of_an_import_is_400_and_nothing_is_read(api: ApiClient, query: str) -> None:
    reply = api("POST", f"/v1/leads/import?{query}", "entity,stage,email\nacme,New,a@b.example\n", CSV)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, query.partition("=")[0])
    assert count(api) == 0


def test_wrong_methods_types_and_paths_are_problems(api: ApiClient) -> None:
    wrong_method = api("PUT", "/v1/leads", {})
    assert (wrong_method.status, set(wrong_method.headers["Allow"].split(", "))) == (405, {"GET", "POST"})
    wrong_type = api("POST", "/v1/leads", "entity=acme", {"Content-Type": "application/x-www-form-urlencoded"})
    unknown = api("GET", "/v1/nothing")
    assert (wrong_type.status, unknown.status) == (415, 404)
    said = "Unsupported media type: application/x-www-form-urlencoded. Send application/json."
    assert wrong_type.json["detail"] == said
    for reply in (wrong_method, wrong_type, unknown):
        assert (reply.headers["Content-Type"], reply.json["status"]) == ("application/problem+json", reply.status)


class _Failing:
    """An engine of which one operation fails."""

    def __init__(self, engine: Any, operation: str, error: Exception) -> None:
        self._engine, self._operation, self._error = engine, operation, error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(**_: Any) -> Any:
            raise self._error

        operation: Callable[..., Any] = getattr(self._engine, name)
        return fail if name == self._operation else operation


@pytest.mark.parametrize(
    ("error", "status"), [(StoreUnavailable("10.0.0.1 lost"), 503), (RuntimeError("ada@example.com"), 500)]
)
@pytest.mark.parametrize("operation", ["scan", "get_item"])
def test_a_failing_engine_is_told_without_its_words(
    api: ApiClient, dynamodb: Any, tables: TableNames, operation: str, error: Exception, status: int
) -> None:
    broken = ApiClient(context_of(_Failing(dynamodb, operation, error), tables))
    broken.token = api.token
    reply = broken("GET", "/v1/leads")
    assert (reply.status, reply.json["status"]) == (status, status)
    assert str(error) not in json.dumps(reply.json)
    assert ("Retry-After" in reply.headers) == (status == 503)
