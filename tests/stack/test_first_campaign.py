"""A campaign from its leads to true numbers, on the deployed stack: over HTTP, with mails read from the inbox."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.recipients import BROWSER, follow, load_images, request
from local.stack import LocalStack
from tests.stack.marketer import Marketer

ENTITY = "first-campaign"
Until = Callable[[Callable[[], bool]], bool]

HTML = (
    "<html><body><P Class=x>Hello {{ lead.first_name }},\r\n"
    "<a href='https://shop.example/a?b=1&amp;c=%2B+x#top'>one</a> "
    '<A HREF = "https://shop.example/u/{{ lead.external_id }}">yours</A> '
    '<a href="mailto:team@shop.example">mail</a> <a href="#top">top</a> <a href="">none</a> '
    '<a data-no-track href="https://shop.example/plain">plain</a> '
    '<a href="{{ unsubscribe_url }}">leave</a></P></body></html>'
)


@pytest.fixture(scope="module")
def marketer(stack: LocalStack) -> Marketer:
    return Marketer(stack)


@pytest.fixture(scope="module")
def sent(marketer: Marketer, until: Until) -> dict[str, Any]:
    """A campaign sent to six leads: four reachable, one without address, one who left before."""
    lines = ["external_id,entity,stage,email,first_name,last_name,tags,city"]
    lines += [f"{n},{ENTITY},New,person{n}@first.example,Person {n},Ünï,vip;new,Bonn" for n in range(4)]
    lines += [f"4,{ENTITY},New,,Nobody,,,", f"5,{ENTITY},New,left@first.example,Left,,,"]
    imported = marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
    assert imported == {
        "created": 6,
        "updated": 0,
        "unchanged": 0,
        "repeated": 0,
        "new_groups": [{"entity": ENTITY, "stage": "New"}],
        "errors": [],
        "rejected": [],
        "without_email": 1,
        "custom_fields": ["city"],
    }
    again = marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
    assert again == {
        "created": 0,
        "updated": 0,
        "unchanged": 6,
        "repeated": 0,
        "new_groups": [],
        "errors": [],
        "rejected": [],
        "without_email": 1,
        "custom_fields": ["city"],
    }
    (left,) = marketer("GET", f"/v1/leads?entity={ENTITY}&q=left@")["items"]
    assert marketer("POST", f"/v1/leads/{left['lead_id']}/unsubscribe")["unsubscribed"]
    campaign = marketer(
        "POST",
        "/v1/campaigns",
        {
            "title": "First",
            "subject": "Hello {{ lead.first_name }}",
            "from_email": "news@shop.example",
            "html": HTML,
            "audience": {"entity": ENTITY, "stages": ["New"]},
        },
    )
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    assert marketer("GET", f"{path}/audience")["total"] == 5
    marketer("POST", f"{path}/send")
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    answer: dict[str, Any] = marketer("GET", path)
    return answer


def numbers(marketer: Marketer, campaign: dict[str, Any], *names: str) -> dict[str, int]:
    stats = marketer("GET", f"/v1/campaigns/{campaign['campaign_id']}/stats")
    return {name: stats[name] for name in names}


def lead_of(marketer: Marketer, number: int) -> dict[str, Any]:
    (lead,) = marketer("GET", f"/v1/leads?entity={ENTITY}&q=person{number}@")["items"]
    found: dict[str, Any] = lead
    return found


def test_a_sent_campaign_accounts_for_everybody(marketer: Marketer, sent: dict[str, Any]) -> None:
    counted = numbers(marketer, sent, "total", "sent", "failed", "skipped", "pending")
    assert counted == {"total": 5, "sent": 4, "failed": 1, "skipped": 0, "pending": 0}
    (failed,) = marketer("GET", f"/v1/campaigns/{sent['campaign_id']}/deliveries?status=failed")["items"]
    assert (failed["reason"], failed["email"], failed["sent_at"]) == ("missing_address", None, None)


def test_the_mail_is_the_authors_but_for_links_and_pixel(marketer: Marketer, sent: dict[str, Any]) -> None:
    (mail,) = marketer.mails("person0@first.example")
    assert mail.subject == "Hello Person 0"
    assert "<P Class=x>Hello Person 0,\r\n<a href=" in mail.html
    assert '<a href="mailto:team@shop.example">mail</a> <a href="#top">top</a> <a href="">none</a>' in mail.html
    assert '<a data-no-track href="https://shop.example/plain">plain</a>' in mail.html
    assert f'<a href="{mail.unsubscribe_url}">leave</a>' in mail.html
    assert mail.html.index("<img") < mail.html.index("</body>")
    assert len(mail.pixels) == 1
    assert sum("/t/c/" in link for link in mail.links) == 2
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "https://shop.example/plain" in mail.text


def test_a_click_leads_to_the_authors_address_character_for_character(marketer: Marketer, sent: dict[str, Any]) -> None:
    (mail,) = marketer.mails("person3@first.example")
    one, yours = [link for link in mail.links if "/t/c/" in link]
    assert request("HEAD", one)[1]["location"] == "https://shop.example/a?b=1&c=%2B+x#top"
    assert request("HEAD", yours)[1]["location"] == "https://shop.example/u/3"


def test_two_hundred_loads_at_once_are_one_open(marketer: Marketer, sent: dict[str, Any], until: Until) -> None:
    (mail,) = marketer.mails("person1@first.example")
    before = numbers(marketer, sent, "opened")["opened"]
    with ThreadPoolExecutor(40) as threads:
        list(threads.map(lambda _: load_images(mail), range(200)))
    assert until(lambda: numbers(marketer, sent, "opened")["opened"] == before + 1)
    (event,) = marketer("GET", f"/v1/leads/{lead_of(marketer, 1)['lead_id']}/timeline")["items"]
    assert (event["title"], event["subject"], event["icon"]) == ("Campaign: First", "Hello Person 1", "megaphone")
    assert event["opened"]["machine"] is False
    assert event["clicked"] is None


def test_a_click_counts_the_lead_the_link_and_shows_its_destination(
    marketer: Marketer, sent: dict[str, Any], until: Until
) -> None:
    def clicked() -> dict[str, int]:
        links = marketer("GET", f"/v1/campaigns/{sent['campaign_id']}/links")["items"]
        return {f"{link['link']} {link['text']}": link["clicked"] for link in links}

    before = clicked()
    (mail,) = marketer.mails("person2@first.example")
    tracked = [link for link in mail.links if "/t/c/" in link]
    assert follow(tracked[1]) == "https://shop.example/u/2"
    assert follow(tracked[1]) == "https://shop.example/u/2"
    assert until(lambda: clicked() == before | {"2m yours": 1})
    (event,) = marketer("GET", f"/v1/leads/{lead_of(marketer, 2)['lead_id']}/timeline")["items"]
    assert event["clicked"]["url"] == "https://shop.example/u/2"
    listed = marketer("GET", f"/v1/campaigns/{sent['campaign_id']}/deliveries?clicked=true")["items"]
    clicks = {each["lead_id"]: each["delivery_id"] for each in listed}
    assert clicks[lead_of(marketer, 2)["lead_id"]] in tracked[1]


def test_looking_at_the_unsubscribe_page_changes_nothing_and_confirming_does(
    marketer: Marketer, sent: dict[str, Any], until: Until
) -> None:
    (mail,) = marketer.mails("person3@first.example")
    lead_path = f"/v1/leads/{lead_of(marketer, 3)['lead_id']}"
    for method in ("GET", "HEAD", "GET"):
        assert request(method, mail.unsubscribe_url)[0] == 200
    assert not marketer("GET", lead_path)["unsubscribed"]
    assert request("POST", mail.unsubscribe_url, {"List-Unsubscribe": "One-Click"})[0] == 200
    assert request("POST", mail.unsubscribe_url, {"confirm": "yes"})[0] == 200
    (mark,) = marketer("GET", f"{lead_path}/suppressions")["items"]
    said = (mark["reason"], mark["source"], mark["campaign_id"])
    assert said == ("unsubscribed", "one_click", sent["campaign_id"])
    assert until(lambda: numbers(marketer, sent, "unsubscribed")["unsubscribed"] == 1)


@pytest.mark.parametrize("bad", ["x", "A" * 48, "A" * 500, "%00%ff"])
def test_a_forged_id_gets_the_pixel_or_a_page_and_counts_nothing(
    marketer: Marketer, sent: dict[str, Any], stack: LocalStack, bad: str
) -> None:
    status, headers, body = request("GET", f"{stack.tracking_url}/t/o/{bad}.gif")
    assert (status, headers["content-type"], len(body)) == (200, "image/gif", 43)
    status, headers, _ = request("GET", f"{stack.tracking_url}/t/c/{bad}?l=1&u=https%3A%2F%2Fevil.example&s=x")
    assert (status, "location" in headers) == (404, False)
    assert request("GET", f"{stack.tracking_url}/t/u/{bad}")[0] == 404
    assert request("POST", f"{stack.tracking_url}/t/u/{bad}", {"confirm": "yes"})[0] == 404


def test_another_destination_under_a_genuine_signature_is_refused(marketer: Marketer, sent: dict[str, Any]) -> None:
    (mail,) = marketer.mails("person0@first.example")
    tracked = next(link for link in mail.links if "/t/c/" in link)
    status, headers, _ = request("GET", tracked.replace("shop.example", "evil.example"))
    assert (status, "location" in headers) == (404, False)


def test_numbers_equal_a_recount_of_the_deliveries(marketer: Marketer, sent: dict[str, Any], until: Until) -> None:
    (mail,) = marketer.mails("person0@first.example")
    before = numbers(marketer, sent, "opened", "clicked")
    load_images(mail)
    follow(next(link for link in mail.links if "/t/c/" in link))
    path = f"/v1/campaigns/{sent['campaign_id']}"
    # A hit that the tables do not take at once is counted when it comes back.
    expected = {name: count + 1 for name, count in before.items()}
    assert until(lambda: numbers(marketer, sent, "opened", "clicked") == expected)
    assert until(lambda: marketer.has_settled(path))
    recounted = marketer.recount(path)
    assert (recounted["state"], recounted["repaired"]) == ("done", False)
    stats = marketer("GET", f"{path}/stats")
    assert {name: recounted["after"][name] for name in ("sent", "failed", "opened", "clicked")} == {
        name: stats[name] for name in ("sent", "failed", "opened", "clicked")
    }


def test_the_browser_that_recipients_use_is_a_persons() -> None:
    from chalicelib.tracking.agents import machine_reason

    assert machine_reason(BROWSER, click=True) is None
