"""The page that stands in for a redirect that nothing vouches for: it names the host that a browser would go to."""

import pytest

from chalicelib.tracking.pages import ask_before_leaving, confirm_unsubscribing, host_of, masked


@pytest.mark.parametrize(
    ("destination", "host"),
    [
        ("https://shop.example/a?b=c#d", "shop.example"),
        ("HTTP://shop.example:8080", "shop.example"),
        ("https://münchen.example/", "xn--mnchen-3ya.example"),
        ("https://good.example@evil.example/", None),
        ("https://evil.example\\@good.example/", None),
        ("https:///evil.example", None),
        ("https://good.example\t.evil.example/", None),
        ("//evil.example", None),
        ("javascript:alert(1)", None),
        ("data:text/html,hello", None),
        ("", None),
    ],
)
def test_a_host_is_named_only_where_there_is_no_doubt(destination: str, host: str | None) -> None:
    assert host_of(destination) == host


def test_the_page_leads_on_by_a_click_alone() -> None:
    response = ask_before_leaving('https://shop.example/?q="><script>alert(1)</script>')
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert "<script>" not in response.body
    assert "<strong>shop.example</strong>" in response.body
    assert "http-equiv" not in response.body


def test_a_destination_without_a_host_is_not_found() -> None:
    assert ask_before_leaving("javascript:alert(1)").status_code == 404


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ada@shop.example", "a***@shop.example"),
        ("ada.lovelace+news@shop.example", "a***@shop.example"),
        ("al@shop.example", "***@shop.example"),
        ("a@shop.example", "***@shop.example"),
    ],
)
def test_an_address_is_shown_so_that_only_its_owner_knows_it(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_the_page_that_asks_shows_the_masked_address_and_works_without_it() -> None:
    assert "<strong>a***@shop.example</strong>" in confirm_unsubscribing("ada<b>@shop.example").body
    assert "You will no longer receive" in confirm_unsubscribing(None).body
