"""The generated text part reads like a letter."""

import pytest

from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.render import Renderer
from chalicelib.model.workspace import Language
from tests.unit.content.made import proven
from tests.unit.content.mails import CAMPAIGN, DELIVERY_ID, LEAD, UNSUBSCRIBE_URL, Tracking, source_of

FOOTER = f"\n-- \nUnsubscribe: {UNSUBSCRIBE_URL}\n"


def text_of(html: str, text: str | None = None) -> str:
    compiled = compile_content(source_of(html, text), Tracking())
    return Renderer(compiled, Tracking()).render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One\n two</p><p>Three</p>", "One two\n\nThree\n"),
        ("a<br>b<br/><br>c", "a\nb\n\nc\n"),
        ("<ul><li>one<li>two</ul>", "- one\n- two\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
        ("<style>p{}</style><title>t</title><script>x</script><!-- c --><p>a</p>", "a\n"),
        ("<!--[if mso]><p>mso</p><![endif]--><![if !mso]><p>other</p><![endif]>", "other\n"),
        ('<a href="https://x.example/"> Shop </a>now', "Shop (https://x.example/) now\n"),
        ("<p>x &amp; y&nbsp;&lt;z&gt;</p>", "x & y <z>\n"),
        ('<a href="https://x.example/?a=1&amp;b=2">Shop</a> now', "Shop (https://x.example/?a=1&b=2) now\n"),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/\n"),
        ('<a href="mailto:a@b.example">a@b.example</a> <a href="#x">up</a>', "a@b.example up\n"),
        ('<a href="https://x.example/"><img src="l.png" alt="Logo"></a>', "Logo (https://x.example/)\n"),
        ('<a href="https://x.example/"><img src="l.png" alt=""></a>', "https://x.example/\n"),
        ('<div style="display: none">preheader<div>x</div></div><p>a</p>', "a\n"),
        ("<p>Hi {{ lead.first_name }}!</p>{% if lead.id %}{{ lead.tags }}{% endif %}", "Hi Zoë!\n\nvip, early bird\n"),
        ("<p {% if lead.id %}class=x{% endif %}>a</p>", "a\n"),
        ("<style>{% if lead.id %}p{}{% endif %}</style>{% if not lead.id %}<style>a{}</style>{% endif %}b", "b\n"),
        ('<a href="https://x.example/{{ lead.id }}">x</a>', "x (https://x.example/lead_1)\n"),
        ('<a href="{% if lead.id %}https://x.example/{% endif %}">x</a>', "x (https://x.example/)\n"),
        ("&#123;&#123; lead.id }} <a href='https://x.example/&#123;%'>x</a>", "{{ lead.id }} x (https://x.example/{%)\n"),
        ("one<hr>two", "one\n\n---\n\ntwo\n"),
    ],
)  # fmt: skip
def test_html_reads_as_text(html: str, text: str) -> None:
    assert text_of(html) == text + FOOTER


def test_the_unsubscribe_url_is_there_once() -> None:
    assert text_of("<p>a</p><a href='{{ unsubscribe_url }}'>Leave</a>") == f"a\n\nLeave ({UNSUBSCRIBE_URL})\n"
    assert text_of("<p>a</p>", "Bye: {{ unsubscribe_url }}") == f"Bye: {UNSUBSCRIBE_URL}"


def test_the_authors_own_text_is_kept() -> None:
    assert text_of("<p>a</p>", "  Hi <b> & {{ lead.last_name }}\r\n") == "  Hi <b> & O'Neil & <Sons>\r\n" + FOOTER


def test_a_mail_whose_html_is_hidden_all_over_still_has_words() -> None:
    assert text_of('<div style="display:none">a</div>') == "a\n" + FOOTER


def test_real_mails_give_readable_text(real_mails: dict[str, str]) -> None:
    for name, mail in real_mails.items():
        text = text_of(mail)
        assert "\n\n\n" not in text, name
        assert not any(line != line.rstrip() for line in text.split("\n") if line != "-- "), name


def test_lists_in_each_other_do_not_make_the_text_grow_with_their_square() -> None:
    html = "<ul><li>x" * 2_000
    assert text_of(html).startswith("- x\n\n  - x\n\n    - x\n")
    assert len(text_of(html)) < 10 * len(html)


def test_what_is_added_for_recipients_is_in_the_workspaces_language() -> None:
    source = source_of("<p>Hallo</p>", language=Language.DE)
    mail = Renderer(proven(source), Tracking()).render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)
    assert f'href="{UNSUBSCRIBE_URL}">Abmelden</a>' in (mail.html or "")
    assert mail.text.endswith(f"\n-- \nAbmelden: {UNSUBSCRIBE_URL}\n")


def test_a_mail_whose_text_cannot_be_made_is_refused() -> None:
    with pytest.raises(ContentInvalid, match="more than 5,000 merge tags"):
        text_of("<p>&#123;" * 3_000)
