"""What a lead's values can do to a link: nothing but fill it, judged by the URL parser of a browser."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest
from ada_url import URL
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.compiler import compile_content
from chalicelib.content.render import Rendered, Renderer
from tests.unit.content.mails import CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL, Tracking, rendered_html, source_of
from tests.unit.content.oracle import judge

STAYING = {"http:", "https:", "mailto:", "tel:", "sms:"}

# What moves a URL somewhere else, or looks as if it did: delimiters, what browsers drop or fold, what decodes to them.
PIECES = [
    "", "a", "shop", "evil.example", "@", ":", "/", "//", "///", "\\", "\\\\", "?", "#", ".", "-", "&", ";", " ",
    "\t", "\n", "\r", "\x00", "\x01", "\x0b", "\x1f", "\x7f", "\u00a0", "\u00ad", "\u2028", "\u200b", "\u3002",
    "\uff0e", "\uff0f", "\uff20", "\uff1a", "\u2100", "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3", "%", "%2f", "%40", "%2e",
    "%0a", "%00", "&#47;", "&commat;", "'", '"', "<", ">", "[", "]", "[::1]", "127.0.0.1", "0x7f", ":8080", ":@", "s",
    "@evil.example", ".evil.example", "evil.example/", "evil.example?", "evil.example#", "https:", "http:", "https://",
    "https:/",
    "HTTPS://evil.example", "https:\\\\evil.example", "https://good.example@evil.example/",
    "//evil.example", "/\\evil.example", "\\@evil.example", "javascript:", "JaVa\tScript:alert(1)", "vbscript:x",
    "data:text/html,x", "file:///etc", "blob:x", "mailto:a@evil.example", "tel:1", "sms:1", "{{ x }}",
    "{% if %}", "\u00e9", "xn--a",
]  # fmt: skip
values = st.lists(st.sampled_from(PIECES), max_size=4).map("".join) | st.text(max_size=6)

FIXED, BELOW, ANY = "example.com alone", "below example.com", "any web, mail or phone address"
LINKS = [
    ("https://example.com{{ A }}", FIXED), ("https://example.com{{ A }}{{ B }}", FIXED),
    ("https://example.com{{ A }}/path", FIXED), ("https://example.com/{{ A }}", FIXED),
    ("https://example.com/{{ A }}/{{ B }}?q={{ A }}#{{ B }}", FIXED), ("https://example.com?{{ A }}", FIXED),
    ("https://example.com#{{ A }}", FIXED), ("https://example.com\\{{ A }}", FIXED),
    ("HTTPS://example.com{{ A }}", FIXED), ("https:/{{ A }}/example.com/", FIXED),
    (" \n https://example.com{{ A }}", FIXED), ("ht&Tab;tps://exa\nmple.com{{ A }}", FIXED),
    ("&#104;ttps&colon;//example&period;com{{ A }}", FIXED), ("{{ A }}://example.com/", FIXED),
    ("{{ A }}://example.com{{ B }}", FIXED), ("http{{ A }}://example.com/{{ B }}", FIXED),
    ("{{ A }}//example.com/", FIXED), ("{{ A }}example.com/", FIXED), ("https:{{ A }}example.com/", FIXED),
    ("https://{{ A }}/example.com", ANY), ("https://{{ A }}example.com/", BELOW),
    ("https://{{ A }}.example.com/", BELOW), ("https://{{ A }}.{{ B }}.example.com", BELOW),
    ("https://www-{{ A }}.example.com/", BELOW), ("https://{{ A }}@example.com/", FIXED),
    ("https://user:{{ A }}@example.com/", FIXED), ("https://{{ A }}{{ B }}.example.com/", BELOW),
    ("https://example.com:{{ A }}/", FIXED), ("//example.com{{ A }}", FIXED), ("//{{ A }}", ANY),
    ("{{ A }}", ANY), ("{{ A }}{{ B }}", ANY), ("{{ A }}/path", ANY), ("{{ A }}?x={{ B }}", ANY),
    ("https://{{ A }}", ANY), ("https://{{ A }}/", ANY), ("{{ A }}:{{ B }}", ANY), ("java{{ A }}script:x", ANY),
    ("javascript:{{ A }}", ANY),
    ("mailto:{{ A }}?subject={{ B }}", ANY), ("tel:{{ A }}", ANY), ("page.html{{ A }}", ANY), ("/{{ A }}", ANY),
    ("{% if A %}https://example.com{% endif %}{{ A }}", FIXED),
    ("{% if A == 'a' %}https://example.com/{% else %}https://example.com{% endif %}{{ B }}", FIXED),
    ("https://example.com{% for x in [A, B] %}{{ x }}{% endfor %}", FIXED),
    ("https://example.com{% if A %}{{ A }}{% else %}{{ B }}{% endif %}", FIXED),
    ("https://{% if A %}{{ A }}.{% endif %}example.com/", BELOW),
    ("https://example.com{% raw %}{{ A }}{% endraw %}/{{ A }}", ANY),
    ("&#123;{ x }}{{ A }}", ANY), ("{{ 'https://example.com' }}{{ A }}", FIXED),
    ("https://{{ 'example.com' }}{{ A }}", FIXED), ("https://example.com{{ A }}{{ B }}{{ A }}", FIXED),
    ("{{ '' | default('https://example.com') }}{{ A }}{{ B }}", FIXED),
    ("{{ A }}{{ unsubscribe_url }}", ANY), ("https://example.com{{ A }}?u={{ unsubscribe_url }}", FIXED),
]  # fmt: skip
FORMS = ["lead.fields.{}", "lead.fields['{}']", "lead.fields.{} | trim", 'lead.fields.{} | default("") | lower']
FRAMES = [
    "<a href={q}{href}{q} id=x>t</a>",
    "<area class=y href={q}{href}{q} id=x>",
    "<a href={q}{href}{q} id=x data-no-track>t</a>",
    "{{% if true %}}<a href={q}{href}{q} id=x>t</a>{{% endif %}}",
    "{{% for i in [1] %}}<p><a href={q}{href}{q} id=x>t</a>{{% endfor %}}",
    "{{% if true %}}<a href={q}{href}{q} id=x data-no-track>t</a>{{% endif %}}",
    "<svg><a xlink:href={q}{href}{q} id=x>t</a></svg>",
]


def rendered(html: str, lead: Mapping[str, object], *, tracked: bool = True) -> Rendered:
    tracking = Tracking() if tracked else None
    renderer = Renderer(compile_content(source_of(html), tracking), tracking)
    return renderer.render(lead, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)


def href_in(html: str) -> str:
    """Where the link with id x leads, as a browser reads it, through the click redirect."""
    found = [dict(seen[2]) for seen in judge(html) if seen[0] == "start" and dict(seen[2]).get("id") == "x"]
    assert len(found) == 1
    href = str(found[0].get("href") or found[0].get("xlink:href") or "")
    if href.startswith("https://t.example/t/c/"):
        return parse_qs(urlsplit(href).query, strict_parsing=True)["u"][0]
    return href


def assert_leads_where_it_may(href: str, where: str) -> None:
    if href == "" or href.startswith(UNSUBSCRIBE_URL):
        return
    try:
        url = URL(href)
    except ValueError:
        assert re.match("https?:|mailto:|tel:|sms:", href, re.IGNORECASE), href  # no browser follows it
        return
    assert url.protocol in STAYING
    if where is not ANY and url.protocol in ("http:", "https:"):
        assert url.port == ""
        assert url.hostname == "example.com" or (where is BELOW and url.hostname.endswith(".example.com"))


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(LINKS), st.sampled_from(FORMS), st.sampled_from(FRAMES), st.sampled_from("\"'"), values, values)
def test_no_value_moves_a_link_to_a_host_or_scheme_of_its_own(
    link: tuple[str, str], form: str, frame: str, quote: str, a: str, b: str
) -> None:
    written, where = link
    href = re.sub(r"\b([AB])\b", lambda name: form.format(name[1].lower()), written)
    form_quote = "'" if quote == '"' else '"'
    html = frame.format(q=quote, href=re.sub("['\"]", form_quote, href))
    lead = {"fields": {"a": a, "b": b}}
    for tracked in (True, False):
        assert_leads_where_it_may(href_in(rendered(html, lead, tracked=tracked).html or ""), where)


@settings(max_examples=500, deadline=None)
@given(values)
def test_a_value_never_leaves_an_unquoted_href(value: str) -> None:
    output = rendered_html("<a href={{ lead.fields.a }} id=x>t</a>", {"fields": {"a": value}})
    assert_leads_where_it_may(href_in(output), ANY)
    assert {name for name, _ in judge(output)[0][2]} == {"href", "id"}


@pytest.mark.parametrize(
    ("href", "value", "destination"),
    [
        ("{{ V }}", "https://shop.example/a?b#c", "https://shop.example/a?b#c"),
        ("{{ V }}", "  HTTP://shop.example ", "HTTP://shop.example"),
        ("{{ V }}", "https://shop.example:8443", "https://shop.example:8443"),
        ("{{ V }}", "mailto:a@shop.example?subject=x", "mailto:a@shop.example?subject=x"),
        ("{{ V }}", "tel:+49 30", "tel:+49 30"),
        ("{{ V }}", "SMS:1", "SMS:1"),
        ("{{ V }}", "javascript:alert(1)", ""),
        ("{{ V }}", "vbscript:x", ""),
        ("{{ V }}", "data:text/html,x", ""),
        ("{{ V }}", "\x01javascript:alert(1)", ""),
        ("{{ V }}", "java\nscript:alert(1)", ""),
        ("{{ V }}", "shop.example/a", ""),
        ("{{ V }}", "//shop.example", ""),
        ("{{ V }}", "/path", ""),
        ("{{ V }}", "#top", ""),
        ("{{ V }}", "https:shop.example", ""),
        ("{{ V }}", "", ""),
        ("{{ V }}/path", "https://shop.example", "https://shop.example/path"),
        ("{{ V }}?a=1", "https://shop.example", "https://shop.example?a=1"),
        ("{{ V }}.shop.example/", "https://evil.example/", ""),
        ("{{ V }}//shop.example/", "https://evil.example", ""),
        ("{{ V }}://shop.example/", "https", "https://shop.example/"),
        ("{{ V }}://shop.example/", "https://evil.example/?", ""),
        ("https://{{ V }}/path", "shop.example", "https://shop.example/path"),
        ("https://{{ V }}.shop.example/", "eu", "https://eu.shop.example/"),
        ("https://{{ V }}.shop.example/", "a.eu", "https://a.eu.shop.example/"),
        ("https://{{ V }}.shop.example/", "evil.example/", ""),
        ("https://{{ V }}.shop.example/", "m\u00fcnchen", ""),
        ("https://{{ V }}shop.example/", "evil", ""),
        ("https://{{ V }}shop.example/", "evil-", ""),
        ("https://{{ V }}shop.example/", "eu.", "https://eu.shop.example/"),
        ("https://shop.example{{ V }}", "/a", "https://shop.example/a"),
        ("https://shop.example{{ V }}", "?a", "https://shop.example?a"),
        ("https://shop.example{{ V }}", "", "https://shop.example"),
        ("https://shop.example{{ V }}", "@evil.example", ""),
        ("https://shop.example{{ V }}", ".evil.example", ""),
        ("https://shop.example{{ V }}", ":8080/", ""),
        ("https://shop.example{{ V }}", "\\@evil.example", ""),
        ("https://shop.example{{ V }}", "\ufdd2@evil.example\ufdd2", ""),
        ("https://shop.example\ufdd2{{ V }}", "@evil.example", ""),
        ("{{ 'https://shop.example' }}{{ V }}", ".evil.example", ""),
        ("{{ V | default('https://shop.example/') }}", "", "https://shop.example/"),
        ("https://shop.example/{{ V }}", "/evil.example:80@x", "https://shop.example//evil.example:80@x"),
        ("mailto:{{ V }}", "a@shop.example", "mailto:a@shop.example"),
        ("#{{ V }}", "top", "#top"),
        ("javascript:{{ V }}", "x", ""),
        ("ftp://shop.example/{{ V }}", "x", ""),
        ("page.html?x={{ V }}", "1", ""),
    ],
)
@pytest.mark.parametrize("frame", [FRAMES[0], FRAMES[2], FRAMES[3]])
def test_a_rendered_link_leads_to_the_web_a_mailbox_or_a_phone_or_nowhere(
    href: str, value: str, destination: str, frame: str
) -> None:
    html = frame.format(q='"', href=href.replace("V", "lead.fields.v"))
    mail = rendered(html, {"fields": {"v": value}})
    assert href_in(mail.html or "") == destination
    assert mail.empty_links == (destination == "")


def test_the_links_that_were_left_empty_are_counted_one_by_one() -> None:
    html = (
        "<a href='{{ lead.fields.a }}'>A</a><a href='https://x.example{{ lead.fields.b }}'>B</a><a href=''>C</a>"
        "{% for tag in lead.tags %}<a href='{{ tag }}'>D</a>{% endfor %}<p>{{ lead.fields.a | upper }}</p>"
    )
    lead = {"fields": {"a": "javascript:x", "b": "/ok"}, "tags": ["https://y.example/", "data:x", "ftp:x"]}
    assert rendered(html, lead).empty_links == 3
    assert rendered(html, lead, tracked=False).empty_links == 3
    assert rendered(html, {"fields": {"a": "https://x.example/"}}).empty_links == 0


def test_a_link_that_is_not_to_be_tracked_is_filled_and_not_redirected() -> None:
    for href in ("https://x.example/{{ lead.id }}", "{{ lead.fields.v }}", "mailto:{{ lead.email }}"):
        html = f'<a id=x href="{href}" data-no-track>t</a>'
        output = rendered_html(html, {"lead_id": "1", "email": "a@b.example", "fields": {"v": "https://x.example/1"}})
        assert "/t/c/" not in output
        assert href_in(output) in ("https://x.example/1", "mailto:a@b.example")


def test_relative_links_with_values_are_resolved_and_tracked() -> None:
    html = "<base href='https://shop.example/dir/'><a id=x href='{}'>t</a>"
    for href, value, destination in (
        ("page?x={{ V }}", "1", "https://shop.example/dir/page?x=1"),
        ("/{{ V }}", "/evil.example", "https://shop.example//evil.example"),
        ("//shop.example{{ V }}", "@evil.example", ""),
        ("{{ V }}", "https://other.example/", "https://other.example/"),
    ):
        mail = rendered(html.format(href.replace("V", "lead.fields.v")), {"fields": {"v": value}})
        assert href_in(mail.html or "") == destination


def test_the_text_part_shows_no_address_whose_host_a_value_could_change() -> None:
    html = (
        "<a href='https://shop.example{{ lead.fields.v }}'>Shop</a> <a href='https://shop.example/{{ lead.id }}'>Go</a>"
    )
    text = rendered(html, {"lead_id": "lead_1", "fields": {"v": "@evil.example"}}).text
    assert "evil" not in text
    assert "Go (https://shop.example/lead_1)" in text
