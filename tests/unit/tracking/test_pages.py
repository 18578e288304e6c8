"""The page that stands in for a redirect that nothing vouches for: it names the host that a browser would go to."""

from dataclasses import asdict

import pytest

from chalicelib.model.workspace import Language, Theme, Workspace
from chalicelib.tracking.pages import (
    _TEXTS,
    ask_before_leaving,
    confirm_unsubscribing,
    host_of,
    masked,
    unsubscribed,
)
from chalicelib.tracking.workspace_source import WorkspaceSource

PLAIN = Workspace()
GERMAN = Workspace(
    name="Müller & Söhne",
    theme=Theme(logo_url="https://cdn.mueller.example:8443/logo.png?a=1&b=2"),
    language=Language.DE,
)


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
    response = ask_before_leaving('https://shop.example/?q="><script>alert(1)</script>', PLAIN)
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert "<script>" not in response.body
    assert "<strong>shop.example</strong>" in response.body
    assert "http-equiv" not in response.body


def test_a_destination_without_a_host_is_not_found() -> None:
    assert ask_before_leaving("javascript:alert(1)", PLAIN).status_code == 404


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
    assert "<strong>a***@shop.example</strong>" in confirm_unsubscribing("ada<b>@shop.example", PLAIN).body
    assert "You will no longer receive" in confirm_unsubscribing(None, PLAIN).body


def test_unsubscribing_from_a_test_says_that_it_is_one() -> None:
    assert "This is a test email" in confirm_unsubscribing(None, PLAIN, is_test=True).body
    done = unsubscribed(PLAIN, is_test=True).body
    assert "Nobody was unsubscribed" in done
    assert "no longer receive" not in done


def test_every_language_has_its_texts() -> None:
    assert set(_TEXTS) == set(Language)
    english = asdict(_TEXTS[Language.EN])
    others = [asdict(texts) for language, texts in _TEXTS.items() if language is not Language.EN]
    untranslated = [name for name in english for texts in others if texts[name] == english[name]]
    assert untranslated == []


def test_a_page_has_the_workspaces_language_logo_and_name() -> None:
    response = confirm_unsubscribing("ada.lovelace@shop.example", GERMAN)
    assert '<html lang="de">' in response.body
    assert (
        "<strong>a***@shop.example</strong> erhält künftig keine Werbe-E-Mails wie diese mehr von Müller &amp; Söhne."
        in response.body
    )
    assert 'src="https://cdn.mueller.example:8443/logo.png?a=1&amp;b=2" alt="Müller &amp; Söhne"' in response.body
    done = unsubscribed(GERMAN).body
    assert "Sie sind abgemeldet" in done
    assert "Sie erhalten künftig keine Werbe-E-Mails wie diese mehr von Müller &amp; Söhne." in done
    assert "Weiter zu shop.example" in ask_before_leaving("https://shop.example/", GERMAN).body


def test_images_come_from_the_logos_host_alone_and_no_address_is_passed_on() -> None:
    policy = str(unsubscribed(GERMAN).headers["Content-Security-Policy"])
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; img-src https://cdn.mueller.example:8443")
    assert "img-src" not in str(unsubscribed(PLAIN).headers["Content-Security-Policy"])
    assert "<img" not in unsubscribed(PLAIN).body
    assert unsubscribed(GERMAN).headers["Referrer-Policy"] == "no-referrer"


def test_the_workspace_is_read_once_a_minute_and_kept_while_it_cannot_be() -> None:
    now, reads, answers = [1_000.0], [], [GERMAN, None, PLAIN]

    def read() -> Workspace:
        reads.append(now[0])
        answer = answers.pop(0)
        if answer is None:
            raise TimeoutError
        return answer

    source = WorkspaceSource(read, lambda: now[0])
    for at, expected in ((1_000.0, GERMAN), (1_059.0, GERMAN), (1_060.0, GERMAN), (1_061.0, GERMAN), (1_120.0, PLAIN)):
        now[0] = at
        assert source() == expected
    assert reads == [1_000.0, 1_060.0, 1_120.0]


def test_pages_are_plain_while_the_workspace_was_never_read() -> None:
    def read() -> Workspace:
        raise TimeoutError

    assert WorkspaceSource(read)() == Workspace()
