"""The pages for people, as HTML."""

from __future__ import annotations

import quopri
import re

import pytest

from tests.unit.inbox.running_inbox import Answer, RunningInbox

HEAD = b"From: News <news@leadflip.example>\r\nSubject: Hello\r\n"
HOSTILE = "<img src=x onerror=alert(1)>\"'&\u202etxt"


def html_mail(html: bytes, charset: bytes = b"utf-8") -> bytes:
    kind = b"Content-Type: text/html; charset=" + charset + b"\r\n"
    return HEAD + kind + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring(html)


def framed(inbox: RunningInbox, content: bytes) -> Answer:
    return inbox.request("GET", f"/messages/{inbox.send(content)}/html")


def test_an_empty_inbox_says_so(inbox: RunningInbox) -> None:
    assert "No emails yet" in inbox.request("GET", "/").text


def test_the_newest_mail_is_listed_first(inbox: RunningInbox) -> None:
    ids = [inbox.send() for _ in range(3)]
    assert re.findall(r'href="/messages/([^"]+)"', inbox.request("GET", "/").text) == ids[::-1]


def test_the_list_has_pages_of_fifty(inbox: RunningInbox) -> None:
    client = inbox.ses()
    for number in range(51):
        client.send_email(
            FromEmailAddress="news@leadflip.example",
            Destination={"ToAddresses": [f"lead{number}@example.com"]},
            Content={"Raw": {"Data": HEAD + b"\r\n"}},
        )
    first, second = inbox.request("GET", "/").text, inbox.request("GET", "/?page=2").text
    assert (first.count("<tr><td>"), second.count("<tr><td>")) == (50, 1)
    assert "lead0@example.com" in second
    assert 'href="/?page=2">Older' in first
    assert "Page 2 of 2" in second
    assert inbox.request("GET", "/?page=99999").text == second


def test_mails_are_found_by_recipient_and_by_subject(inbox: RunningInbox) -> None:
    inbox.send(to="ada@example.com")
    inbox.send(HEAD.replace(b"Hello", b"Farewell") + b"\r\n", to="bob@example.com")
    assert "Farewell" not in inbox.request("GET", "/?q=ADA").text
    assert "bob@example.com" in inbox.request("GET", "/?q=farewell").text
    assert "No emails match" in inbox.request("GET", "/?q=nobody").text


def test_nothing_of_a_mail_becomes_markup_of_the_page(inbox: RunningInbox) -> None:
    hostile = HOSTILE.encode()
    content = b'From: "' + hostile.replace(b'"', b"") + b'" <news@leadflip.example>\r\nSubject: ' + hostile
    content += b"\r\nList-Unsubscribe: " + hostile + b"\r\n\r\n" + hostile
    message_id = inbox.send(content, EmailTags=[{"Name": "a", "Value": "b"}])
    paths = ("/", f"/messages/{message_id}", f"/messages/{message_id}?view=source", "/?q=%3Cimg%20src%3Dx%3E")
    for text in (inbox.request("GET", path).text for path in paths):
        assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;" in inbox.request("GET", "/").text


def test_the_page_may_load_its_style_sheet_and_the_frame_only(inbox: RunningInbox) -> None:
    answer = inbox.request("GET", "/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in answer.text
    assert inbox.request("GET", "/page.css").headers["content-type"].startswith("text/css")


def test_html_is_framed_without_scripts_and_without_the_inboxs_origin(inbox: RunningInbox) -> None:
    message_id = inbox.send(html_mail(b"<p>Hi"))
    page = inbox.request("GET", f"/messages/{message_id}").text
    (frame,) = re.findall(r"<iframe [^>]+>", page)
    assert f'src="/messages/{message_id}/html"' in frame
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame
    policy = inbox.request("GET", f"/messages/{message_id}/html").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:")


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        (b"<p>Hi", '<base target="_blank"><p>Hi'),
        (b"<!DOCTYPE html><html><head>", '<!DOCTYPE html><base target="_blank"><html><head>'),
        (b"\xef\xbb\xbf <!-- <head> --><!doctype html>x", ' <!-- <head> --><!doctype html><base target="_blank">x'),
    ],
)
def test_links_open_in_a_new_tab_in_the_authors_rendering_mode(inbox: RunningInbox, html: bytes, shown: str) -> None:
    assert framed(inbox, html_mail(html)).text.rstrip() == shown


def test_the_pixel_and_the_links_stay_as_they_were_sent(inbox: RunningInbox) -> None:
    html = b'<a href="http://track.example/t/c/abc?l=1&amp;u=x">go</a><img src="http://track.example/t/o/abc.gif">'
    assert html.decode() in framed(inbox, html_mail(html)).text


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
def test_any_charset_is_shown_in_utf_8(inbox: RunningInbox, charset: str) -> None:
    answer = framed(inbox, html_mail("<p>Grüße".encode(charset), charset.encode()))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<p>Grüße" in answer.text


@pytest.mark.parametrize("charset", [b"no-such", b"utf-16", b'"', b"utf-8'"])
def test_a_wrong_charset_breaks_nothing(inbox: RunningInbox, charset: bytes) -> None:
    assert framed(inbox, html_mail(b"<p>plain", charset)).status == 200


def test_a_mail_with_both_parts_has_tabs(inbox: RunningInbox) -> None:
    parts = (
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHallo & <b>du</b>\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<b>Hallo</b>\r\n"
        b"--b\r\nContent-Disposition: attachment; filename=offer.pdf\r\n\r\nx\r\n--b--\r\n"
    )
    message_id = inbox.send(HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts)
    page = inbox.request("GET", f"/messages/{message_id}").text
    assert re.findall(r'\?view=(\w+)"( aria-current)?', page) == [
        ("html", " aria-current"),
        ("text", ""),
        ("source", ""),
    ]
    assert "offer.pdf" in page
    text = inbox.request("GET", f"/messages/{message_id}?view=text").text
    assert "<pre>Hallo &amp; &lt;b&gt;du&lt;/b&gt;" in text
    assert "<iframe" not in text  # reading the text is no open


@pytest.mark.parametrize(
    "content",
    [
        b"From: a@leadflip.example",
        HEAD + b"Content-Type: multipart/alternative; boundary=none\r\n\r\nnothing",
        HEAD + b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
        HEAD + b"Subject: =?utf-8?b?%%%?= =?nope?q?x?=\r\n\r\n",
        HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(600)),
    ],
    ids=["no body", "no part", "bad base64", "bad words", "deep"],
)
def test_a_broken_mail_can_still_be_opened(inbox: RunningInbox, content: bytes) -> None:
    message_id = inbox.send(content)
    assert inbox.request("GET", "/").status == 200
    assert inbox.request("GET", f"/messages/{message_id}").status == 200
    assert inbox.request("GET", f"/messages/{message_id}?view=source").status == 200


def test_a_mail_that_is_not_there_is_a_page_too(inbox: RunningInbox) -> None:
    answer = inbox.request("GET", "/messages/0100-0")
    assert (answer.status, "This email does not exist" in answer.text) == (404, True)


def test_only_the_inboxs_own_button_empties_it(inbox: RunningInbox) -> None:
    inbox.send()
    assert inbox.request("POST", "/empty", headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    assert inbox.request("POST", "/empty").status == 403
    assert len(inbox.messages()) == 1
    assert inbox.request("POST", "/empty", headers={"Sec-Fetch-Site": "same-origin"}).status == 303
    assert inbox.messages() == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/website", "/"),
        ("/website/pricing?plan=Gold&amp=%3Cb%3E", "/pricing?plan=Gold&amp;amp=%3Cb%3E"),
        ("/website/%3Cscript%3E", "/&lt;script&gt;"),
    ],
)
def test_the_example_mails_links_lead_to_a_page_that_says_where(inbox: RunningInbox, path: str, shown: str) -> None:
    answer = inbox.request("GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<code><bdi>{shown}</bdi></code>" in answer.text
    assert "has been counted" not in answer.text  # it is opened by hand, too
    assert inbox.request("GET", "/websites").status == 404
