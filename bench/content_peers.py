"""What others do to track the links of one mail: parse it, change its links, write it out again, per recipient."""

import html
import re
from collections.abc import Callable
from functools import cache
from urllib.parse import quote

BASE_URL = "https://t.leadflip.example"
DELIVERY_ID = "AbCdEf0123456789" * 3


def adapts(mail: str) -> bool:
    """Whether pytracking can adapt this mail at all; it fails in several ways on documents without a body."""
    try:
        with_pytracking(mail)
    except Exception:
        return False
    return True


def with_pytracking(mail: str) -> str:
    """pytracking's adapt_html, links and pixel."""
    adapt_html, configuration = _pytracking()
    return str(adapt_html(mail, {"delivery": DELIVERY_ID}, configuration=configuration))


@cache
def _pytracking() -> tuple[Callable[..., str], object]:
    from pytracking import Configuration  # type: ignore[import-untyped]
    from pytracking.html import adapt_html  # type: ignore[import-untyped]

    urls = {"base_open_tracking_url": f"{BASE_URL}/o/", "base_click_tracking_url": f"{BASE_URL}/c/"}
    return adapt_html, Configuration(**urls)


def _click(destination: str) -> str:
    return f"{BASE_URL}/t/c/{DELIVERY_ID}?l=1&u={quote(destination, safe='')}&s=signature"


def _html5lib(mail: str) -> str:
    import html5lib

    tree = html5lib.parse(mail, namespaceHTMLElements=False)
    for link in tree.iter("a"):
        href = link.get("href", "")
        if href.startswith("http"):
            link.set("href", _click(href))
    return str(html5lib.serialize(tree))


def _lxml(mail: str) -> str:
    from lxml import html as lxml_html  # type: ignore[import-untyped]

    tree = lxml_html.fromstring(mail)
    for link in tree.iter("a"):
        if (link.get("href") or "").startswith("http"):
            link.set("href", _click(str(link.get("href"))))
    return str(lxml_html.tostring(tree, encoding="unicode"))


def _selectolax(mail: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(mail)
    for link in tree.css("a[href]"):
        href = link.attributes.get("href") or ""
        if href.startswith("http"):
            link.attrs["href"] = _click(href)
    return tree.html or ""


_HREF = re.compile(r'(<a\b[^>]*?\bhref=")(https?://[^"]*)(")', re.IGNORECASE)


def _regex(mail: str) -> str:
    return _HREF.sub(lambda match: match[1] + html.escape(_click(html.unescape(match[2]))) + match[3], mail)


PEERS: dict[str, Callable[[str], str]] = {
    "html5lib": _html5lib,
    "lxml": _lxml,
    "selectolax": _selectolax,
    "a plain regex": _regex,
}
