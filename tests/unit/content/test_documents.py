"""Whatever the document: footer and pixel stand where a browser shows them, and no link that it follows is missing.

The judge is html5lib, which builds the tree that browsers build. What cannot be done is refused, with its place.
"""

from collections.abc import Iterator
from random import Random
from urllib.parse import parse_qs, urljoin, urlsplit
from xml.dom.minidom import Document, Element

import html5lib
import pytest

from chalicelib.content.compiled import CompiledContent
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.render import Renderer
from tests.unit.content.mails import BASE_URL, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL, Tracking, source_of

_NOT_SHOWN = (
    "head title style script template select textarea xmp iframe noembed noframes noscript plaintext svg math "
    "object video audio canvas frameset"
)
NOT_SHOWN = frozenset(_NOT_SHOWN.split())
_NAMES = (
    "style xmp title textarea script noscript iframe noembed noframes plaintext select template svg math "
    "object video table tr td p div b button body head desc foreignObject mi option form"
)
OPENING = [f"<{name}>" for name in _NAMES.split()]
PIECES = [
    *OPENING, *(tag.replace("<", "</") for tag in OPENING),
    "text", " ", "<br>", "<input>", "<svg/>", "<title/>", "<path/>", "<![CDATA[", "]]>", "<!--", "-->", "<!", "</",
    "<", ">", "&amp", '<a href="https://a.example/">', "<a href='https://b.example/?x=1&amp;y=2'>", "</a>",
    '<a title="', '">', "<a href=https://c.example/>", "<area href='https://d.example/'>", "<html>", "</html>",
    "<a href=page>", "<a xlink:href='https://e.example/'>", "<base href='https://f.example/dir/'>",
    "<a href=mailto:x@g.example>", "<frameset>", "<script><!--", "<img alt=x>", "<p/>", "</p>",
    "<p>Unsubscribe <a href='{{ unsubscribe_url }}'>here</a></p>",
]  # fmt: skip
STATEMENTS = [
    "{{% if X %}}{one}{{% endif %}}", "{{% if X %}}{one}{{% else %}}{other}{{% endif %}}",
    "{{% for y in lead.tags %}}{one}{{% endfor %}}", "{{% for y in lead.tags %}}{one}{{% else %}}{other}{{% endfor %}}",
    "{{% if X %}}{one}{{% endif %}}{other}{{% if X %}}{one}{{% endif %}}",
    "<!-- {{% if X %}} -->{one}<!-- {{% endif %}} -->",
]  # fmt: skip
WITH_TAGS = [
    '<a {% if X %}href="https://x.example/"{% else %}href="https://y.example/"{% endif %}>',
    '<a href="{% if X %}https://x.example/{% else %}https://y.example/{% endif %}">',
    '<a href="{% if X %}https://x.example/" id="{% endif %}https://y.example/">',
    "<a{% if X %} class='c'{% endif %} href='https://z.example/'>",
    "<p{% if X %} title='<a href=https://z.example/>'{% endif %}>",
    '<a class="{% if X %}c{% endif %}" href="https://z.example/">',
    '<a {% if X %}title="{% endif %} href="https://z.example/">',
    '<a {% if X %}title="a{% endif %} href="https://z.example/">',
    "<a {% if X %}title=a{% else %} id=b{% endif %} href='https://z.example/'>",
    "<a {% if X %}title=a{% endif %}b href='https://z.example/'>",
    "<a {% if X %}nowrap{% else %}href='https://z.example/'{% endif %}>",
    "<a href={% if X %}https://x.example/{% else %}https://y.example/{% endif %}>",
    "<a href={% if X %}'https://x.example/'{% else %}'https://y.example/'{% endif %}>",
    "<{% if X %}a{% else %}b{% endif %} href='https://z.example/'>",
    "<a hr{% if X %}ef{% endif %}='https://z.example/'>", "<a {% if X %}hr{% endif %}ef='https://z.example/'>",
    "<a href='{{ X }}'>", "<a href={{ X }}>", "<a {{ X }} href='https://z.example/'>",
    "<p class={{ X }}>", "<p {{ X }}>", "<a class={{ X }} href='https://z.example/'>",
    "<a title='{{ X }}' href='https://z.example/'>",
    "<{{ X }}>", "{{ X }}", "<!--{{ X }}>", "<!--[if mso]>{{ X }}", "<!-- {{ X }} -->", "<style>{{ X }}</style>",
    "</{{ X }}>", "<a{{ X }}>",
]  # fmt: skip
X = ["", "yes", "a href=javascript:1 x", "'><a href='javascript:1'>", "--", "style", "https://x.example"]


def elements(node: Document | Element) -> Iterator[Element]:
    for child in node.childNodes:
        if child.nodeType == child.ELEMENT_NODE:
            yield child
            yield from elements(child)


def name_of(element: Element) -> str:
    return str(element.tagName).rpartition(":")[2].lower()


def is_shown(element: Element) -> bool:
    above = element.parentNode
    while above is not None and above.nodeType == above.ELEMENT_NODE:
        if name_of(above) in NOT_SHOWN:
            return False
        above = above.parentNode
    return True


def is_followed(element: Element) -> str | None:
    """The address that a browser follows from this element; None for one that is no link."""
    above = element.parentNode
    while above is not None:
        if above.nodeName == "template":
            return None
        above = above.parentNode
    if name_of(element) not in ("a", "area"):
        return None
    if element.hasAttribute("href"):
        return str(element.getAttribute("href"))
    in_svg = element.namespaceURI == "http://www.w3.org/2000/svg"
    return str(element.getAttribute("xlink:href")) if in_svg and element.hasAttribute("xlink:href") else None


def tidy(url: str) -> str:
    return url.strip(" \t\n\f\r").replace("\t", "").replace("\n", "").replace("\r", "")


def assert_seen_and_counted(compiled: CompiledContent, x: str) -> None:
    lead = {"fields": {"x": x}, "tags": [x, x] if x else []}
    html = Renderer(compiled, Tracking()).render(lead, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).html or ""
    try:
        found = list(elements(html5lib.parse(html, treebuilder="dom")))
    except AssertionError:
        return  # html5lib's own, at <html> within an <svg> within a table
    assert not [each for each in found if name_of(each) == "frameset"], html
    pixels = [each for each in found if each.getAttribute("src") == f"{BASE_URL}/t/o/{DELIVERY_ID}.gif"]
    assert len(pixels) == 1, html
    assert is_shown(pixels[0]), html
    assert [each for each in found if each.getAttribute("href") == UNSUBSCRIBE_URL and is_shown(each)], html
    tracked = {link.link: link.url for link in compiled.links if link.tracked}
    untracked = {tidy(link.url) for link in compiled.links if not link.tracked}
    for each in found:
        href = is_followed(each)
        if not href or href == UNSUBSCRIBE_URL:
            continue
        if href.startswith(f"{BASE_URL}/t/c/"):
            query = parse_qs(urlsplit(href).query, strict_parsing=True)
            written = tracked[query["l"][0]]
            assert "{" in written or urljoin("https://f.example/dir/", written) == query["u"][0], html
        else:
            assert tidy(href) in untracked, html


def random_document(random: Random) -> str:
    part = random_part(random, random.randint(1, 12), statements=random.random() < 0.5)
    return part.replace("X", "lead.fields.x").strip() or "x"


def random_part(random: Random, longest: int, *, statements: bool) -> str:
    parts = []
    for _ in range(longest):
        kind = random.random() if statements else 1.0
        if kind < 0.1:
            one, other = (random_part(random, longest // 2, statements=True) for _ in range(2))
            parts.append(random.choice(STATEMENTS).format(one=one, other=other))
        else:
            parts.append(random.choice(WITH_TAGS if kind < 0.2 else PIECES))
    return "".join(parts)


def places_of_refusal(html: str) -> list[int | None]:
    with pytest.raises(ContentInvalid) as refused:
        compile_content(source_of(html), Tracking())
    return [problem.line for problem in refused.value.faults]


def assert_documents(seed: int, count: int) -> None:
    random, compiled_ones = Random(seed), 0
    for _ in range(count):
        html = random_document(random)
        try:
            compiled = compile_content(source_of(html), Tracking())
        except ContentInvalid:
            assert all(places_of_refusal(html))
            continue
        compiled_ones += 1
        for x in X if "lead.fields.x" in html else [""]:
            assert_seen_and_counted(compiled, x)
    assert compiled_ones > count / 2


@pytest.mark.parametrize("seed", range(4))
def test_random_documents_show_footer_and_pixel_and_hide_no_link(seed: int) -> None:
    assert_documents(seed, 300)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3_000, 3_100))
def test_200_000_random_documents_show_footer_and_pixel_and_hide_no_link(seed: int) -> None:
    assert_documents(seed, 2_000)


@pytest.mark.parametrize("html", ["<p>text<script>x</script/", "<style></style ", '<p>text<title>x</title a="b'])
def test_footer_and_pixel_come_before_what_an_unfinished_end_tag_leaves_open(html: str) -> None:
    assert_seen_and_counted(compile_content(source_of(html), Tracking()), "")
