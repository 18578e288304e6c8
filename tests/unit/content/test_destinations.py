"""Every URL arrives as its author wrote it."""

import re
import string
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.destinations import with_utm
from tests.unit.content.mails import DELIVERY_ID, compiled_html, rendered_html
from tests.unit.content.oracle import judge

# All of RFC 3986, and what people paste besides: quotes, angle brackets, backslashes, other scripts.
PASTED = '"<>\\^`{|} \u00e9\u4e2d\U0001f600\u00a0'
URL_CHARACTERS = string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%" + PASTED
REFERENCES = {"&": ("&amp;", "&#38;", "&#x26;"), '"': ("&quot;", "&#34;"), "<": ("&lt;", "<"), "'": ("&#39;", "&apos;")}

tails = st.lists(
    st.one_of(
        st.text(URL_CHARACTERS, max_size=20),
        st.sampled_from(
            ["%20", "%2B", "%zz", "%", "&copy=1", "&amp;", "&lt", "+", ";", "#a#b", "?a=1&b=2", "//", "/../"]
        ),
    ),
    max_size=12,
).map(lambda parts: re.sub(r"\{[{%]+", "{", "".join(parts)))


def destination_in(html: str) -> str:
    """The decoded `u` of the first link, read by html5lib and urllib as a browser and the server would."""
    href: str = next(dict(seen[2])["href"] for seen in judge(html) if seen[:2] == ("start", "a"))
    parts = urlsplit(href)
    assert parts.path == f"/t/c/{DELIVERY_ID}"
    query = parse_qs(parts.query, strict_parsing=True, keep_blank_values=True)
    assert set(query) == {"l", "u", "s"}
    return str(query["u"][0])


@settings(max_examples=300, deadline=None)
@given(tail=tails, data=st.data())
def test_generated_urls_arrive_character_for_character(tail: str, data: st.DataObject) -> None:
    url = f"https://x.example/{tail}".rstrip(" ")
    written = "".join(data.draw(st.sampled_from(REFERENCES[c])) if c in REFERENCES else c for c in url)
    assert destination_in(rendered_html(f'<p><a class=b href="{written}">x</a>')) == url


def test_urls_of_2_000_characters_arrive() -> None:
    url = "https://x.example/?q=" + "a/b%20c+d;e&f=~" * 132
    assert len(url) >= 2_000
    assert destination_in(rendered_html(f"<a href='{url.replace('&', '&amp;')}'>x</a>")) == url


def test_the_urls_of_real_mails_arrive(real_mails: dict[str, str]) -> None:
    for name, mail in real_mails.items():
        links = [link for link in compiled_html(mail).links if link.tracked]
        clicks = [part.partition("&amp;s=")[0] for part in rendered_html(mail).split("&amp;u=")[1:]]
        for link, click in zip(links, clicks, strict=True):
            assert unquote(click) == link.url or "<base" in mail, name


@pytest.mark.parametrize(
    ("url", "tagged"),
    [
        ("https://x.example", "https://x.example?utm_source=news&utm_campaign=spring%20sale"),
        ("https://x.example/?", "https://x.example/?utm_source=news&utm_campaign=spring%20sale"),
        ("https://x.example/?a=1", "https://x.example/?a=1&utm_source=news&utm_campaign=spring%20sale"),
        ("https://x.example/?a=1&", "https://x.example/?a=1&utm_source=news&utm_campaign=spring%20sale"),
        ("https://x.example/#top?a", "https://x.example/?utm_source=news&utm_campaign=spring%20sale#top?a"),
        ("https://x.example/?utm_source=me#t", "https://x.example/?utm_source=me&utm_campaign=spring%20sale#t"),
        ("https://x.example/?utm%5Fsource=me", "https://x.example/?utm%5Fsource=me&utm_campaign=spring%20sale"),
        ("https://x.example/?UTM_Source=&utm_campaign=x", "https://x.example/?UTM_Source=&utm_campaign=x"),
    ],
)
def test_utm_tags_join_before_the_fragment_and_overwrite_nothing(url: str, tagged: str) -> None:
    utm = {"source": "news", "campaign": "spring sale", "medium": ""}
    assert with_utm(url, utm) == tagged
    assert destination_in(rendered_html(f'<a href="{url.replace("&", "&amp;")}">x</a>', utm=utm)) == tagged


def test_utm_tags_join_destinations_that_differ_per_recipient() -> None:
    html = '<a href="https://x.example/{{ lead.id }}#t">x</a>'
    assert destination_in(rendered_html(html, utm={"source": "news"})) == "https://x.example/lead_1?utm_source=news#t"
