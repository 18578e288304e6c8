"""The message reads back, by the standard library, as exactly what was meant."""

import email
import email.policy
import quopri
import re
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.body import encode_piece, finish
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import AddressInvalid
from chalicelib.content.message import build_message
from chalicelib.content.render import Renderer
from tests.unit.content.mails import (
    CAMPAIGN,
    DELIVERY_ID,
    LEAD,
    UNSUBSCRIBE_URL,
    Tracking,
    compiled_html,
    source_of,
)

DATE = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=1)))
anything = st.text(st.characters(exclude_categories=()), max_size=120)


def message_of(
    html: str | None = "<p>Hi</p>",
    text: str | None = None,
    lead: dict[str, object] | None = None,
    to_email: str = "zoe@mail.example",
    to_name: str | None = None,
    **more: object,
) -> bytes:
    compiled = compile_content(source_of(html, text, **more), Tracking())  # type: ignore[arg-type]
    rendered = Renderer(compiled, Tracking()).render(
        LEAD if lead is None else lead, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL
    )
    return build_message(
        rendered,
        to_email=to_email,
        to_name=to_name,
        date=DATE,
        message_id="<1.abc@shop.example>",
        unsubscribe_url=UNSUBSCRIBE_URL,
        feedback_id="cmp_1:shop:leadflip",
        headers={"X-Entity": "Käse"},
    )


def read(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    for part in parsed.walk():
        assert not part.defects
    return parsed


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def lines_of(text: str) -> str:
    return text.replace("\r\n", "\n")


def name_in(message: EmailMessage) -> str:
    """The recipient's name; unlike `addresses`, this joins encoded words without a space (RFC 2047, 6.2)."""
    raw = dict(message.raw_items())["To"]
    name, _, _ = str(make_header(decode_header(raw))).rpartition(" <")
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if raw.startswith('"') else name


def assert_fit_for_the_wire(message: bytes) -> None:
    assert message.isascii()
    assert b"\0" not in message
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", message)
    assert max(map(len, message.split(b"\r\n"))) <= 998


def test_the_headers_a_campaign_mail_needs() -> None:
    parsed = read(message_of(subject="Grüße!", from_name="Käse & Co", reply_to="help@shop.example", to_name="Zoë"))
    assert parsed["Subject"] == "Grüße!"
    assert parsed["From"].addresses == (Address("Käse & Co", "news", "shop.example"),)
    assert parsed["To"].addresses == (Address("Zoë", "zoe", "mail.example"),)
    assert parsed["Reply-To"].addresses == (Address("", "help", "shop.example"),)
    assert parsedate_to_datetime(parsed["Date"]) == DATE
    assert parsed["Message-ID"] == "<1.abc@shop.example>"
    assert parsed["List-Unsubscribe"] == f"<{UNSUBSCRIBE_URL}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Feedback-ID"] == "cmp_1:shop:leadflip"
    assert parsed["X-Entity"] == "Käse"
    assert parsed["MIME-Version"] == "1.0"
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]


def test_a_header_is_cut_before_mail_servers_do_it() -> None:
    """A template can write megabytes, also into a subject.

    Postfix keeps 100 KB of a header and throws the rest away (https://www.postfix.org/postconf.5.html,
    header_size_limit): the mail would end up cut within an encoded word, or refused.
    """
    long = "ü and " * 2_500
    subject = "{% for i in range(10) %}{{ lead.first_name }}{% endfor %}"
    parsed = read(message := message_of(subject=subject, to_name=long, lead={"first_name": long}))
    assert (len(parsed["Subject"]), len(name_in(parsed))) == (998, 998)
    assert long.startswith(parsed["Subject"])
    assert len(message.partition(b"\r\n\r\n")[0]) < 8_192


def test_a_text_only_mail_is_one_part_and_links_stay_untouched() -> None:
    parsed = read(message_of(None, "Hi {{ lead.first_name }}\nhttps://x.example/?a=1"))
    assert parsed.get_content_type() == "text/plain"
    assert (
        lines_of(parsed.get_content()) == f"Hi Zoë\nhttps://x.example/?a=1\n\n-- \nUnsubscribe: {UNSUBSCRIBE_URL}\n\n"
    )
    assert not compile_content(source_of(None, "x"), Tracking()).tracked


def test_real_mails_read_back_as_rendered(real_mails: dict[str, str]) -> None:
    for mail in real_mails.values():
        compiled = compiled_html(mail, subject="S {{ lead.first_name }}")
        rendered = Renderer(compiled, Tracking()).render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)
        message = build_message(
            rendered,
            to_email="a@b.example",
            to_name=None,
            date=DATE,
            message_id="1@x",
            unsubscribe_url="u",
            feedback_id="f",
        )
        assert_fit_for_the_wire(message)
        parsed = read(message)
        assert lines_of(body(parsed, "html")) == lines_of(rendered.html or "")
        assert lines_of(body(parsed, "plain")) == lines_of(rendered.text)


@settings(max_examples=200, deadline=None)
@given(subject=anything, name=anything, reply_to=anything, value=anything)
def test_no_value_of_a_lead_makes_a_second_header(subject: str, name: str, reply_to: str, value: str) -> None:
    lead: dict[str, object] = {"first_name": subject, "last_name": name, "fields": {"r": reply_to, "v": value}}
    message = message_of(
        "<p>{{ lead.fields.v }}</p>",
        lead=lead,
        to_name=name,
        subject="{{ lead.first_name }}",
        from_name="{{ lead.last_name }}",
        reply_to="{{ lead.fields.r }}",
    )
    assert_fit_for_the_wire(message)
    parsed = read(message)
    expected = {
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "feedback-id",
    }
    assert {key.lower() for key in parsed} - {"reply-to"} == expected | {"x-entity", "mime-version", "content-type"}
    assert [str(address.addr_spec) for address in parsed["To"].addresses] == ["zoe@mail.example"]


ATTACKS = (
    "a\r\nBcc: x@y.example",
    "a\nBcc: x",
    "a\rBcc: x",
    "a\0b",
    "a\u2028Bcc: x",
    "a\x85b",
    "a\x0bb",
    "a\r\n\r\nbody",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_line_breaks_in_headers_become_spaces(attack: str) -> None:
    parsed = read(
        message_of(
            lead={"first_name": attack, "email": attack},
            to_name=attack,
            subject="S {{ lead.first_name }} e",
            from_name="{{ lead.first_name }}",
            reply_to="{{ lead.email }}",
        )
    )
    plain = re.sub("[\r\n\0\u2028\x85\x0b]+", " ", attack)
    assert parsed["Subject"] == f"S {plain} e"
    assert parsed["To"].addresses[0].display_name == plain
    assert parsed["From"].addresses[0].display_name == plain
    assert parsed["Bcc"] is None
    assert parsed["Reply-To"] is None


printable = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(words=st.lists(printable, min_size=1, max_size=40))
def test_subjects_and_names_of_every_script_arrive(words: list[str]) -> None:
    text = " ".join(words)
    parsed = read(message_of(subject="{{ lead.first_name }}", lead={"first_name": text}, to_name=text))
    assert str(parsed["Subject"]) == text
    assert name_in(parsed) == text


AWKWARD_NAMES = (
    'Dr. "Bob" O\'Neil, Jr.',
    "a\\b",
    "=?utf-8?B?eA==?=",
    "名前" * 40,
    "x" * 300,
    "two  spaces",
    "(c) <a@b.example>",
)


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_awkward_display_names_arrive(name: str) -> None:
    assert name_in(read(message_of(to_name=name))) == name


NO_ADDRESSES = (
    *("", "a", "a@", "@b.example", "a@b", "a@-", "a b@c.example", "a@b..example", "a..b@c.example", "<a@b.example>"),
    *("a@b.example,c@d.example", "a@b.example\r\nBcc: c@d.example", "a@b@c.example", "a@b.c"),
    *("j\u00f6rg@b.example", "a" * 65 + "@b.example", "a@" + "\u00fc" * 70 + ".example"),
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_an_address_that_cannot_be_sent_to_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid) as caught:
        message_of(to_email=address)
    assert caught.value.header == "To"
    assert len(address) < 3 or address not in str(caught.value)


def test_international_domains_go_out_in_ascii() -> None:
    assert read(message_of(to_email="a@b\u00fccher.example"))["To"].addresses[0].domain == "xn--bcher-kva.example"


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(
        st.text(
            st.sampled_from("ab =.\t\n\r\u00e9\u4e2d\U0001f600\x00_-X") | st.characters(codec="utf-8"),
            max_size=90,
        ),
        max_size=6,
    )
)
def test_encoded_pieces_join_to_the_same_text(pieces: list[str]) -> None:
    encoded = finish(b"".join(map(encode_piece, pieces)))
    text = "".join(lines_of(piece) for piece in pieces)
    decoded = quopri.decodestring(encoded).replace(b"\r\n", b"\n")
    assert decoded == text.encode()
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert not re.search(rb"[ \t](\r\n|$)", encoded)


def test_bytes_that_are_no_utf_8_leave_as_they_came() -> None:
    written = b"<p>caf\xe9 \xff</p>\r\n"
    part = read(message_of(written.decode("utf-8", "surrogateescape") + "{{ lead.first_name }}")).get_body(("html",))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.startswith(written + "Zoë".encode())


def test_the_date_is_correct_in_every_zone() -> None:
    assert parsedate_to_datetime(read(message_of())["Date"]).astimezone(UTC) == DATE.astimezone(UTC)
