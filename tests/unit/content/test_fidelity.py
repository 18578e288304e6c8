"""Nothing but hrefs changes: the author's bytes, checked without trusting our own places."""

import html
import re
from random import Random
from urllib.parse import unquote, urljoin

import pytest

from chalicelib.content.values import escape_attribute
from tests.unit.content.mails import BASE_URL, UNSUBSCRIBE_URL, rendered_html
from tests.unit.content.oracle import Seen, judge, random_document

CLICK = re.compile(rf"{re.escape(BASE_URL)}/t/c/D{{48}}\?l=(\d+)&amp;u=([\w%.~-]*)&amp;s=s(\d+)")
HREF = re.compile(r"""href\s*=\s*("[^"]*"|'[^']*'|[^\s>]*)""", re.IGNORECASE)
ADDED = re.compile(
    rf'<p style="[^"]*"><a style="[^"]*" href="{re.escape(UNSUBSCRIBE_URL)}">Unsubscribe</a></p>'
    rf'<img src="{re.escape(BASE_URL)}/t/o/D{{48}}\.gif" width="1" height="1" alt="" style="[^"]*">'
)


def browser_reads(attribute: str) -> str:
    """What html5lib makes of an attribute's raw value, white space at its ends dropped as browsers do."""
    quote = "'" if '"' in attribute else '"'
    return str(dict(judge(f"<a href={quote}{attribute}{quote}>")[0][2])["href"])


def tidy(url: str) -> str:
    """As browsers read URLs: no white space around, no tabs and line breaks inside."""
    return re.sub("[\t\n\r]", "", url.strip(" \t\n\f\r"))


def without_additions(output: str) -> str:
    """The output without footer and pixel, which must be there exactly once."""
    rest, count = ADDED.subn("", output)
    assert count == 1
    return rest


def assert_only_hrefs_changed(source: str, output: str) -> int:
    """Everything between click URLs is the source's, and what each replaced means its destination. Answers how many."""
    output = without_additions(output)
    clicks = list(CLICK.finditer(output))
    kept = CLICK.split(output)[::4]
    bases = [dict(seen[2]).get("href", "") for seen in judge(source) if seen[:2] == ("start", "base")][:1]
    assert source.startswith(kept[0])
    position = len(kept[0])
    for number, (click, following) in enumerate(zip(clicks, kept[1:], strict=True), start=1):
        assert click[1] == click[3] == str(number)
        destination = unquote(click[2])
        last = number == len(clicks)
        end = len(source) - len(following) if last else source.find(following, position)
        while destination not in {urljoin(base, tidy(browser_reads(source[position:end]))) for base in ("", *bases)}:
            assert not last
            assert end >= 0, destination
            end = source.find(following, end + 1)
        assert source.startswith(following, end)
        position = end + len(following)
    assert position == len(source)
    return len(clicks)


def test_real_mails_change_in_their_hrefs_only(real_mails: dict[str, str]) -> None:
    tracked = 0
    for name, mail in real_mails.items():
        try:
            found = assert_only_hrefs_changed(mail, rendered_html(mail))
            links = [seen for seen in judge(mail) if seen[:2] in (("start", "a"), ("start", "area"))]
            hrefs = [dict(seen[2]).get("href", "") for seen in links]
            assert found >= sum(href.strip().lower().startswith(("http://", "https://")) for href in hrefs)
            tracked += found
        except AssertionError as error:
            raise AssertionError(name) from error
    assert tracked > 1.5 * len(real_mails)


def comparable(seen: list[Seen]) -> list[Seen]:
    """The tokens with every href left out, and neighbouring texts as one."""
    tokens: list[Seen] = []
    for token in seen:
        if token[0] == "start":
            tokens.append(("start", token[1], tuple(item for item in token[2] if item[0] != "href")))
        elif token[0] == "text" and tokens and tokens[-1][0] == "text":
            tokens[-1] = ("text", tokens[-1][1] + token[1])
        elif token[0] == "comment":
            tokens.append(
                ("comment", re.sub(r"""href\s*=\s*("[^"]*"|'[^']*'|[^\s>]*)""", "href", token[1], flags=re.IGNORECASE))
            )
        else:
            tokens.append(token)
    return tokens


def assert_same_stream(document: str) -> None:
    """html5lib sees the same tokens before and after; hrefs differ only where http(s) links became click URLs."""
    output = without_additions(rendered_html(document))
    before, after = judge(document), judge(output)
    assert comparable(before) == comparable(after)
    for old, new in zip(before, after, strict=True):
        if old[0] == "start" and old != new:
            href = dict(new[2])["href"]
            written = tidy(dict(old[2])["href"])
            assert old[1] in ("a", "area") or old[1].startswith("v:")
            assert re.fullmatch(r"https?://.+", written, re.IGNORECASE | re.DOTALL)
            assert unquote(href.partition("&u=")[2].partition("&s=")[0]) == written


@pytest.mark.parametrize("seed", range(4))
def test_random_documents_keep_their_token_stream(seed: int) -> None:
    random = Random(seed)
    for _ in range(300):
        assert_same_stream(random_document(random))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2_000, 2_200))
def test_200_000_random_documents_keep_their_token_stream(seed: int) -> None:
    random = Random(seed)
    for _ in range(1_000):
        assert_same_stream(random_document(random))


@pytest.mark.parametrize("seed", range(2))
def test_random_documents_lose_not_a_character(seed: int) -> None:
    random = Random(seed + 50)
    for _ in range(300):
        document = random_document(random)
        assert_only_hrefs_changed(document, rendered_html(document))


@pytest.mark.parametrize(
    ("written", "destination"),
    [
        ('<a href="https://x.example/">', "https://x.example/"),
        ("<a href='https://x.example/it&#39;s'>", "https://x.example/it's"),
        ("<a href=https://x.example/a/>", "https://x.example/a/"),
        ('<A HREF = "HTTPS://X.example/A">', "HTTPS://X.example/A"),
        ('<a href\n=\n"https://x.example/">', "https://x.example/"),
        ('<a\thref="  https://x.example/ \n">', "https://x.example/"),
        ('<a href="https://x.example/a\nb">', "https://x.example/ab"),
        ('<a href="https://x.example/?a=1&amp;b=2&#38;c=3&d=4">', "https://x.example/?a=1&b=2&c=3&d=4"),
        ('<a href="https://x.example/?a=1&copy=2&notit=3&amp=4">', "https://x.example/?a=1&copy=2&notit=3&amp=4"),
        ('<a href="https://x.example/a&nbsp;b">', "https://x.example/a\u00a0b"),
        ('<a href="https://x.example/&#128;&#0;">', "https://x.example/\u20ac\ufffd"),
        ('<a title="a > b" href="https://x.example/">', "https://x.example/"),
        ('<a href="https://x.example/1" href="https://x.example/2">', "https://x.example/1"),
        ('<area shape=rect href="https://x.example/">', "https://x.example/"),
        ('<svg><a href="https://x.example/"><text>t</text></a></svg>', "https://x.example/"),
        ('<template><a href="https://x.example/"></a></template>', "https://x.example/"),
        ('<!--[if mso]><a href="https://x.example/">x</a><![endif]-->', "https://x.example/"),
        ('<!--[if gte mso 9]><v:roundrect href="https://x.example/" arcsize="5%"></v:roundrect><![endif]-->', "https://x.example/"),
        ('<![if !mso]><a href="https://x.example/">x</a><![endif]>', "https://x.example/"),
        ('<!--[if !mso]><!--><a href="https://x.example/">x</a><!--<![endif]-->', "https://x.example/"),
        ('<base href="https://b.example/dir/"><a href="page?x=1#y">', "https://b.example/dir/page?x=1#y"),
        ('<base href="https://b.example/dir/"><a href="//c.example/p">', "https://c.example/p"),
        ('<a href="https://b\u00fccher.example/\u00fc?q=\u00fc">', "https://b\u00fccher.example/\u00fc?q=\u00fc"),
        ('<a href="https://x.example/%41%2b+%2B;a=1?%zz#f%20g">', "https://x.example/%41%2b+%2B;a=1?%zz#f%20g"),
        ("\ufeff<p>\r\n<a href=\"https://x.example/\">\r\n", "https://x.example/"),
        ('<div {% raw %}{{ x }}{% endraw %}><a href="https://x.example/">', "https://x.example/"),
    ],
)  # fmt: skip
def test_a_link_is_tracked_and_leads_where_the_author_says(written: str, destination: str) -> None:
    clicks = list(CLICK.finditer(rendered_html(written)))
    assert [unquote(click[2]) for click in clicks] == [destination]
    if "{%" not in written and "<base" not in written:
        assert assert_only_hrefs_changed(written, rendered_html(written)) == 1


@pytest.mark.parametrize(
    "written",
    [
        '<a href="mailto:a@b.example">', '<a href="tel:+49">', '<a href="sms:1">', '<a href="#top">', '<a href="">',
        "<a href>", '<a href="javascript:alert(1)">', '<a href="data:text/html,x">', '<a href="page.html">',
        '<a href="//x.example/">', '<base href="https://b.example/"><a href="//[x.example/">',
        '<a href="https://x.example/" data-no-track>', '<a data-href="https://x.example/">',
        '<a xlink:href="https://x.example/">',
        '<!-- <a href="https://x.example/"> -->', '<style>a:after{content:"<a href=https://x.example/>"}</style>',
        '<script>"<a href=https://x.example/>"</script>', '<title><a href="https://x.example/"></title>',
        '<textarea><a href="https://x.example/"></textarea>',
        '<link href="https://x.example/">', '<a href="https:///path">', '<a href="https://">', '<a href="http:x">',
        '<a href="https://x.example/\x01">', '<a href="https://x.example/' + "y" * 8_000 + '">', '<a b="c" href',
        "<base href='https://x.example/'>", '<a href="https://x.example/', "<p>&lt;a href=https://x.example/&gt;",
    ],
)  # fmt: skip
def test_what_is_no_web_link_stays_untouched(written: str) -> None:
    assert without_additions(rendered_html(written)) == written


RAW = ("style", "xmp", "title", "textarea", "script", "iframe", "noembed", "noframes", "plaintext")
HIDING = ("select", "template", "noscript", "svg", "math", "object", "video", "audio", "canvas")


@pytest.mark.parametrize(
    ("written", "before"),
    [
        ("<p>a</p></body></html>", "</body></html>"),
        ("<body>a</body>b</BODY >c", "</BODY >c"),
        ("<body>a</body><!-- </body> -->", "</body><!-- </body> -->"),
        ("<style></body></style>a", ""),
        ("a", ""),
        ("a<!-- open", "<!-- open"),
        ("a<style>p{}", "<style>p{}"),
        ('a<a href="open', '<a href="open'),
        ("a</", "</"),
        ("{% if lead.id %}a</body>{% else %}b</body>{% endif %}c", ""),
        *((f"<p>hi</p><{name}>", f"<{name}>") for name in RAW),
        *((f"<p>hi</p><{name} class=x>a <b>b", f"<{name} class=x>a <b>b") for name in (*RAW, *HIDING)),
        *((f"<p>hi<{name}>a</{name}>b", "") for name in (*RAW, *HIDING) if name != "plaintext"),
        ("<p>hi<select><option>a<option>b</body></html>", "<select><option>a<option>b</body></html>"),
        ("<p>hi<svg><g><path/></g><path d=x></svg></body>", "<svg><g><path/></g><path d=x></svg></body>"),
        ("<p>hi<svg><path/></svg></body>", "</body>"),
        ("<svg/><p>hi</p></body>", "</body>"),
    ],
)
def test_footer_and_pixel_stand_where_they_are_seen(written: str, before: str) -> None:
    output = rendered_html(written)
    match = ADDED.search(output)
    assert match is not None
    assert output[match.end() :] == before


def test_encoding_for_an_attribute_is_undone_by_a_browser() -> None:
    value = "".join(map(chr, range(1, 128))).replace("\r", "")
    assert browser_reads(escape_attribute(value)) == value
    assert html.unescape(escape_attribute(value)) == value
    unquoted = str(dict(judge(f"<a href=x{escape_attribute(value, quoted=False)}>")[0][2])["href"])
    assert unquoted == "x" + value
