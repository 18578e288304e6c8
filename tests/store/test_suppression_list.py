"""The suppression list: searched, added to, imported, taken off with a reason, and completed after an upgrade."""

from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.crm.leads import create_lead
from chalicelib.crm.suppression import suppress_address
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store import keys
from local.list_suppressions import list_suppressions
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.store.test_privacy import NOW

REASON = "asked on the fair"


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


def listed(api: ApiClient, query: str = "") -> list[str]:
    return [each["email"] for each in api("GET", f"/v1/suppressions{query}").json["items"]]


def page_by_page(api: ApiClient, query: str) -> list[str]:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api("GET", f"/v1/suppressions{query}{cursor and f'&cursor={cursor}'}").json
        found += [each["email"] for each in page["items"]]
        cursor = page["cursor"]
    return found


def add(api: ApiClient, *emails: str) -> Reply:
    return api("POST", "/v1/suppressions", {"emails": emails, "reason": REASON})


def remove(api: ApiClient, email: str) -> Reply:
    return api("POST", "/v1/suppressions/remove", {"email": email, "reason": "signed up again"})


def mailed(api: ApiClient) -> list[int]:
    """How many leads of both business lines would be mailed."""
    leads = api.context.leads
    return [leads.count_audience(each, ["New"], [], lambda: False).total for each in ("acme", "outlet")]


def test_an_address_on_the_list_is_mailed_by_nobody_until_it_is_taken_off(api: ApiClient) -> None:
    lead = {"entity": "acme", "stage": "New", "email": "Ann@shop.example"}
    before = api("POST", "/v1/leads", lead).json
    assert add(api, "ann@SHOP.example", "bob@shop.example").json == {"added": 2, "known": 0}
    assert add(api, "bob@shop.example").json == {"added": 0, "known": 1}
    later = api("POST", "/v1/leads", lead | {"entity": "outlet"}).json
    context = api.context
    assert [context.leads.count_audience(each, ["New"], [], lambda: False).total for each in ("acme", "outlet")] == [
        0,
        0,
    ]
    for lead_id in (before["lead_id"], later["lead_id"]):
        ((mark),) = api("GET", f"/v1/leads/{lead_id}/suppressions").json["items"]
        assert (mark["reason"], mark["source"], mark["by"], mark["note"]) == ("manual", "api", "test", REASON)
    context.leads.unsubscribe(later["lead_id"], at=NOW, source="link")

    assert remove(api, "ANN@shop.example").status == 204
    assert [context.leads.count_audience(each, ["New"], [], lambda: False).total for each in ("acme", "outlet")] == [
        1,
        1,
    ]
    timeline = api("GET", f"/v1/leads/{later['lead_id']}/timeline").json["items"]
    assert [(each["title"], each.get("reason"), each["by"]) for each in timeline] == [
        ("Resubscribed", "signed up again", "test"),
        ("Unsubscribed", None, None),
    ]
    assert (listed(api), listed(api, "?reason=removed")) == (["bob@shop.example"], ["ann@shop.example"])
    (removed,) = api("GET", "/v1/suppressions?reason=removed").json["items"]
    assert (removed["removed"]["by"], removed["removed"]["reason"]) == ("test", "signed up again")
    assert (remove(api, "ann@shop.example").status, remove(api, "nobody@shop.example").status) == (404, 404)


def test_what_cannot_be_read_is_named_and_changes_nothing(api: ApiClient) -> None:
    wrong = add(api, "ann@shop.example", "nobody")
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "emails[1]")
    assert api("POST", "/v1/suppressions", {"emails": [], "reason": REASON}).status == 422
    assert api("POST", "/v1/suppressions", {"emails": ["a@shop.example"], "reason": "two\nlines"}).status == 422
    url = "/v1/suppressions/import?reason="
    assert api("POST", url, "a@shop.example", {"content-type": "text/csv"}).status == 400
    too_long = "a@shop.example\n" * 1_002
    url = "/v1/suppressions/import?reason=x"
    unread = api("POST", url, '"""', {"content-type": "text/csv"})
    assert (unread.status, unread.json["detail"]) == (422, "body has no email address")
    assert api("POST", url, too_long, {"content-type": "text/plain"}).status == 413
    assert listed(api) == []


@pytest.mark.one_engine
def test_a_file_of_whatever_columns_is_imported_and_searched_page_by_page(api: ApiClient) -> None:
    people = [f'"Müller; Jörg";"Jörg <P{number:03d}@shop.example>";gone' for number in range(120)]
    file = "\ufeffName;E-Mail;Status\r\n" + "\r\n".join([*people, "", "nobody;here", "x@y;;", people[0]]) + "\r\n"
    url = "/v1/suppressions/import?reason=moved%20from%20the%20old%20tool"
    taken = api("POST", url, file.encode(), {"content-type": "text/csv; charset=utf-8"}).json
    assert (taken["added"], taken["known"]) == (120, 0)
    assert [(each["line"], each["reason"]) for each in taken["errors"]] == [
        (123, "has no address"),
        (124, "has no valid domain after the @"),
    ]
    assert api("POST", url, file, {"content-type": "text/csv"}).json["known"] == 120
    suppress_address(api.context.leads, "p007@shop.example", Mark(SuppressionReason.HARD_BOUNCE, NOW, "bounce"))
    assert listed(api, "?q=P00&limit=20") == [f"p00{number}@shop.example" for number in range(10)]
    assert listed(api, "?reason=hard_bounce") == ["p007@shop.example"]
    assert listed(api, "?reason=complaint") == []
    assert page_by_page(api, "?limit=50") == [f"p{number:03d}@shop.example" for number in range(120)]


def test_an_address_is_found_in_the_letters_of_its_domain_while_it_is_typed(api: ApiClient) -> None:
    add(api, "ann@bücher.example", "ann@bcx.example", "ann@bremen.example", "ann@zoo.example", "ben@bücher.example")
    ann, ben = "ann@xn--bcher-kva.example", "ben@xn--bcher-kva.example"
    for typed in ("ann@bü", "Ann@BÜCHER.exa", "ann@bücher.example", "ann@xn--bc"):
        assert listed(api, f"?q={quote(typed)}") == [ann]
    assert listed(api, f"?q={quote('ben@bücher')}") == [ben]
    assert listed(api, f"?q={quote('ann@büx')}") == []
    assert page_by_page(api, "?q=ann@b&limit=1") == ["ann@bcx.example", "ann@bremen.example", ann]


def test_an_erased_person_is_on_the_list_without_a_name_and_earlier_rows_come_onto_it(
    api: ApiClient, dynamodb: Any, tables: TableNames
) -> None:
    lead = create_lead(api.context.leads, {"entity": "acme", "stage": "New", "email": "ann@shop.example"}, NOW)
    add(api, "ann@shop.example", "zoe@shop.example")
    hashed = api.context._hash_of("ann@shop.example")
    statements = api.context.leads.suppressions.forgetting("ann@shop.example", hashed, lead.lead_id)
    api.context.leads.delete(lead, *statements)
    assert listed(api) == ["zoe@shop.example", None]
    row = keys.suppression("old@shop.example") | {"complaint": {"M": {"reason": {"S": "complaint"}}}}
    row["complaint"]["M"] |= {"at": {"S": "2026-11-01T00:00:00.000Z"}, "source": {"S": "complaint"}}
    dynamodb.put_item(TableName=tables.leads, Item=row)
    assert "old@shop.example" not in listed(api)
    assert [list_suppressions(dynamodb, tables.leads) for _ in range(2)] == [1, 0]
    assert listed(api) == ["old@shop.example", "zoe@shop.example", None]
    assert remove(api, "ann@shop.example").status == 204, "who knows the address may take it off"
    assert listed(api) == ["old@shop.example", "zoe@shop.example"]
