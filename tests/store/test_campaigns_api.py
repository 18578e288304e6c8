"""/v1/campaigns as a client sees it, on a real engine."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urljoin

import pytest
from botocore.exceptions import ClientError

from chalicelib.model.campaign import Body
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.api_client import ApiClient, HealthySes, Reply, context_of

WRITTEN = {
    "title": "Prices",
    "subject": "Hello {{ lead.first_name | default('you') }}",
    "from_email": "news@acme.example",
    "from_name": "Acme",
    "html": '<p>See <a href="https://acme.example/prices">our prices</a></p>',
    "audience": {"entity": "acme", "stages": ["New"]},
}


class OpenQueue:
    """SQS as far as sending needs it: takes everything."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.bodies += [each["MessageBody"] for each in Entries]
        return {}


@pytest.fixture
def queue() -> OpenQueue:
    return OpenQueue()


class Identities(HealthySes):
    """SES with one verified domain; the account may send unless told not to."""

    def __init__(self) -> None:
        self.account = super().get_account()

    def get_account(self) -> dict[str, Any]:
        return self.account

    def get_email_identity(self, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803
        if EmailIdentity == "acme.example":
            return super().get_email_identity(EmailIdentity)
        raise ClientError({"Error": {"Code": "NotFoundException"}}, "GetEmailIdentity")


@pytest.fixture
def ses() -> Identities:
    return Identities()


@pytest.fixture
def api(dynamodb: Any, tables: TableNames, queue: OpenQueue, ses: Identities) -> ApiClient:
    keys = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
    context = context_of(dynamodb, tables, sqs=queue, keys=keys, ses=ses)
    return ApiClient(context).sign_in()


def written(api: ApiClient, **changes: Any) -> dict[str, Any]:
    answer = api("POST", "/v1/campaigns", WRITTEN | changes)
    assert answer.status == 201, answer.body
    campaign: dict[str, Any] = answer.json
    return campaign


def test_a_campaign_answers_with_itself_and_is_read_back(api: ApiClient) -> None:
    campaign = written(api)
    assert campaign["status"] == "draft"
    assert {name: campaign[name] for name in WRITTEN if name != "audience"} == {
        name: value for name, value in WRITTEN.items() if name != "audience"
    }
    assert campaign["audience"] == {"entity": "acme", "stages": ["New"], "tags": [], "behavior": []}
    assert api("GET", f"/v1/campaigns/{campaign['campaign_id']}").json == campaign


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "two\nlines"}, "title"),
        ({"from_email": "nobody"}, "from_email"),
        ({"reply_to": "x@"}, "reply_to"),
        ({"html": "x" * 1_100_000}, "html"),
        ({"html": "{{ lead.frist_name }}"}, "html"),
        ({"html": "{{ nonsense }}"}, "html"),
        ({"html": "{% if lead.email %}"}, "html"),
        ({"subject": "{{ lead.first_name"}, "subject"),
        ({"audience": {"entity": "acme", "stages": "New"}}, "audience.stages"),
        ({"audience": {"entity": "acme", "stages": ["New"], "x": 1}}, "audience.x"),
        ({"audience": {"entity": "x" * 65, "stages": ["New"]}}, "audience.entity"),
        ({"audience": {"entity": "ac\0me", "stages": ["New"]}}, "audience.entity"),
        ({"audience": {"entity": "acme#1", "stages": ["New"]}}, "audience.entity"),
        ({"audience": {"entity": "acme", "stages": ["New", "x" * 65]}}, "audience.stages"),
        ({"audience": {"entity": "acme", "stages": ["New", "Lo\nst"]}}, "audience.stages"),
        ({"audience": {"entity": "acme", "stages": ["New", "#1"]}}, "audience.stages"),
        ({"audience": {"entity": "acme", "stages": ["New", " "]}}, "audience.stages"),
        ({"audience": {"entity": "acme", "stages": ["New"], "tags": ["x" * 65]}}, "audience.tags"),
        ({"audience": {"entity": "acme", "stages": ["New"], "tags": ["a;b"]}}, "audience.tags"),
        ({"audience": {"entity": "acme", "stages": ["New"], "tags": ["a\u2028b"]}}, "audience.tags"),
        (
            {"audience": {"entity": "acme", "stages": ["New"], "tags": [str(each) for each in range(51)]}},
            "audience.tags",
        ),
        ({"utm": {"source": "x" * 201}}, "utm.source"),
        ({"utm": {"medium": "e\nmail"}}, "utm.medium"),
        ({"surprise": 1}, "surprise"),
        ({"version": 1}, "version"),
        ({"title": 7}, "title"),
    ],
)
def test_a_wrong_campaign_is_refused_by_field_and_nothing_written(
    api: ApiClient, changes: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/v1/campaigns", WRITTEN | changes)
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert api("GET", "/v1/campaigns").json["items"] == []


class BusyAuthor:
    """A client behind which an author saves a campaign between two reads, so many times."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.saves: list[Callable[[], Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_item(self, **arguments: Any) -> Any:
        if self.saves and arguments["Key"]["sk"]["S"].startswith("blob#content"):
            self.saves.pop()()
        return self._client.get_item(**arguments)


def test_a_campaign_that_is_saved_while_it_is_read_is_read_again(dynamodb: Any, tables: TableNames) -> None:
    client = BusyAuthor(dynamodb)
    reader = ApiClient(context_of(client, tables)).sign_in()
    author = ApiClient(context_of(dynamodb, tables)).sign_in()
    path = f"/v1/campaigns/{written(author)['campaign_id']}"
    for number in range(3):
        client.saves.append(partial(author, "PATCH", path, {"html": f"<p>{number}"}))
    answer = reader("GET", path)
    assert (answer.status, client.saves, answer.json["html"]) == (200, [], "<p>0")


def test_an_audience_is_read_as_its_leads_were(api: ApiClient) -> None:
    """Composed or not, with space around it or without: the same word is the same stage."""
    api("POST", "/v1/leads", {"entity": "Cafe\u0301", "stage": "Qualifi\u00e9", "tags": ["e\u0301t\u00e9"]})
    audience = {"entity": "Caf\u00e9 ", "stages": [" Qualifie\u0301"], "tags": ["\u00e9te\u0301"]}
    campaign = written(api, audience=audience, utm={"source": " e\u0301te\u0301 ", "term": " "})
    assert api("GET", f"/v1/campaigns/{campaign['campaign_id']}/audience").json["total"] == 1
    assert campaign["utm"] == {"source": "\u00e9t\u00e9"}


def test_a_subject_may_hold_all_that_a_line_can_show(api: ApiClient) -> None:
    subject = "Prix\u00a0: 10\u202f\u20ac \U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert written(api, subject=subject)["subject"] == subject


def test_a_template_error_says_where_it_is(api: ApiClient) -> None:
    answer = api("POST", "/v1/campaigns", WRITTEN | {"html": "<p>\n  {{ lead.frist_name }}</p>"})
    (error,) = answer.json["errors"]
    assert (error["line"], error["column"]) == (2, 6)
    assert "frist_name" in error["reason"]


def test_a_draft_changes_and_keeps_what_is_not_named(api: ApiClient) -> None:
    campaign = written(api)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    changed = api("PATCH", path, {"title": "New prices", "reply_to": "team@acme.example"})
    assert changed.status == 200
    after = api("GET", path).json
    assert after == campaign | {
        "title": "New prices",
        "reply_to": "team@acme.example",
        "version": 2,
        "updated_at": after["updated_at"],
    }
    assert api("PATCH", path, {"subject": "two\nlines"}).status == 422
    assert api("GET", path).json == after


def test_a_change_made_from_an_older_version_is_refused_and_changes_nothing(api: ApiClient) -> None:
    campaign = written(api)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    assert campaign["version"] == 1
    first = api("PATCH", path, {"version": 1, "title": "By one"})
    assert (first.status, first.json["version"]) == (200, 2)
    second = api("PATCH", path, {"version": 1, "subject": "By another"})
    assert (second.status, second.json["type"]) == (409, "urn:leadflip:problem:conflict")
    assert api("GET", path).json == first.json
    again = api("PATCH", path, {"version": 2, "subject": "By another"})
    assert (again.status, again.json["title"], again.json["subject"]) == (200, "By one", "By another")
    assert api("GET", "/v1/campaigns").json["items"][0]["version"] == 3


def test_of_changes_made_from_one_version_at_once_one_holds(api: ApiClient) -> None:
    path = f"/v1/campaigns/{written(api)['campaign_id']}"

    # An app has one current request, as a function on AWS does: every thread gets an app of its own.
    def change(number: int) -> Reply:
        client = ApiClient(api.context)
        client.token = api.token
        return client("PATCH", path, {"version": 1, "title": f"Number {number}"})

    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(change, range(6)))
    (held,) = [reply for reply in replies if reply.status == 200]
    assert {reply.status for reply in replies if reply is not held} == {409}
    assert api("GET", path).json == held.json


def test_a_change_that_names_no_version_holds_for_the_draft_as_it_is(api: ApiClient) -> None:
    path = f"/v1/campaigns/{written(api)['campaign_id']}"
    for number in range(2, 4):
        assert api("PATCH", path, {"title": f"Number {number}"}).json["version"] == number


@pytest.mark.parametrize("version", ["1", 1.5, None, 0])
def test_a_version_is_a_whole_number_from_1(api: ApiClient, version: Any) -> None:
    path = f"/v1/campaigns/{written(api)['campaign_id']}"
    refused = api("PATCH", path, {"version": version, "title": "Another"})
    assert (refused.status, [error["field"] for error in refused.json["errors"]]) == (422, ["version"])
    assert api("GET", path).json["version"] == 1


def test_a_draft_is_deleted_with_everything(api: ApiClient, dynamodb: Any, tables: TableNames) -> None:
    rows = dynamodb.scan(TableName=tables.campaigns, Select="COUNT")["Count"]
    campaign = written(api, html="<p>" + "long " * 20_000 + "</p>")
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    api("PATCH", path, {"title": "Once more"})
    assert api("DELETE", path).status == 204
    assert api("GET", path).status == 404
    assert dynamodb.scan(TableName=tables.campaigns, Select="COUNT")["Count"] == rows


def test_campaigns_are_listed_newest_first_page_by_page(api: ApiClient) -> None:
    made = [written(api, title=f"Number {number}")["campaign_id"] for number in range(5)]
    first = api("GET", "/v1/campaigns?limit=3").json
    rest = api("GET", f"/v1/campaigns?limit=3&cursor={first['cursor']}").json
    assert [each["campaign_id"] for each in first["items"] + rest["items"]] == made[::-1]
    assert rest["cursor"] is None


@pytest.mark.parametrize(
    ("method", "tail"),
    [("GET", ""), ("DELETE", ""), ("GET", "/stats"), ("GET", "/links"), ("GET", "/deliveries")]
    + [
        ("POST", f"/{verb}")
        for verb in ("send", "unschedule", "pause", "resume", "cancel", "retry-failed", "duplicate")
    ],
)
@pytest.mark.parametrize("campaign_id", ["cmp_" + "0" * 24, "nonsense", "lead_" + "0" * 24])
def test_an_unknown_campaign_is_404(api: ApiClient, method: str, tail: str, campaign_id: str) -> None:
    assert api(method, f"/v1/campaigns/{campaign_id}{tail}").status == 404


def test_a_preview_fills_in_the_lead_and_tracks_nothing(api: ApiClient) -> None:
    lead = api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "first_name": "Zoë & Co"}).json
    campaign = written(api, html='<p>{{ lead.first_name }} <a href="https://acme.example/a?b=1&amp;c=2">x</a></p>')
    preview = api("GET", f"/v1/campaigns/{campaign['campaign_id']}/preview?lead_id={lead['lead_id']}").json
    assert preview["subject"] == "Hello Zoë & Co"
    assert "Zoë &amp; Co" in preview["html"]
    assert 'href="https://acme.example/a?b=1&amp;c=2"' in preview["html"]
    assert "/t/c/" not in preview["html"]
    assert "/t/o/" not in preview["html"]
    assert "https://acme.example/a?b=1&c=2" in preview["text"]


def test_sending_counts_the_audience_and_freezes_the_draft(api: ApiClient, queue: OpenQueue) -> None:
    campaign = written(api)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    assert api("GET", f"{path}/audience").json == {"total": 0, "at_least": False}
    refused = api("POST", f"{path}/send")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "audience")
    assert queue.bodies == []
    for number in range(3):
        api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": f"lead{number}@example.com"})
    assert api("GET", f"{path}/audience").json == {"total": 3, "at_least": False}
    sent = api("POST", f"{path}/send")
    assert (sent.status, sent.json["status"]) == (202, "planning")
    assert len(queue.bodies) == 1
    assert api("PATCH", path, {"title": "Too late"}).status == 409
    assert api("DELETE", path).status == 409


def test_a_duplicate_is_a_draft_that_says_the_same(api: ApiClient) -> None:
    api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": "lead@example.com"})
    first = written(api, title="P" * 199, reply_to="team@acme.example", utm={"source": "mail"})
    path = f"/v1/campaigns/{first['campaign_id']}"
    assert api("POST", f"{path}/send").status == 202
    answer = api("POST", f"{path}/duplicate")
    copy = answer.json
    assert (answer.status, copy["status"], copy["launched_at"]) == (201, "draft", None)
    assert copy["title"] == "P" * 193 + " (copy)"
    assert urljoin(f"{path}/duplicate", answer.headers["Location"]) == f"/v1/campaigns/{copy['campaign_id']}"
    told = ("subject", "from_email", "from_name", "reply_to", "audience", "utm", "html", "text")
    assert {name: copy[name] for name in told} == {name: first[name] for name in told}
    again = f"/v1/campaigns/{copy['campaign_id']}"
    assert api("GET", again).json == copy
    assert api("PATCH", again, {"title": "Another"}).status == 200


def test_numbers_of_a_draft_are_nought(api: ApiClient) -> None:
    campaign = written(api)
    stats = api("GET", f"/v1/campaigns/{campaign['campaign_id']}/stats").json
    five = ("total", "sent", "failed", "opened", "clicked")
    assert [stats[name] for name in five] == [0] * 5
    assert stats["as_of"].endswith("Z")
    links = api("GET", f"/v1/campaigns/{campaign['campaign_id']}/links").json["items"]
    assert [(link["link"], link["clicked"]) for link in links] == [("1", 0)]


@pytest.mark.parametrize(
    ("account", "code", "severity", "status"),
    [
        ({"SendingEnabled": False}, "sending_disabled", "error", 409),
        ({"EnforcementStatus": "SHUTDOWN"}, "sending_disabled", "error", 409),
        ({"ProductionAccessEnabled": False}, "account_in_sandbox", "error", 202),
        ({"EnforcementStatus": "PROBATION"}, "account_under_review", "warning", 202),
    ],
)
def test_an_account_that_lets_nothing_leave_refuses_to_send_and_preflight_says_what_hinders_it(
    api: ApiClient, ses: Identities, account: dict[str, Any], code: str, severity: str, status: int
) -> None:
    api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": "ann@example.com"})
    path = f"/v1/campaigns/{written(api)['campaign_id']}"
    ses.account |= account
    found = {each["code"]: each for each in api("GET", f"{path}/preflight").json["findings"]}
    assert (found[code]["severity"], found[code]["field"]) == (severity, None)
    sent = api("POST", f"{path}/send")
    assert sent.status == status
    if status == 409:
        assert sent.json["type"] == "urn:leadflip:problem:sending-disabled"
        assert "SES console" in sent.json["detail"]
        assert api("GET", path).json["status"] == "draft"
        ses.account |= {"SendingEnabled": True, "EnforcementStatus": "HEALTHY"}
        assert api("POST", f"{path}/send").status == 202


def test_preflight_is_503_while_the_keys_cannot_be_read(dynamodb: Any, tables: TableNames) -> None:
    def unreadable() -> str:
        raise ConnectionError("Secrets Manager does not answer")

    keys = KeyRingSource(unreadable)
    context = context_of(dynamodb, tables, keys=keys, ses=Identities())
    api = ApiClient(context).sign_in()
    answer = api("GET", f"/v1/campaigns/{written(api)['campaign_id']}/preflight")
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "2"), answer.body


def unrendered(api: ApiClient, html: str) -> list[tuple[str, int, int, int | None]]:
    answer = api("GET", f"/v1/campaigns/{written(api, html=html)['campaign_id']}/preflight")
    assert answer.status == 200, answer.body
    found = [each for each in answer.json["findings"] if each["code"] == "rendering_failed"]
    assert all(each["severity"] == "error" for each in found)
    return [(each["field"], each["line"], each["column"], each["count"]) for each in found]


def test_preflight_finds_what_cannot_be_rendered_in_its_place(api: ApiClient) -> None:
    assert unrendered(api, "<p>\n{{ 1/0 }}</p>") == [("html", 2, 1, None)]
    for known in ({"n": 4}, {"n": 5}, {}, {"n": 0}):
        api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "fields": known})
    assert unrendered(api, "<p>\n{{ 1/0 }}</p>") == [("html", 2, 1, 4)]
    ratio = (
        "<p>{% if lead.fields.n is defined %}{{ 20 / lead.fields.n }}{% endif %}{{ 1 / (lead.fields.n | default(1)) }}"
    )
    assert unrendered(api, ratio) == [("html", 1, 37, 1)]
    assert unrendered(api, "<p>{{ 20 / (lead.fields.n | default(1) + 1) }}") == []


def test_a_draft_of_stricter_times_is_refused_in_words(api: ApiClient) -> None:
    """What is written was checked; a later release may have become stricter."""
    draft = api.context.campaigns.get(written(api)["campaign_id"])
    api.context.campaigns.update_draft(draft, Body("<p>\n{{ nonsense }}", None), at=api.context.now())
    path = f"/v1/campaigns/{draft.campaign_id}"
    (finding,) = api("GET", f"{path}/preflight").json["findings"]
    assert (finding["severity"], finding["field"], finding["line"]) == ("error", "html", 2)
    lead = api("POST", "/v1/leads", {"entity": "acme", "stage": "New"}).json["lead_id"]
    for answer in (api("GET", f"{path}/preview?lead_id={lead}"), api("GET", f"{path}/preview.html")):
        assert (answer.status, answer.json["errors"][0]["line"]) == (422, 2)


def test_preflight_counts_the_leads_for_whom_a_link_would_lead_nowhere(api: ApiClient) -> None:
    for number, site in enumerate(("https://shop.example/", "shop.example", "javascript:x")):
        lead = {"entity": "acme", "stage": "New", "email": f"lead{number}@b.example", "fields": {"site": site}}
        assert api("POST", "/v1/leads", lead).status == 201
    campaign = written(api, html="<p>\n <a href='{{ lead.fields.site }}'>Yours</a></p>")
    findings = api("GET", f"/v1/campaigns/{campaign['campaign_id']}/preflight").json["findings"]
    found = {finding["code"]: finding for finding in findings}["links_left_empty"]
    assert (found["severity"], found["count"], found["line"], found["column"]) == ("warning", 2, 2, 2)


def test_preflight_counts_over_the_audience_and_asks_for_the_sender(api: ApiClient) -> None:
    for number in range(4):
        known: dict[str, Any] = {"email": f"lead{number}@example.com", "fields": {"plan": "basic"}}
        api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "first_name": "Ann"} | (known if number else {}))
    html = "<p>\n{{ lead.fields.plan }} {{ lead.first_name }} {{ lead.fields.city | default('-') }}</p>"
    campaign = written(api, html=html, from_email="news@other.example")
    answer = api("GET", f"/v1/campaigns/{campaign['campaign_id']}/preflight").json
    assert (answer["audience_looked_at"], answer["audience_is_whole"], answer["without_email"]) == (4, True, 1)
    sample = answer["sample"]
    assert (sample["name"], sample["subject"]) == ("Ann", "Hello Ann")
    found = {finding["code"]: finding for finding in answer["findings"]}
    assert found["sender_not_verified"]["severity"] == "error"
    assert found["leads_without_email"]["count"] == 1
    assert (found["merge_field_empty"]["count"], found["merge_field_empty"]["line"]) == (1, 2)
    api("PATCH", f"/v1/campaigns/{campaign['campaign_id']}", {"from_email": "news@acme.example"})
    again = api("GET", f"/v1/campaigns/{campaign['campaign_id']}/preflight").json
    assert "sender_not_verified" not in {finding["code"] for finding in again["findings"]}


def test_preflight_knows_which_values_leads_have(api: ApiClient) -> None:
    fields = {"Umsatz (€)": 5, "a.b": "c"}
    api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": "ann@example.com", "fields": fields})
    tags = '{{ lead.id }}{{ lead.fields["Umsatz (€)"] }}{{ lead.fields["a.b"] }}{{ lead.fields }}'
    campaign = written(api, html=f"<p>{tags}</p>\n<p>{{{{ lead.fields.plan }}}}</p>", subject="Prices")
    findings = api("GET", f"/v1/campaigns/{campaign['campaign_id']}/preflight").json["findings"]
    empty = [each["line"] for each in findings if each["code"] == "merge_field_empty"]
    assert empty == [2], "only the plan is missing"
