"""What a browser shows of a mail is what preflight judges, and each finding stands at the tag that the author wrote."""

import re
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.findings import Finding
from chalicelib.content.html_tree import NotParsed
from chalicelib.content.preflight import AudienceFacts, preflight_findings
from chalicelib.content.tree_findings import tree_problems
from tests.corpus import NO_CORPUS, corpus_mails, our_mails
from tests.unit.content.made import made_source
from tests.unit.content.mails import Tracking, source_of
from tests.unit.content.test_documents import random_document

REAL_MAILS = corpus_mails()
SHOP = "<a href='https://shop.com/'>"
OF_THE_TREE = {
    "external_style_sheet", "heading_level_skipped", "headings_missing", "hidden_text",
    "image_without_address", "image_without_alt", "image_without_width", "link_without_text", "markup_shown",
    "script_removed",
}  # fmt: skip


def findings(html: str) -> list[Finding]:
    source = source_of(html, "text")
    found = preflight_findings(source, compile_content(source, Tracking()), Tracking(), AudienceFacts())
    return [finding for finding in found if finding.code in OF_THE_TREE]


def codes(html: str) -> list[str]:
    return [finding.code for finding in findings(html)]


@pytest.mark.parametrize(
    "inside",
    [
        "Shop",
        "{{ lead.first_name }}",
        "{% if lead.id %}Shop{% endif %}",
        "<b>&gt;</b>",
        "<img src=a width=1 alt='Shop'>",
        "<img src=a width=1 alt='{{ lead.first_name }}'>",
        "<table><tr><td><a href='https://shop.com/'>Shop</a></table>",
        "<svg><title>Shop</title></svg>",
        "<p>Shop</p>",
    ],
)
def test_a_link_that_says_where_it_leads(inside: str) -> None:
    assert codes(f"<p>{SHOP}{inside}</a>") == []


@pytest.mark.parametrize(
    "inside",
    [
        "",
        " &nbsp;&zwnj;\n",
        "{% if lead.id %} {% endif %}",
        "<img src=a width=1 alt=''>",
        "<img src=a width=1 alt=' '>",
        "<!-- Shop --><style>a {}</style>",
        "<span style='display: none'>Shop</span>",
        "<!--[if mso]>Shop<![endif]-->",
    ],
)
def test_a_link_that_says_nothing(inside: str) -> None:
    (finding,) = (each for each in findings(f"First\n<p>{SHOP}{inside}</a>") if each.code == "link_without_text")
    assert (finding.line, finding.column) == (2, 4)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ('<link rel="Stylesheet" href="https://shop.com/a.css">', 1),
        ("<link href='https://shop.com/a.css' rel='alternate stylesheet'>", 1),
        ("<style>a {}\n@IMPORT url(https://shop.com/a.css);</style>", 1),
        ("<link rel=stylesheet><link rel=icon href=a.png><style>a { color: red }</style><p>@import", 0),
    ],
)
def test_a_style_sheet_that_mail_apps_will_not_load(head: str, found: int) -> None:
    (*all_found,) = findings(f"<title>News</title>\n{head}")
    assert [each.code for each in all_found] == ["external_style_sheet"] * found
    assert all((each.severity, each.line, each.column) == ("warning", 2, 1) for each in all_found)


def test_attributes_may_say_where_a_link_leads() -> None:
    for name in ("title", "aria-label", "aria-labelledby"):
        assert codes(f"<a href='https://shop.com/' {name}='Shop'></a>") == []
    areas = "<area href='https://shop.com/' alt='Shop'><area href='https://shop.com/'><area nohref>"
    assert codes(f"<img src=a width=1 alt='Plan' usemap='#m'><map name=m>{areas}</map>") == ["link_without_text"]


def test_what_is_no_link_or_not_shown_needs_no_text() -> None:
    assert codes("<a name=top></a>") == []
    assert codes(f"<div style='display:none'>{SHOP}</a></div>") == []


def test_an_image_without_alt_is_the_only_finding_of_its_link() -> None:
    assert codes(f"{SHOP}<img src=a width=1></a>") == ["image_without_alt"]


def test_an_unclosed_link_is_judged_once_by_all_that_it_covers() -> None:
    assert codes(f"<p>{SHOP}<p>One<p>two") == []
    assert codes(f"<p>{SHOP}One<p><b></b>") == []
    assert codes(f"<p>{SHOP}<p><b></b><p><img src=a width=1 alt=''>") == ["link_without_text"]


def test_what_moves_out_of_a_table_keeps_its_place() -> None:
    html = f"<table><tr><td>x</td></tr>\n{SHOP}</a><br><img src=b></table>"
    image = len(f"{SHOP}</a><br>") + 1
    assert [(each.code, each.line, each.column) for each in findings(html)] == [
        ("link_without_text", 2, 1),
        ("image_without_alt", 2, image),
        ("image_without_width", 2, image),
    ]


def test_places_are_those_of_the_source() -> None:
    line = "<p title='{{ lead.id }}'>{{ lead.id }}</p>{% endif %}<img{% if lead.id %} src='a'{% endif %}/data-place=7>"
    found = findings("{% if lead.id %}\r\n" + line)
    assert [(each.line, each.column) for each in found] == [(2, line.index("<img") + 1)] * 2


def test_images_are_those_of_the_tree() -> None:
    assert codes("<image src=a>") == ["image_without_alt", "image_without_width"]
    assert codes("<noscript><img src=a alt=''></noscript>") == ["image_without_width"]
    assert codes("<template><img src=a></template><!--[if mso]><img src=a><![endif]--><style><img></style>") == []
    assert codes("<div style='display:none'><img src=a></div><img src=a style='display:none'>") == []
    assert codes("<div style='display:none' class=phone><img src=a width=1></div>") == ["image_without_alt"]


def test_attributes_with_a_prefix_take_the_place_of_none() -> None:
    assert codes("<img src=a width=1 alt='Shop' th:alt='x' th:width=2>") == []


@pytest.mark.parametrize(
    "style",
    ["display:none", "color:red; DISPLAY : NONE !important", "a:b;visibility:hidden"],
)
def test_hidden_text_has_a_finding(style: str) -> None:
    (finding,) = findings(f"<p>Hello</p>\n<div style='{style}'>cheap <b style='{style}'>watches</b></div>")
    assert (finding.code, finding.line, finding.column) == ("hidden_text", 2, 1)


@pytest.mark.parametrize(
    "html",
    [
        "<div style='display:none'> &zwnj;&nbsp;&#847;</div>",
        "<div style='display:none'><img src=a alt='A' width=1></div>",
        "<div class=phone style='display:none'>A style sheet may show it</div>",
        "<div id=phone style='display:none'>A style sheet may show it</div>",
        "<div style='mso-hide:all;-x-display:none'>Not in Outlook</div>",
        "<div style='font-size:0'><span style='font-size:14px'>Shop</span></div>",
        "<style>.x { display:none }</style><template>Shop</template>",
    ],
)
def test_what_is_not_hidden_for_certain_has_none(html: str) -> None:
    assert codes(f"<p>Hello</p>{html}") == []


def test_the_first_text_may_be_hidden_if_it_is_short() -> None:
    preview = "<title>x</title><div style='display:none'>{}</div><div style='display:none'>&zwnj;</div>Hello"
    assert codes(preview.format("Our <b>spring</b> offers &nbsp;&zwnj;" + "&nbsp;&zwnj;" * 200)) == []
    assert codes(preview.format("x" * 250)) == []
    assert codes(preview.format("x" * 251)) == ["hidden_text"]
    hidden = "<div style='display:none'>Our spring offers</div>"
    assert codes(f"<p> </p>\n{hidden}Hello") == []
    assert codes(f"<p>Hello</p>{hidden}") == ["hidden_text"]
    assert codes(f"<p>Hello</p><div style='display:none'>&zwnj;</div>{hidden}") == ["hidden_text"]
    assert codes(hidden * 2 + "Hello") == ["hidden_text"]


@pytest.mark.parametrize(
    ("levels", "skipped"),
    [("123", ""), ("1231", ""), ("2", ""), ("32", ""), ("222", ""), ("13", "3"), ("12413", "43"), ("16", "6")],
)
def test_a_heading_that_skips_a_level(levels: str, skipped: str) -> None:
    found = findings("".join(f"<h{level}>Title</h{level}>\n" for level in levels))
    assert [(each.code, levels[(each.line or 0) - 1]) for each in found] == [
        ("heading_level_skipped", level) for level in skipped
    ]


def test_a_long_mail_needs_a_heading() -> None:
    text = "<p>{{ lead.first_name }} " + "word " * 299
    assert codes(text) == ["headings_missing"]
    assert codes("<table><tr>" + "<td>word</td>" * 300) == ["headings_missing"]
    assert codes(text.replace("word ", "", 1)) == []
    assert codes(f"<h2>Spring</h2>{text}") == []


def test_what_is_not_parsed_has_no_such_findings() -> None:
    html = "<div>" * 1_000 + "<img src=a>"
    with pytest.raises(NotParsed):
        list(tree_problems(html))
    assert codes(html) == []


TAG = {
    "image_without_alt": "(?:img|image)", "image_without_width": "(?:img|image)", "link_without_text": "(?:a|area)",
    "heading_level_skipped": r"h[1-6]", "hidden_text": r"\w+",
}  # fmt: skip


@pytest.mark.parametrize(
    "html",
    [
        "<div style='display:none'><svg>{}</svg></div>",
        "<template><svg>{}</svg></template>",
        "<div style='display:none'><math>{}",
        "<template><svg><desc></svg></desc>{}",
        "<div style='display:none'>{}",
    ],
)
@pytest.mark.parametrize("deep", ["<td>x", "<link>x", "<option>", "<div>x"])
def test_a_deep_tree_stops_no_check(html: str, deep: str) -> None:
    for depth in (95, 150, 1_100, 9_000):
        findings(f"<a href='https://x.example/'>x</a>x{html.format(deep * depth)}")


def found_at_their_tags(html: str) -> list[Finding]:
    lines = re.split("\r\n|\r|\n", html)
    found = findings(html)
    places = [(each.code, each.line or 0, each.column or 0) for each in found if each.code in TAG]
    assert len(set(places)) == len(places), html
    for code, line, column in places:
        assert re.match(f"<{TAG[code]}\\b", lines[line - 1][column - 1 :], re.IGNORECASE), (code, html)
    return found


PIECES = [
    "<h1>",
    "<h4>",
    "<img alt='' src=b>",
    "<area href=x>",
    "<div style='display:none'>",
    "<b style='font-size:0'>",
]


@pytest.mark.parametrize("seed", range(4))
def test_findings_on_random_documents_stand_at_their_tags_once(seed: int) -> None:
    random, judged = Random(seed), 0
    for _ in range(300):
        html = "\n".join(random.sample([random_document(random), *PIECES], len(PIECES) + 1))
        try:
            found_at_their_tags(html)
            judged += 1
        except ContentInvalid:
            continue
    assert judged > 100


@pytest.mark.parametrize("name", sorted(our_mails()))
def test_findings_on_our_mails_stand_at_their_tags_once(name: str) -> None:
    found_at_their_tags(our_mails()[name])


@pytest.mark.soak
@pytest.mark.skipif(not REAL_MAILS, reason=NO_CORPUS)
def test_real_mails_are_not_flooded_with_findings() -> None:
    """Of 238 mails, 4 have hidden text, a long text without heading or a link without text; 23 skip a heading level."""
    found = Counter(code for html in REAL_MAILS.values() for code in {each.code for each in found_at_their_tags(html)})
    mails = len(REAL_MAILS)
    assert found["hidden_text"] + found["headings_missing"] + found["link_without_text"] < 0.02 * mails
    assert found["heading_level_skipped"] < 0.1 * mails


def test_only_a_check_loads_html5lib() -> None:
    code = "import sys, chalicelib.content.preflight, chalicelib.campaigns.preflight; print('html5lib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>\n<script>x()</script>", ["script_removed"]),
        ('<p>\n<script type="application/ld+json">{}</script>', []),
        ("<p>\n<img src='https://' alt='' width=1>", ["image_without_address"]),
        ("<p>\n<img src='https://{{ lead.fields.host }}/a.png' alt='' width=1>", []),
        ("<p>\n&lt;b&gt;x", []),
    ],
)
def test_what_mail_apps_do_not_show(html: str, found: list[str]) -> None:
    assert codes(html) == found
    assert [each.line for each in findings(html)] == [2] * len(found)


def test_html_in_markdown_is_shown_as_text() -> None:
    source = made_source("Hello\n\nA <b>bold</b> word, `<b>` in code, 1 < 2 and <Name>")
    found = preflight_findings(source, compile_content(source, Tracking()), Tracking(), AudienceFacts())
    (finding,) = [each for each in found if each.code == "markup_shown"]
    assert (finding.field, finding.line) == ("markdown", 3)
