"""A mail in Markdown is what its author means, in the workspace's theme; errors name the author's line."""

import re
from contextlib import suppress
from html import escape, unescape
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.made_html import made_of
from chalicelib.content.merge_tags import find_tags
from chalicelib.content.preflight import AudienceFacts, preflight_findings
from chalicelib.content.proof import prove
from chalicelib.model.campaign import Body
from chalicelib.model.workspace import Language, Theme, Workspace, contrast_with_white
from tests.unit.content.made import html_of, made_source, proven, rendered
from tests.unit.content.mails import Tracking


def body_of(markdown: str) -> str:
    """What is between logo and footer, without styles and the scaffold of tables."""
    html = html_of(markdown)
    html = html[html.index("Acme &amp; Sons</strong>") : html.index("1 Main Street")]
    html = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    html = re.sub(r' (?:style|class|width|border|cellpadding|cellspacing|role|align|valign|target)="[^"]*"', "", html)
    return re.sub(r"</?(?:table|tbody|tr|td|div)>|</?strong>(?=</?(?:table|tbody|tr|td|div)>)", "", html)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# A *b*", "<h1>A <em>b</em></h1>"),
        ("One\ntwo", "<p>One<br>\ntwo</p>"),
        ("- a\n- b\n  1. c", "<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>"),
        ("> Said", "<blockquote><p>Said</p></blockquote>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        ("<b onclick=x>hi</b>", "<p>&lt;b onclick=x&gt;hi&lt;/b&gt;</p>"),
        ("    indented", "<p>indented</p>"),
        ("- a\n\n  ---\n\n  b", "<ul><li><p>a</p><hr><p>b</p></li></ul>"),
        ("a\n\n---\n\nb", "<p>a</p><p></p><p>b</p>"),
        ("- {% if lead.id %}\n  VIP\n  {% endif %}", "<ul><li>VIP</li></ul>"),
        ("See ![A](https://i.example/a.png)!", '<p>See <img src="https://i.example/a.png" alt="A">!</p>'),
        ("&#xA000;s0&#xA000; &#xA000;v9&#xA000;", "<p>ꀀs0ꀀ ꀀv9ꀀ</p>"),
        ("&#123;&#123; x }} \\{\\{ y }}", "<p>&#123;&#123; x }} &#123;&#123; y }}</p>"),
        ('![A "b"](https://i.example/a.png)', 'alt="A &quot;b&quot;"'),
    ],
)
def test_blocks(markdown: str, expected: str) -> None:
    assert expected in body_of(markdown)


def test_the_last_paragraph_of_a_quote_or_an_item_keeps_no_distance() -> None:
    html = html_of("> a\n>\n> b\n\n- x\n\n  y\n\nz")
    assert re.findall(r'<p style="margin:([^"]*)">', html) == ["0 0 16px", "0", "0 0 16px", "0", "0 0 16px"]


def test_arabic_and_hebrew_are_written_from_right_to_left() -> None:
    source = made_source("{{ lead.first_name }}، **مرحبا** shop\n\nHello مرحبا\n\n- שלום\n\n# 20 مرحبا")
    proven(source)
    html = source.html or ""
    assert re.findall(r'<(\w+) dir="rtl" style="[^"]*text-align:right[^"]*"', html) == ["p", "ul", "h1"]
    assert ">Hello مرحبا</p>" in html


def test_tables_quotes_and_buttons_have_the_direction_of_their_first_letter() -> None:
    source = made_source(
        "> שלום\n>\n> Hello\n\n| # | שם |\n|---|:--|\n| 5 | תפוח |\n\n> Hello שלום\n\n| A | שם |\n|---|---|"
    )
    assert re.search(r'<td align="right"[^>]*lf-button', html_of("[קנו](https://shop.example) {button}"))
    proven(source)
    html = source.html or ""
    assert re.findall(r'"lf-quote" style="border-(\w+):[^;]*;padding:([^"]*)"', html) == [
        ("right", "2px 18px 2px 0"),
        ("left", "2px 0 2px 18px"),
    ]
    assert ">Hello</p>" in html, "in a quote, every paragraph has its own direction"
    # Outlook knows the attributes and no logical borders and paddings.
    cells = re.findall(
        r'<(table|th|td)( dir="rtl")?(?: width="100%"[^>]*| align="(\w+)" style="padding:([^;]*)[^>]*)>', html
    )
    right, left = (' dir="rtl"', "right", "8px 0 8px 12px"), ("", "left", "8px 12px 8px 0")
    asked = (' dir="rtl"', "left", "8px 0 8px 12px")
    of_tables = cells[cells.index(("table", ' dir="rtl"', "", "")) :]
    assert [each[1:] for each in of_tables if each[0] != "table"] == [right, asked, right, asked, left, left]


def test_the_first_heading_keeps_no_distance_above() -> None:
    html = html_of("# A\n\n## B\n\n### C")
    assert re.findall(r'<h\d style="margin:([^;]*)', html) == ["0px 0 20px", "32px 0 12px", "24px 0 8px"]


@settings(max_examples=20)
@given(st.integers(0, 0xFFFFFF).map("#{:06x}".format).filter(lambda colour: contrast_with_white(colour) >= 4.5))
def test_links_can_be_read_on_dark_screens_whatever_the_accent(accent: str) -> None:
    html = made_source("[a](https://a.example)", workspace=Workspace("A", Theme(accent))).html or ""
    dark = html[html.index("prefers-color-scheme:dark") :]
    link, card = (re.search(rf"{of}{{[^}}]*color:(#\w{{6}})", dark) for of in (r"\.lf-text a", r"\.lf-card>table"))
    assert link is not None
    assert card is not None
    assert contrast_with_white(card[1]) / contrast_with_white(link[1]) >= 4.5


def test_without_an_address_and_with_a_link_of_the_authors_own_there_is_no_footer() -> None:
    source = made_source("[Leave]({{ unsubscribe_url }})", workspace=Workspace("A"))
    assert 'lf-footer"' not in (source.html or "")


def test_a_link_marked_as_a_button_is_one() -> None:
    html = html_of("Text\n\n[Buy **now**](https://shop.example/?a=1&b=2) {button}")
    assert "{button}" not in html
    button = html[html.rindex("<td", 0, html.index("Buy <strong>now</strong>")) :]
    assert 'bgcolor="#3b4fc4"' in button
    assert "u=https%3A%2F%2Fshop.example%2F%3Fa%3D1%26b%3D2" in button


def test_theme_name_address_and_language_are_the_workspaces() -> None:
    theme = Theme("#0f766e", "#111111", "serif", "https://cdn.example/logo.png?a=1", 640)
    workspace = Workspace("Müller <GmbH>", theme, "Straße 1\nBerlin & mehr", Language.DE)
    html = rendered(made_source("[Los](https://a.example) {button}", workspace=workspace)).html or ""
    assert '<html lang="de"' in html
    assert "<title>Müller &lt;GmbH&gt;</title>" in html
    assert "max-width:640px" in html
    assert "Georgia" in html
    assert 'bgcolor="#0f766e"' in html
    assert '<img src="https://cdn.example/logo.png?a=1" alt="Müller &lt;GmbH&gt;"' in html
    assert "Straße 1<br />Berlin &amp; mehr" in html
    assert ">Abmelden</a>" in html
    assert html.count("/t/u/") == 1
    assert "fonts.googleapis" not in html


@pytest.mark.parametrize("name", ["ꀀv0ꀀ", "ꀀv99ꀀ", "A \\ e\u0301 \u0903", '"><img src=x>', "&lt;b&gt;"])
@pytest.mark.parametrize("logo_url", [None, "https://cdn.example/logo.png"])
def test_the_workspaces_texts_are_texts_whatever_is_in_them(name: str, logo_url: str | None) -> None:
    workspace = Workspace(name, Theme(logo_url=logo_url), f"{name}\n1 Main Street")
    html = rendered(made_source("{{ lead.first_name }}", workspace=workspace)).html or ""
    assert html.count(escape(name)) == 4, "title, label, logo, postal address"


def test_an_unsubscribe_link_of_the_authors_own_is_the_only_one() -> None:
    html = html_of("Hi. [Leave]({{ unsubscribe_url }})")
    assert html.count("/t/u/") == 1
    assert ">Unsubscribe<" not in html
    hidden = html_of("{% if lead.tags %}\n\n[Leave]({{ unsubscribe_url }})\n\n{% endif %}")
    assert ">Unsubscribe<" in hidden, "not every lead sees the author's"


def test_merge_tags_stay_as_they_were_written() -> None:
    source = made_source(
        '[**{{ lead.first_name | default("x") }}**](https://e.example/?n={{ lead.first_name }}&m=1 "t")\n\n'
        '{% if lead.fields.plan == "gold" %}\n- {{ lead.fields.plan }}\n{% else %}\nNo *plan*\n{% endif %}\n\n'
        "![{{ lead.last_name }}](https://i.example/{{ lead.id }}.png)"
    )
    html = source.html or ""
    for tag in ('{{ lead.first_name | default("x") }}', "?n={{ lead.first_name }}&amp;m=1", "/{{ lead.id }}.png"):
        assert tag in html
    shown = rendered(source).html or ""
    assert "<li" in shown
    assert "<em>plan</em>" not in shown


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (Body(markdown="Hi {{ lead.frist_name }}\n\n[x](www.shop.example)\n\n{{ nobody }}"), [1, 3, 5]),
        (Body(mjml="<mjml><mj-body>\n<mj-zzz/></mj-body>\n{{ lead.frist_name }}</mjml>"), [2, 3]),
        (Body(markdown="{{ lead.frist_name }}\n\n[x](www.shop.example) {{ open"), [3]),
    ],
)
def test_wrong_links_and_wrong_merge_tags_are_reported_together(body: Body, lines: list[int]) -> None:
    with pytest.raises(ContentInvalid) as refused:
        made_of(body, Workspace())
    assert [fault.line for fault in refused.value.faults] == lines


@pytest.mark.parametrize(
    ("markdown", "line", "says"),
    [
        ("a\n\n[x](javascript:alert(1))", 3, "a link must lead to"),
        ("a\n[x](www.shop.example/a)", 2, "add https:// in front of www.shop.example/a"),
        ("a\n[x](shop.example/{{ lead.id }})", 2, "add https:// in front of the address"),
        ("a\n[x](info@shop.example)", 2, "add mailto: in front of info@shop.example"),
        ("a\n![x](pictures/sofa.jpg)", 2, "an image must have its full address"),
        ("a\n![x](sofa.jpg)", 2, "an image must have its full address"),
        ("a\n![x](cdn.shop.example/sofa.jpg)", 2, "add https:// in front of cdn.shop.example/sofa.jpg"),
        ("a\n\n![x](data:image/png;base64,AA)", 3, "an image"),
        ("a\n\n![x]()", 3, "an image"),
        ("a\n\n![x](mailto:a@b.example)", 3, "an image"),
        ("a\n\n> {% if lead.id %}\n\nb {% endif %}", 3, "put both in the same"),
        ("a\n\n**{% if lead.id %}a** b{% endif %}", 3, "put both in the same"),
        ("a\n\nb {{ nobody }}", 3, "nobody"),
        ("a\n\n\nb {{ lead.first_name", 4, "not closed"),
        ("a\n\nGo [x](https://x.example) {button}", 3, "{button}"),
        ("> " * 30 + "a", 1, "nested too deep"),
        ("x" * 102_401, 1, "larger than 100 KB"),
        ("a\n\nb\ud800", 3, "no Unicode character"),
        ("a\n" + "[" * 3_001, 2, "3,000"),
    ],
)
def test_errors_name_the_authors_line(markdown: str, line: int, says: str) -> None:
    with pytest.raises(ContentInvalid) as invalid:
        compile_content(made_source(markdown), None)
    (fault,) = invalid.value.faults
    assert (fault.field, fault.line) == ("markdown", line)
    assert says in fault.reason


@pytest.mark.parametrize("body", [Body(), Body(markdown=" \n"), Body(mjml="\t"), Body(html="<p>x</p>")])
def test_without_markdown_and_mjml_nothing_is_made(body: Body) -> None:
    assert made_of(body, Workspace("Acme")) is None


def test_every_wrong_link_image_and_button_is_reported_at_once() -> None:
    with pytest.raises(ContentInvalid) as invalid:
        compile_content(
            made_source("[a](a.example)\n[b](b@a.example)\n\n![c](c.jpg)\n\nGo [d](https://d.example) {button}"), None
        )
    assert [each.line for each in invalid.value.faults] == [1, 2, 4, 6]


def test_findings_and_links_name_the_authors_line() -> None:
    source = made_source(
        "# Hello\n\nText {{ lead.fields.city }}\nand [a](http://a.shop/)\n\n![](https://i.example/a.png)\n\n"
        "### Deep\n\n[Go](https://b.example) {button}\n\n- [](https://c.example)\n\n"
        "In ![a](https://i.example/b.png) text"
    )
    compiled = proven(source)
    findings = preflight_findings(source, compiled, Tracking(), AudienceFacts(empty_fields={"lead.fields.city": 2}))
    found = {(each.code, each.field, each.line) for each in findings}
    assert found >= {
        ("merge_field_empty", "markdown", 3),
        ("link_not_https", "markdown", 4),
        ("image_without_alt", "markdown", 6),
        ("heading_level_skipped", "markdown", 8),
        ("link_without_text", "markdown", 12),
    }
    (alt,) = (each.message for each in findings if each.code == "image_without_alt")
    assert "![" in alt
    assert "alt=" not in alt
    assert "image_without_width" not in {each.code for each in findings}, "nobody can write one in Markdown"
    lines = [source.place("html", link.line, link.column)[1] for link in compiled.links if link.tracked]
    assert lines == [4, 10, 12]
    (use,) = (each for each in compiled.merge_fields if each.path == "lead.fields.city")
    assert source.place("html", use.line, use.column) == ("markdown", 3, 9)


PARTS = """
a b # ## * ** _ - + 1. > ` ``` ~~~ | --- [ ]( ) ![ ! < > & \\ \" ' { } {button} https://e.example/a http://x
<https://e.example> mailto:a@b.example [x](https://e.example/?a=1&b=2) ![i](https://e.example/i.png)
&nbsp; &#123; é 👋 ꀀ
{{lead.first_name}} {{lead.fields.x|default("<")}} {%if(lead.id)%} {%else%} {%endif%}
"""
WORDS = st.sampled_from([*PARTS.split(), "\n", "\n\n", "   ", "\t", "\r\n"])


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS | st.text(max_size=4), max_size=25).map(" ".join) | st.text(max_size=60))
def test_any_markdown_is_refused_in_its_own_words_or_proven(markdown: str) -> None:
    if not markdown.strip():
        return
    try:
        source: ContentSource = made_source(markdown)
        compiled = compile_content(source, Tracking())
    except ContentInvalid as invalid:
        lines = max(1, len(re.split(r"\r\n|\r|\n", markdown)))
        for fault in invalid.faults:
            assert fault.field == "markdown", fault
            assert fault.line is None or fault.line <= lines
        return
    proof = prove(source, compiled, Tracking())
    assert [fault for fault in proof.faults if "NUL" not in fault.reason] == []
    web = [link for link in compiled.links if link.url.startswith(("http:", "https:"))]
    assert all(link.tracked or link.reason for link in web)
    written = [markdown[tag.start : tag.end] for tag in find_tags(markdown)]
    html = unescape(source.html or "")
    assert all(html.count(tag) >= 1 for tag in written if tag.startswith("{{") and "unsubscribe" not in tag) or (
        any(each in markdown for each in ("![", "](", "<", "```", "~~~"))  # titles, references, names of languages
    )


HOSTILE = {
    "open brackets": "[",
    "open images": "![",
    "open emphasis": "*a ",
    "mixed emphasis": "*a _b ",
    "backticks": "`a``",
    "angle brackets": "<",
    "pointy links": "[a](<b",
    "references": "[a]: x\n",
    "quotes": ">",
    "lists": "- - ",
    "tables": "|a\n|-\n",
    "entities": "&#",
    "merge tags": "{{ lead.id }}",
    "tildes": "~~~\n",
    "rules": "---\n\n",
    "buttons": "[a](https://e.example/) {button}\n\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markdown_takes_no_more_than_quadratic_time(name: str) -> None:
    """A quarter of the allowed size, and a sixteenth of it: at most 4 x 4 times as long, with room for noise."""

    def seconds(size: int) -> float:
        text = (HOSTILE[name] * size)[:size]
        start = thread_time()
        with suppress(ContentInvalid):
            made_source(text)
        return thread_time() - start

    seconds(1_000)
    assert seconds(24_000) < 40 * max(seconds(6_000), 0.01)


def test_the_text_part_is_made_of_the_mail() -> None:
    text = rendered(
        made_source(
            "# Hi\n\n1. One\n2. Two\n   - in two\n\n> Said\n\n[Buy](https://a.example/) {button}\n\n[b](https://b.example/)"
        )
    ).text
    assert text.startswith(
        "Acme & Sons\n\nHi\n\n1. One\n2. Two\n\n  - in two\n\nSaid\n\nBuy: https://a.example/\n\nb (https://b.example/)\n"
    )
    assert "1 Main Street\nTown\nUnsubscribe (https://t.example/t/u/" in text
    assert "\n- \n" not in text
