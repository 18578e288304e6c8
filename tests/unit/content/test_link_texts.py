"""What a link shows, by which the reports name it."""

from xml.dom.minidom import Node

import html5lib
import pytest

from tests.corpus import corpus_mails, our_mails
from tests.unit.content.mails import compiled_html

LINK = "<a href='https://shop.example/'>{}</a>"


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("Shop  <b>n</b>ow\n&amp; save", "Shop now & save"),
        ("Shop<br>now", "Shop now"),
        ("<h2>Spring</h2><p>All <i>t</i>hat is new</p>", "Spring All that is new"),
        ("<table><tr><td>Spring</td><td>New</td></tr></table>", "Spring New"),
        ("<img src=a.png alt='A &amp; B'>Shop", "A & B Shop"),
        ("<!-- Shop --><img src=a.png alt=''>", ""),
        ("Hi {{ lead.first_name }}", "Hi {{ lead.first_name }}"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_links_text_is_what_it_shows(inside: str, text: str) -> None:
    (link, _) = compiled_html(LINK.format(inside) + "<p>after <a href='{{ unsubscribe_url }}'>x</a>").links
    assert link.text == text


@pytest.mark.parametrize(
    ("html", "texts"),
    [
        ("<a href='https://a.example/'>one<a href='https://b.example/'>two</a> three", ["one", "two"]),
        ("<p><a href='https://a.example/'>one<p>two</a>", ["one two"]),
        ("<!--[if mso]><v:rect href='https://a.example/'><center>Buy</center></v:rect><![endif]-->", ["Buy"]),
    ],
)
def test_links_that_are_not_closed_or_that_only_outlook_shows_have_texts(html: str, texts: list[str]) -> None:
    assert [link.text for link in compiled_html(html).links] == texts


def test_the_texts_of_real_mails_are_those_that_a_browser_shows() -> None:
    for name, html in (our_mails() | corpus_mails()).items():
        links = html5lib.parse(html, treebuilder="dom").getElementsByTagName("a")
        texts = (without_spaces(link.text) for link in compiled_html(html).links)
        for link in links:
            if link.hasAttribute("href"):
                # Links that only Outlook shows are between them.
                assert without_spaces(text_of(link))[:100] in (text[:100] for text in texts), name


def text_of(node: Node) -> str:
    if node.nodeType == Node.TEXT_NODE:
        return str(node.nodeValue)
    alt = node.getAttribute("alt") if node.nodeName == "img" else ""  # type: ignore[attr-defined]
    return alt + "".join(map(text_of, node.childNodes))


def without_spaces(text: str) -> str:
    return "".join(text.split())
