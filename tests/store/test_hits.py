"""What each request of a recipient takes of AWS, in the function itself: one conditional write, or nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import TEST_CAMPAIGN, new_campaign_id, new_lead_id
from chalicelib.model.workspace import Language, Theme, Workspace
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.workspace import Workspaces
from chalicelib.tracking.delivery_ids import CampaignTracking
from chalicelib.tracking.hits import HitKind, UnverifiedHit, from_values
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.claiming import record_claim
from tests.store.tracking_process import KEY, PERSON, TrackingProcess, running

URL = "https://shop.example/offer"
ONE_WRITE = ["UpdateItem"]
NOTHING: list[str] = []


@pytest.fixture
def process(dynamodb: Any, tables: TableNames) -> Iterator[TrackingProcess]:
    """Warm: its key ring is read."""
    with running(dynamodb.meta.endpoint_url, tables) as started:
        assert started.calls_of(f"/t/o/{'A' * 48}.gif") == ["GetSecretValue"]
        yield started


class Mail:
    """One that was sent, with the addresses in it."""

    def __init__(self, dynamodb: Any, tables: TableNames, key: str = KEY) -> None:
        self.deliveries = Deliveries(dynamodb, tables.deliveries, BurstRule())
        self.lead_id = new_lead_id()
        tracking = CampaignTracking("https://t.example", new_campaign_id(), 1, key.encode())
        self.campaign_id = tracking.campaign_id
        sent = Delivery(self.campaign_id, self.lead_id, DeliveryStatus.SENT, datetime.now(UTC), unit="1")
        assert record_claim(self.deliveries, sent)
        delivery_id = tracking.delivery_id(self.lead_id)
        self.pixel = f"/t/o/{delivery_id}.gif"
        self.click = f"/t/c/{delivery_id}"
        self.link = urlencode({"l": "1", "u": URL, "s": tracking.sign("1", URL)})
        self.unsubscribe = f"/t/u/{delivery_id}"

    def now(self) -> Delivery:
        found = self.deliveries.find(self.campaign_id, self.lead_id)
        assert found is not None
        return found


@pytest.fixture
def mail(dynamodb: Any, tables: TableNames) -> Mail:
    return Mail(dynamodb, tables)


@pytest.fixture
def forged(dynamodb: Any, tables: TableNames) -> Mail:
    return Mail(dynamodb, tables, key="a guess")


def test_an_open_is_one_write_the_first_time_and_every_time(process: TrackingProcess, mail: Mail) -> None:
    assert process.calls_of(mail.pixel) == ONE_WRITE
    first = mail.now().opened_at
    assert first is not None
    assert process.calls_of(mail.pixel) == ONE_WRITE
    assert mail.now().opened_at == first


def test_a_click_is_one_write_and_a_redirect(process: TrackingProcess, mail: Mail) -> None:
    assert process.calls_of(mail.click, mail.link) == ONE_WRITE
    answer = process.answer(mail.click, mail.link)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (302, URL)
    assert set(mail.now().clicks) == {"1"}


def only(*names: str) -> dict[str, str]:
    return {name: PERSON[name] for name in ("user-agent", *names)}


@pytest.mark.parametrize("headers", [only(), only("accept"), only("accept-language"), only() | {"accept": "*/*"}])
def test_a_click_of_a_program_that_calls_itself_a_browser_is_a_machines(
    process: TrackingProcess, mail: Mail, headers: dict[str, str]
) -> None:
    answer = process.answer(mail.click, mail.link, headers=headers)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (302, URL)
    assert mail.now().clicks == {}
    assert mail.now().scans["1"].machine == "not_a_navigation"
    assert process.calls_of(mail.click, mail.link) == ONE_WRITE
    assert mail.now().clicks["1"].machine is None


@pytest.mark.parametrize("stripped", ["accept-language", "upgrade", "sec"])
def test_a_persons_click_that_lost_headers_of_one_kind_is_still_a_persons(
    process: TrackingProcess, mail: Mail, stripped: str
) -> None:
    left = {name: value for name, value in PERSON.items() if not name.startswith(stripped)}
    process.answer(mail.click, mail.link, headers=left)
    assert set(mail.now().clicks) == {"1"}


def test_an_open_is_judged_by_its_user_agent_alone(process: TrackingProcess, mail: Mail) -> None:
    process.answer(mail.pixel, headers=only())
    assert mail.now().opened_person_at is not None


def test_nothing_is_concluded_where_links_are_plain_http(mail: Mail, dynamodb: Any, tables: TableNames) -> None:
    """Browsers send no `Sec-` headers there; the machine's own address, where they do, needs no exception."""
    with running(dynamodb.meta.endpoint_url, tables, tracking_url="http://t.example") as process:
        process.answer(mail.click, mail.link, headers=only())
    assert set(mail.now().clicks) == {"1"}


@pytest.mark.parametrize(
    ("method", "headers"), [("HEAD", {}), ("GET", {"sec-purpose": "prefetch"}), ("GET", {"x-moz": "prefetch"})]
)
def test_what_nobody_looked_at_takes_nothing(
    process: TrackingProcess, mail: Mail, method: str, headers: dict[str, str]
) -> None:
    assert process.calls_of(mail.pixel, method=method, headers=PERSON | headers) == NOTHING
    assert process.calls_of(mail.click, mail.link, method=method, headers=PERSON | headers) == NOTHING
    assert process.answer(mail.click, mail.link, method=method, headers=PERSON | headers)["statusCode"] == 302


def test_what_is_forged_takes_nothing(process: TrackingProcess, mail: Mail, forged: Mail) -> None:
    assert process.calls_of(forged.pixel) == NOTHING
    assert process.calls_of(forged.click, forged.link) == NOTHING
    assert process.calls_of(forged.unsubscribe, method="POST") == NOTHING
    assert process.calls_of(mail.click, forged.link) == NOTHING
    assert process.calls_of("/t/o/short.gif") == NOTHING
    assert process.calls_of("/anything/else") == NOTHING
    assert forged.now().opened_at is None


def test_what_is_forged_gets_the_gif_and_never_a_redirect(process: TrackingProcess, mail: Mail, forged: Mail) -> None:
    assert process.answer(forged.pixel)["headers"]["Content-Type"] == "image/gif"
    for path, query in ((forged.click, forged.link), (mail.click, forged.link), (mail.click, mail.link[:-1])):
        answer = process.answer(path, query)
        assert answer["statusCode"] == 404
        assert "Location" not in answer["headers"]


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data; boundary=x"}]
)
def test_unsubscribing_never_answers_an_error(process: TrackingProcess, mail: Mail, headers: dict[str, str]) -> None:
    sent = PERSON | headers
    answer = process.answer(mail.unsubscribe, method="POST", headers=sent, body="List-Unsubscribe=One-Click")
    assert answer["statusCode"] == 200


@pytest.mark.one_engine
def test_pages_show_the_workspace_and_read_it_once_a_minute(
    process: TrackingProcess, mail: Mail, dynamodb: Any, tables: TableNames
) -> None:
    german = Workspace("Müller", Theme(logo_url="https://cdn.mueller.example/logo.png"), language=Language.DE)
    Workspaces(dynamodb, tables.campaigns).update(Workspace(), german)
    assert process.calls_of(mail.pixel) == ONE_WRITE
    assert process.calls_of(mail.unsubscribe) == ["GetItem", "GetItem"]  # the delivery, and the workspace
    assert process.calls_of(mail.unsubscribe) == ["GetItem"]
    asked = process.answer(mail.unsubscribe)
    assert "keine Werbe-E-Mails wie diese mehr von Müller" in asked["body"]
    assert asked["headers"]["Content-Security-Policy"].endswith("; img-src https://cdn.mueller.example")
    assert "Sie sind abgemeldet" in process.answer(mail.unsubscribe, method="POST")["body"]


@pytest.mark.one_engine
def test_a_tests_unsubscribe_link_says_so_and_unsubscribes_nobody(process: TrackingProcess) -> None:
    tests = CampaignTracking("https://t.example", TEST_CAMPAIGN, 1, KEY.encode())
    path = f"/t/u/{tests.delivery_id(new_lead_id())}"
    assert "This is a test email." in process.answer(path)["body"]
    before = len(process.aws.calls)
    assert "Nobody was unsubscribed" in process.answer(path, method="POST")["body"]
    assert process.aws.calls[before:] == NOTHING


def test_two_thousand_strangers_numbers_read_the_key_ring_once_at_most(process: TrackingProcess) -> None:
    foreign = CampaignTracking("", new_campaign_id(), 99, b"another ring's")
    calls = [call for _ in range(2000) for call in process.calls_of(f"/t/o/{foreign.delivery_id(new_lead_id())}.gif")]
    assert calls in ([], ["GetSecretValue"])


def test_hits_are_parked_while_the_table_is_not_there(process: TrackingProcess, mail: Mail, dynamodb: Any) -> None:
    with running(dynamodb.meta.endpoint_url, TableNames("gone", "gone", "gone")) as broken:
        assert broken.answer(mail.pixel)["statusCode"] == 200
        assert broken.answer(mail.click, mail.link)["statusCode"] == 302
        assert broken.answer(mail.unsubscribe, method="POST")["statusCode"] == 200
        assert len(broken.aws.parked) == 3


def test_without_keys_hits_are_parked_unverified_and_recipients_see_no_error(mail: Mail, dynamodb: Any) -> None:
    """What cannot be verified is neither written nor redirected to, and is not lost."""
    tables = TableNames("never", "written", "to")
    with running(dynamodb.meta.endpoint_url, tables) as process:
        process.aws.keys_are_away = True
        assert process.answer(mail.pixel)["headers"]["Content-Type"] == "image/gif"
        asked = process.answer(mail.click, mail.link)
        assert (asked["statusCode"], "Location" in asked["headers"], "shop.example" in asked["body"]) == (
            200,
            False,
            True,
        )
        assert "<form" in process.answer(mail.unsubscribe)["body"]
        assert process.answer(mail.unsubscribe, method="POST")["statusCode"] == 200
        assert process.answer(mail.pixel, method="HEAD")["statusCode"] == 200
        assert process.answer("/t/c/no-id", mail.link)["statusCode"] == 404
        assert "UpdateItem" not in process.aws.calls
        parked = [from_values(json.loads(text)) for text in process.aws.parked]
    assert all(isinstance(hit, UnverifiedHit) for hit in parked)
    assert [hit.kind for hit in parked] == [HitKind.OPEN, HitKind.CLICK, HitKind.UNSUBSCRIBE]
    keys = KeyRingSource(lambda: json.dumps({"current": 1, "1": KEY}))
    verified = [hit.verified(keys) for hit in parked if isinstance(hit, UnverifiedHit)]
    assert [(hit.lead_id, hit.link) for hit in verified if hit] == [(mail.lead_id, each) for each in (None, "1", None)]
