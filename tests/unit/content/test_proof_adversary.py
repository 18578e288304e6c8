"""How a mail that tracks wrongly could yet be called proven: each way was thought of by reading the proof."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

import pytest

from chalicelib.content.compiled import (
    DELIVERY,
    CompiledContent,
    ContentSource,
    Link,
    LinkSlot,
    Segments,
    TemplateSlot,
)
from chalicelib.content.compiler import compile_content
from chalicelib.content.proof import prove
from tests.unit.content.judged import Signer, seen
from tests.unit.content.mails import source_of
from tests.unit.content.programs import CLOSE, ID, LEAVE, OPEN, Program

A, B = "https://a.example/", "https://b.example/"
SIGNER = Signer()
_STYLE = "display:block;border:0;width:1px;height:1px"
PIXEL = f'<img src="{SIGNER.base_url}/t/o/{ID}.gif" width="1" height="1" alt="" style="{_STYLE}">'


def program_of(html: str, **more: object) -> Program:
    source = source_of(html, **more)  # type: ignore[arg-type]
    return Program(source, compile_content(source, SIGNER), SIGNER)


def by_hand(html: str, text: str, links: Sequence[Link]) -> tuple[ContentSource, CompiledContent]:
    """A source that need not compile, and what a compiler with a bug would make of it."""
    program = program_of("x")
    return source_of(html), replace(program.with_text(text), links=tuple(links))


def tracked(link: str, url: str) -> Link:
    return Link(link, url, "x", 1, 1, True)


def left(url: str, reason: str = "") -> Link:
    return Link("", url, "x", 1, 1, False, reason)


def is_proven(source: ContentSource, compiled: CompiledContent) -> bool:
    faults = prove(source, compiled, SIGNER).faults
    assert not any("the check fails with" in each.reason for each in faults), "refused by a defect, not by a rule"
    return not faults


def moved(program: Program, added: str, before: str) -> CompiledContent:
    """The addition taken to another place of the compiled mail."""
    assert program.text.count(added) == 1
    assert before in program.text
    return program.with_text(program.text.replace(added, "").replace(before, added + before, 1))


def footer_of(program: Program) -> str:
    start = program.text.index('<p style="margin:24px')
    return program.text[start : program.text.index("</p>", start) + 4]


# Statements: what some leads see and others do not


def test_a_link_that_only_one_branch_of_a_tag_has_is_missed_by_nobody() -> None:
    html = f'<a {{% if lead.id %}}href="{A}"{{% else %}}href="{B}"{{% endif %}}>x</a>'
    program = program_of("x")
    one = program.click_url("1", A)
    text = f'<a {OPEN}{{% if lead.id %}}href="{one}"{{% else %}}href="{B}"{{% endif %}}{CLOSE}>x</a>'
    text += footer_of(program) + PIXEL
    assert not is_proven(*by_hand(html, text, [tracked("1", A)]))


def test_a_link_that_only_the_second_of_three_branches_has_is_missed_by_nobody() -> None:
    branches = ('href="{}"{{% elif lead.email %}}', f'href="{B}"{{% else %}}id="c"{{% endif %}}')
    html = f"<a {{% if lead.id %}}{branches[0].format(A)}{branches[1]}>x</a>"
    program = program_of("x")
    text = f"<a {OPEN}{{% if lead.id %}}{branches[0].format(program.click_url('1', A))}{branches[1]}{CLOSE}>x</a>"
    text += footer_of(program) + PIXEL
    assert not is_proven(*by_hand(html, text, [tracked("1", A)]))


def test_a_link_in_a_comment_that_only_some_leads_have_is_missed_by_nobody() -> None:
    html = f'{{% if lead.id %}}<!--{{% endif %}}<a href="{B}">x</a>{{% if lead.id %}}-->{{% endif %}}'
    text = html.replace("{% if", f"{OPEN}{{% if").replace("endif %}", f"endif %}}{CLOSE}")
    assert not is_proven(*by_hand(html, text + footer_of(program_of("x")) + PIXEL, []))


@pytest.mark.xfail(strict=True, reason="combinations of several statements' branches are the compiler's to refuse")
def test_two_statements_do_not_hide_the_pixel_together() -> None:
    """placement.py refuses a statement that ends in another token than it begins in, so this does not compile."""
    html = "{% if lead.first_name %}<!--{% endif %}<p>x</p>{% if lead.last_name %}-->{% endif %}y"
    text = html.replace("{% if", f"{OPEN}{{% if").replace("endif %}", f"endif %}}{CLOSE}")
    assert not is_proven(*by_hand(html, text + footer_of(program_of("x")) + PIXEL, []))


def test_the_pixel_is_everybodys() -> None:
    program = program_of("<p>a</p>{% if lead.first_name %}<p>b</p>{% endif %}<p>c</p>")
    assert not is_proven(program.source, moved(program, PIXEL, "</p>{%  endif"))


def test_the_footer_is_everybodys() -> None:
    program = program_of("<p>a</p>{% for tag in lead.tags %}<div>b</div>{% endfor %}<p>c</p>")
    both = footer_of(program) + PIXEL
    assert not is_proven(program.source, moved(program, both, "</div>{%  endfor"))


@pytest.mark.parametrize(
    "html",
    [
        '{% if lead.first_name %}<a href="{{ unsubscribe_url }}">leave</a>{% endif %}x',
        '<!--[if mso]><a href="{{ unsubscribe_url }}">leave</a><![endif]-->x',
        '<template><a href="{{ unsubscribe_url }}">leave</a></template>x',
        "<p title='{{ unsubscribe_url }}'>x</p>",
        "<link href='{{ unsubscribe_url }}'>x",
        "<!-- {{ unsubscribe_url }} -->x",
        "<a href='https://x.example/' title='{{ unsubscribe_url }}'>x</a>",
    ],
    ids=["branch", "for Outlook", "template", "title", "no link", "comment", "title of a link"],
)
def test_a_footer_that_is_needed_is_there(html: str) -> None:
    program = program_of(html)
    footer = footer_of(program)
    assert not is_proven(program.source, program.with_text(program.text.replace(footer, "")))


# Where a browser shows them


@pytest.mark.parametrize(
    "hiding", ['<div style="display:none">', "<div style='color:red; DISPLAY : none'>", "<div hidden>"]
)
def test_footer_and_pixel_are_not_in_what_the_author_hides(hiding: str) -> None:
    program = program_of(f"<p>a</p>{hiding}preheader</div><p>b</p>")
    both = footer_of(program) + PIXEL
    assert not is_proven(program.source, moved(program, both, "</div>"))


def test_the_footer_is_in_no_link() -> None:
    program = program_of(f'<p><a href="{A}">x</a></p><p>b</p>')
    both = footer_of(program) + PIXEL
    assert not is_proven(program.source, moved(program, both, "</a></p><p>b"))


@pytest.mark.parametrize(
    "name",
    [
        "title",
        "style",
        "textarea",
        "select",
        "template",
        "noscript",
        "video",
        "object",
        "audio",
        "canvas",
        "dialog",
        "datalist",
        "details",
    ],
)
def test_footer_and_pixel_are_in_nothing_that_is_not_shown(name: str) -> None:
    program = program_of(f"<p>a</p><{name}>b</{name}><p>c</p>")
    both = footer_of(program) + PIXEL
    assert not is_proven(program.source, moved(program, both, f"</{name}>"))


# Links


def test_two_links_do_not_share_an_id() -> None:
    program = program_of(f'<a href="{A}">x</a><a href="{B}">y</a>')
    text = program.text.replace(program.click_url("2", B), program.click_url("1", B))
    shared = replace(program.with_text(text), links=program.compiled.links[:1])
    assert not is_proven(program.source, shared)


@pytest.mark.parametrize("first", [True, False])
def test_the_report_has_one_link_of_an_id(first: bool) -> None:
    program = program_of(f'<a href="{A}">x</a>')
    ghost = tracked("1", B)
    links = (ghost, *program.compiled.links) if first else (*program.compiled.links, ghost)
    assert not is_proven(program.source, program.with_links(links))


def test_the_report_has_a_link_once() -> None:
    program = program_of(f'<a href="{A}">x</a><a href="mailto:a@b.example">y</a>')
    for link in program.compiled.links:
        assert not is_proven(program.source, program.with_links([*program.compiled.links, link]))


def test_the_report_has_each_of_two_equal_links_that_are_left() -> None:
    program = program_of('<a href="mailto:a@b.example">x</a><a href="mailto:a@b.example">y</a>')
    assert len(program.compiled.links) == 2
    assert not is_proven(program.source, program.with_links(program.compiled.links[:1]))


@pytest.mark.parametrize(
    "html",
    [
        '<svg><a xlink:href="https://x.example/">x</a></svg>', '<area href="tel:1">',
        '<v:rect href="mailto:x@y.example">', '<!--[if mso]><v:rect href="tel:2"></v:rect><![endif]-->',
        "<template><a href='#x'>x</a></template>", "<a href='javascript:1'>x</a>", "<table><a href=tel:4>x</table>",
    ],
)  # fmt: skip
def test_whatever_is_left_is_reported(html: str) -> None:
    program = program_of(html)
    assert is_proven(program.source, program.compiled)
    assert [link.tracked for link in program.compiled.links] == [False]
    assert not is_proven(program.source, program.with_links([]))


@pytest.mark.parametrize(
    "html",
    [
        "<svg><a href=https://x.example/>x</a></svg>", "<area href='https://x.example/'>",
        "<v:rect href='https://x.example/'>", "<!--[if mso]><v:rect href=https://x.example/></v:rect><![endif]-->",
        "<template><a href='https://x.example/'>x</a></template>", "<table><a href=https://x.example/>x</table>",
        "<a href=https://x.example/><p>x<table><tr><td>y", "<math><a href='https://x.example/'>x</a></math>",
        "<!--[if mso]><a href=https://x.example/>x<p>y<![endif]-->", "<p><a href=https://x.example/>x<p>y<a>z",
        "<noscript><a href=https://x.example/>x</a></noscript>",
        "<p><A\nHREF\n=\nhttps://x.example/>x", "<button><a href='https://x.example/'>x",
    ],
)  # fmt: skip
def test_whatever_is_tracked_is_seen_wherever_it_is(html: str) -> None:
    program = program_of(html)
    assert is_proven(program.source, program.compiled)
    silently = program.text.replace(program.click_url("1", "https://x.example/"), "https://x.example/")
    assert silently != program.text
    assert not is_proven(program.source, program.with_text(silently))
    elsewhere = program.text.replace(program.click_url("1", "https://x.example/"), program.click_url("1", A))
    assert not is_proven(program.source, program.with_text(elsewhere))
    assert not is_proven(program.source, program.with_links([]))


@pytest.mark.parametrize("safe", ["#", "+", "%", "&"])
def test_a_destination_is_encoded_so_that_it_arrives(safe: str) -> None:
    """A raw # would cut the signature off, and a raw + arrives as a space."""
    destination = "https://a.example/?q=c%2B%2B+x&y=1#part"
    program = program_of(f'<a href="{destination.replace("&", "&amp;")}">x</a>')
    assert is_proven(program.source, program.compiled)
    loose = program.click_url("1", destination).replace(quote(destination, safe=""), quote(destination, safe=safe))
    faulty = program.with_text(program.text.replace(program.click_url("1", destination), loose))
    assert faulty != program.compiled
    assert not is_proven(program.source, faulty)


def test_a_text_that_looks_like_a_sign_is_none() -> None:
    program = program_of(f'<a href="{A}">x</a>')
    assert program.compiled.html is not None
    for mark in (*map(chr, range(0xE000, 0xE010)), *map(chr, range(0xFDD0, 0xFDF0))):
        pieces = [f"{mark}d{mark}" if piece == DELIVERY else piece for piece in program.compiled.html.pieces()]
        assert not is_proven(program.source, replace(program.compiled, html=Segments.of(pieces)))


@pytest.mark.parametrize("tail", ["<p>b", "</body><p>b</body>", "</body>\n<!-- end -->", "</body></html> "])
def test_an_end_that_is_lost_is_noticed(tail: str) -> None:
    program = program_of(f"<html><body><p>a</p>{tail}")
    for end in range(1, len(tail)):
        faulty = program.with_text(program.text[:-end])
        assert not is_proven(program.source, faulty), end


@pytest.mark.parametrize(
    "html",
    [
        "<p title='{}'>x",
        "<link href='{}'>",
        "<!-- <a href='{}'> -->",
        "<style>a::after{{content:'{}'}}</style>",
        "<i>{}</i>",
    ],
)
def test_click_urls_are_put_into_links_alone(html: str) -> None:
    program = program_of(f"{html.format(A)}<a href='{B}'>y</a>")
    assert is_proven(program.source, program.compiled)
    click = program.click_url("1", A)
    text = program.text.replace(A, click, 1).replace(program.click_url("1", B), program.click_url("2", B))
    second = replace(program.compiled.links[0], link="2")
    for first in (Link("1", A, "", 1, 1, True), Link("1", A, "", 1, 6, True)):
        assert not is_proven(program.source, replace(program.with_text(text), links=(first, second)))
    assert not is_proven(program.source, replace(program.with_text(text), links=(second,)))


def test_a_broken_click_url_is_not_called_a_link_that_is_left() -> None:
    program = program_of(f'<a href="{A}">x</a>')
    text = program.text.replace(f"&amp;s={SIGNER.sign('1', A)}", "")
    (link,) = program.compiled.links
    unsaid = replace(program.with_text(text), links=(replace(link, link="", tracked=False),))
    assert not is_proven(program.source, unsaid)
    assert not is_proven(program.source, program.with_text(text))


def test_a_link_that_is_left_becomes_no_part_of_a_click_url() -> None:
    program = program_of('<a href="mailto:a@b.example">x</a>')
    assert is_proven(program.source, program.compiled)
    faulty = program.with_text(program.text.replace("mailto:a@b.example", f"{SIGNER.base_url}/t/c/{ID}"))
    assert not is_proven(program.source, faulty)
    assert not is_proven(program.source, replace(faulty, links=()))


def test_links_are_reported_in_their_order() -> None:
    program = program_of(f'<a href="{A}">x</a><a href="{B}">y</a>')
    assert not is_proven(program.source, program.with_links(program.compiled.links[::-1]))


def test_a_mail_whose_end_the_author_hides_is_not_proven() -> None:
    program = program_of('<p>a</p><div style="display:none">b')
    assert not is_proven(program.source, program.compiled)


def test_the_base_is_the_browsers() -> None:
    program = program_of(f'<base href="{A}"><base href="{B}"><a href="page">x</a>')
    assert is_proven(program.source, program.compiled)
    text = program.text.replace(program.click_url("1", f"{A}page"), program.click_url("1", f"{B}page"))
    assert not is_proven(program.source, program.with_text(text))


def test_a_base_that_a_browser_does_not_use_is_none() -> None:
    html = f'<template><base href="{A}"></template><a href="page">x</a>'
    program = program_of("x")
    text = html.replace("page", program.click_url("1", f"{A}page")) + footer_of(program) + PIXEL
    assert not is_proven(*by_hand(html, text, [tracked("1", "page")]))


def test_a_base_for_outlook_is_none() -> None:
    html = f'<!--[if mso]><base href="{A}"><![endif]--><a href="page">x</a>'
    program = program_of("x")
    text = html.replace("page", program.click_url("1", f"{A}page")) + footer_of(program) + PIXEL
    assert not is_proven(*by_hand(html, text, [tracked("1", "page")]))


@pytest.mark.parametrize("prefix", ["th", "xlink"])
def test_an_attribute_with_a_prefix_beside_the_href_leaves_the_link_as_it_is(prefix: str) -> None:
    program = program_of(f'<p><a href="{A}" {prefix}:href="{B}">x</a></p>')
    assert [link.tracked for link in program.compiled.links] == [True]
    assert is_proven(program.source, program.compiled)


def test_an_attribute_with_a_prefix_hides_no_link_that_is_left() -> None:
    html = f'<p><a href="{A}" th:href="{B}">x</a></p>'
    assert not is_proven(*by_hand(html, html + footer_of(program_of("x")) + PIXEL, []))


# What rendering makes of values


HOSTILE = {
    "first_name": "<a href='javascript:1'>x</a>",
    "fields": {"x": ".evil.example", "y": "a b title=c"},
    "tags": ["<b>"],
}


def test_values_are_escaped_within_statements() -> None:
    program = program_of("{% if lead.first_name %}{{ lead.first_name }}{% endif %}")
    inside = program.text.replace("{{", "{% autoescape false %}{{").replace("}}", "}}{% endautoescape %}", 1)
    faulty = program.with_text(inside)
    assert seen(faulty) != seen(program.compiled)
    assert not is_proven(program.source, faulty)


def test_values_are_escaped_in_links_once() -> None:
    program = program_of("{% if lead.fields %}<a href='https://shop.example/?x={{ lead.fields.x }}'>x</a>{% endif %}")
    inside = program.text.replace("{% autoescape false %}", "").replace("{% endautoescape %}", "")
    assert inside != program.text
    assert not is_proven(program.source, program.with_text(inside))


def test_values_in_text_are_not_marked() -> None:
    program = program_of("<p>{{ lead.first_name | upper }}")
    faulty = program.with_text(program.text.replace("{{ ", "{{ ( ").replace(" }}", " ) | _value }}"))
    assert faulty != program.compiled
    assert seen(faulty) != seen(program.compiled)
    assert not is_proven(program.source, faulty)


def link_of(program: Program) -> LinkSlot:
    return next(slot for slot in program.slots if isinstance(slot, LinkSlot))


def test_values_in_links_stay_marked() -> None:
    """Without the mark a value could change the host, and the click would be signed for it."""
    program = program_of("<a href='https://shop{{ lead.fields.x | lower }}/'>x</a>")
    link = link_of(program)
    bare = [TemplateSlot("{{ lead.fields.x | lower }}") for _ in link.destination.slots]
    unmarked = replace(link, destination=Segments(link.destination.texts, tuple(bare)))
    assert not is_proven(program.source, program.replaced(link, unmarked))


def test_values_in_links_within_statements_stay_marked() -> None:
    program = program_of("{% if lead.fields %}<a href='https://shop{{ lead.fields.x }}/'>x</a>{% endif %}")
    assert "| _value" in program.text
    unmarked = program.text.replace("(lead.fields.x) | _value", "lead.fields.x")
    unmarked = unmarked.replace("( lead.fields.x ) | _value", "lead.fields.x")
    assert unmarked != program.text
    assert not is_proven(program.source, program.with_text(unmarked))


@pytest.mark.parametrize(
    "html", ["<a href=mailto:{{lead.fields.y}} id=x>x</a>", "{% if true %}<a href=mailto:{{lead.id}}>x</a>{% endif %}"]
)
def test_values_in_links_without_quotes_are_encoded(html: str) -> None:
    program = program_of(html)
    if OPEN in program.text:
        faulty = program.with_text(program.text.replace(", false)", ", true)"))
    else:
        link = link_of(program)
        faulty = program.replaced(link, replace(link, quoted=True))
    assert faulty != program.compiled
    assert not is_proven(program.source, faulty)


@pytest.mark.parametrize(
    "href",
    [
        "{{ lead.fields.url }}",
        "https://shop{{ lead.fields.x }}/",
        "mailto:{{ lead.email }}",
        "https://a.example/{{ lead.id }}",
    ],
)
def test_a_link_with_values_is_made_per_delivery(href: str) -> None:
    """Left as it is, a value could be "javascript:...", or change the host."""
    program = program_of(f'<a href="{href}">x</a>')
    link = link_of(program)
    inside = "".join(each if isinstance(each, str) else chr(0xF0001) for each in link.destination.pieces())
    field = next(each for each in link.destination.slots)
    assert program.compiled.html is not None
    texts, slots = program.compiled.html.texts, program.compiled.html.slots
    before, after = inside.split(chr(0xF0001))
    at = slots.index(link)
    inline = Segments(
        (*texts[:at], texts[at] + before, after + texts[at + 1], *texts[at + 2 :]),
        (*slots[:at], field, *slots[at + 1 :]),
    )
    reported = [replace(each, link="", tracked=False) for each in program.compiled.links]
    for links in (tuple(reported), ()):
        assert not is_proven(program.source, replace(program.compiled, html=inline, links=links))


@pytest.mark.parametrize(
    ("href", "everybodys"),
    [
        ("https://a.example/{% if lead.id %}b{% endif %}", "https://a.example/b"),
        ("{% if lead.id %}https://a.example/{% endif %}", "https://a.example/"),
        ("https://a.example/{% for tag in lead.tags %}b{% endfor %}", "https://a.example/b"),
    ],
)
def test_a_link_that_depends_on_the_lead_is_not_everybodys(href: str, everybodys: str) -> None:
    html = f'<a href="{href}">x</a>'
    program = program_of("x")
    text = f'<a href="{program.click_url("1", everybodys)}">x</a>{footer_of(program)}{PIXEL}'
    assert not is_proven(*by_hand(html, text, [tracked("1", everybodys)]))
    assert not is_proven(*by_hand(html, text, [tracked("1", href)]))


def test_a_link_with_values_that_could_be_tracked_is() -> None:
    program = program_of('<a href="https://a.example/{{ lead.id }}">x</a>')
    link = link_of(program)
    untracked = replace(
        program.replaced(link, replace(link, link="")), links=(left("https://a.example/{{ lead.id }}"),)
    )
    assert not is_proven(program.source, untracked)


@pytest.mark.parametrize("tail", ["", "x" * 100])
def test_a_link_that_could_be_tracked_is(tail: str) -> None:
    program = program_of(f'<a href="{A}{tail}">x</a>')
    assert not is_proven(*left_as_written(program, f"{A}{tail}"))


def test_a_link_is_left_for_its_length_only_where_its_click_url_would_be_too_long() -> None:
    def is_tracked(length: int) -> bool:
        return program_of(f'<a href="{A}{"x" * length}">x</a>').compiled.links[0].tracked

    length = bisect_left(range(9_000), True, key=lambda length: not is_tracked(length))
    too_long, longest = (f"{A}{'x' * each}" for each in (length, length - 1))
    assert is_proven(*left_as_written(program_of(f'<a href="{too_long}">x</a>'), too_long))
    assert not is_proven(*left_as_written(program_of(f'<a href="{longest}">x</a>'), longest))


def left_as_written(program: Program, url: str) -> tuple[ContentSource, CompiledContent]:
    """The link as its author wrote it, and reported as such."""
    text = program.text.replace(program.click_url("1", url), url)
    return program.source, replace(program.with_text(text), links=(left(url),))


def test_a_mail_that_leaves_no_character_for_signs_is_refused_for_that() -> None:
    program = program_of("".join(map(chr, range(0xE000, 0xF900))))
    (fault,) = prove(program.source, program.compiled, SIGNER).faults
    assert "it uses every private-use character" in fault.reason


# The compiled content around the HTML


def test_html_that_is_gone_is_noticed() -> None:
    program = program_of(f'<a href="{A}">x</a>')
    assert not is_proven(program.source, replace(program.compiled, html=None))
    assert not is_proven(program.source, replace(program.compiled, html=None, links=()))


def test_html_that_nobody_wrote_is_noticed() -> None:
    program = program_of(f'<a href="{A}">x</a>')
    assert not is_proven(replace(program.source, html=None, text="x"), program.compiled)


def test_text_alone_is_proven() -> None:
    source = source_of(text="Hello {{ lead.first_name }}")
    assert is_proven(source, compile_content(source, SIGNER))


def test_links_of_a_text_that_has_none_are_noticed() -> None:
    source = source_of(text="Hello")
    compiled = compile_content(source, SIGNER)
    assert not is_proven(source, replace(compiled, links=(tracked("1", A),)))


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "https://other.example"},
        {"base_url": ""},
        {"utm": ()},
        {"utm": (("source", "x"),)},
        {"tracked": False},
    ],
    ids=str,
)
def test_what_rendering_uses_beside_the_html_is_right(change: dict[str, object]) -> None:
    program = program_of("<a href='https://x.example/{{ lead.id }}'>x</a>", utm={"source": "news"})
    assert is_proven(program.source, program.compiled)
    assert not is_proven(program.source, replace(program.compiled, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("html", [f'<a href="{A}">x</a>', "<a href='https://x.example/{{ lead.id }}'>x</a>"])
def test_the_utm_tags_are_those_of_the_source(html: str) -> None:
    program = program_of(html, utm={"source": "news"})
    assert not is_proven(replace(program.source, utm={"source": "other"}), program.compiled)
    assert not is_proven(replace(program.source, utm={}), program.compiled)


def test_other_tracking_than_it_was_compiled_with_is_noticed() -> None:
    program = program_of(f'<a href="{A}">x</a>')

    class Other(Signer):
        base_url = "https://other.example"

    class OtherKey(Signer):
        def sign(self, link: str, destination: str) -> str:
            return "0" * 16

    assert prove(program.source, program.compiled, Other()).faults
    assert prove(program.source, program.compiled, OtherKey()).faults
    assert prove(program.source, program.compiled, None).faults


def test_what_was_compiled_without_tracking_is_not_proven_to_track() -> None:
    source = source_of(f'<a href="{A}">x</a>')
    compiled = compile_content(source, None)
    assert not prove(source, compiled, None).faults
    assert not is_proven(source, compiled)


def test_utm_tags_are_nothing_to_a_mail_that_tracks_nothing() -> None:
    source = source_of(f'<a href="{A}">x</a>', utm={"source": "news"})
    assert not prove(source, compile_content(source, None), None).faults


# What is said of a fault


@pytest.mark.parametrize(
    ("html", "old", "new", "place"),
    [
        ("<p>a</p>\r\n<p>{{ lead.first_name }} b</p>", " b", " c", (2, 26)),
        ("<div>\n<p>c</p></div>", "c</p>", "c</p><p>", (2, 10)),
        ("<!-- b -->\n{{ lead.first_name }}<p>c</p> <p>d</p>", PIXEL, "", (2, 39)),
        (f"{{{{ lead.id }}}}\n x <a href='{A}'>x</a>", "a.example", "b.example", (2, 4)),
        (
            f"{{% if lead.id %}}\nyes{{% else %}}no\n\n <a href='{A}'>x</a>{{% endif %}}",
            "a.example",
            "b.example",
            (4, 2),
        ),
        (f"<!--[if mso]>\n <v:rect href='{A}'><![endif]-->", "a.example", "b.example", (2, 2)),
    ],
    ids=["text", "tag", "pixel", "link", "branch", "Outlook"],
)
def test_a_fault_has_its_place_in_the_source(html: str, old: str, new: str, place: tuple[int, int]) -> None:
    program = program_of(html)
    faulty = program.with_text(program.text.replace(old, new))
    assert faulty != program.compiled
    (fault, *_) = prove(program.source, faulty, SIGNER).faults
    assert (fault.line, fault.column) == place, fault


def test_a_fault_of_a_link_shows_merge_tags_as_merge_tags() -> None:
    html = '<a href="https://a.example/{{lead.id}}{% if lead.id %}b{% endif %}">x</a>'
    program = program_of(html)
    faults = prove(program.source, program.with_links([]), SIGNER).faults
    assert "“https://a.example/{{ lead.id }}{% if lead.id %}b{% endif %}” is tracked" in faults[0].reason


def test_a_fault_of_a_text_shows_merge_tags_as_merge_tags() -> None:
    program = program_of("<p>{{lead.first_name}} a{% if lead.id %}b{% endif %}")
    lost = re.sub(r"(?<=<p>).*?(?= a)", "", program.text)
    (fault,) = prove(program.source, program.with_text(lost), SIGNER).faults
    assert "“{{ lead.first_name }} a{% if lead.id %}b{% endif %}”" in fault.reason


def test_of_many_faults_some_are_told_each_once() -> None:
    program = program_of("".join(f'<a href="{A}{number}">x</a>' for number in range(50)))
    faults = prove(program.source, program.with_links([]), SIGNER).faults
    assert (len(faults), len(set(faults))) == (20, 20)


class Failing(Signer):
    def sign(self, link: str, destination: str) -> str:
        raise OSError("no key")


def test_nothing_that_fails_is_proven_and_nothing_is_raised() -> None:
    program = program_of(f'<a href="{A}">x</a>')
    assert prove(program.source, program.compiled, Failing()).faults
    broken = program.with_text(f"{OPEN}{{% if x %}}{CLOSE}{ID}{LEAVE}")
    assert prove(program.source, broken, SIGNER).faults
