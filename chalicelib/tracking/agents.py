"""Person or machine, from what one request says of itself. A few rules about form, not a list of thousands of names.

A name list is out of date the day after it was written. What programs that are no browser have in common lasts longer:
they do not begin like a browser, or they say where to complain (an address), or they call themselves by their trade.
Measured in tests/unit/tracking/test_agents.py against a public list of user agents; docs/decisions/0022.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache


class MachineReason(StrEnum):
    """Why a hit is taken for a machine's. Kept with the hit in place of the user agent, which is stored nowhere."""

    NO_USER_AGENT = "no_user_agent"
    PRIVACY_PROXY = "privacy_proxy"
    """Apple's Mail Privacy Protection: loads every image of every mail."""
    NOT_A_BROWSER = "not_a_browser"
    """It does not begin like any browser, mail client or telephone."""
    TOOL = "tool"
    """It names an address or a trade: crawler, scanner, previewer, monitor, library."""


# Every text is compared in lower case: a third of the time of re.IGNORECASE.

# Mail services that fetch an image for somebody who has just opened the mail: a person's open.
_OPENS_FOR_A_PERSON = ("googleimageproxy", "ggpht.com", "yahoomailproxy")

# How browsers, mail clients and telephones begin, and what apps on telephones and television sets carry somewhere.
_LIKE_A_BROWSER = re.compile(
    r"^(?:m?ozilla ?/ ?\d|opera/|(?:android \d+\) )?applewebkit/|safari/|microsoft office/|(?:mac)?outlook|mozacfetch/|"
    r"e?links[ /]|lynx/|ncsa_mosaic|libwww/5|ibrowse|amiga|voyager|mot-|lg-|htc |nokia|blackberry|samsung|sonyericsson|"
    r"ucweb|untrusted/|onebrowser|quicktime|\[fban/|hulu/|roku|googleapp/|pinterest/|job search/|"
    # Filed under browsers by the list we are measured against; whatever they are, they read no mail.
    r"amazon-kendra-customer-id-<|mozilliqa|mylib/|lwprca)"
    r"|cfnetwork/|dalvik/|android[ /;)]|iphone[; \d]|windows phone|ios \d|midp|playstation|upnp|galaxy\)"
)

# Looked for one after the other, at 30 ns a word: in one pattern of everything they took twice as long to compile.
_TOOL_WORDS = (
    # an address to complain to, as in (+http://...)
    "http:// https:// www. mailto: "
    # trades
    "crawl spider robot scrap headless phantomjs selenium playwright puppeteer cypress/ lighthouse synthetic monitor "
    "pingdom uptime statuscake site24x7 catchpoint gomezagent ptst/ archiv preview favicon feed rss/ reader newsblur "
    "readkit prefetch validat inspect observatory insights dejaclick dareboost datanyze collapsify foregenix onetrust "
    "marketgoo morningscore mixnode semantic dmbrowser swcd burpcollab "
    # programs and their libraries
    "curl wget python perl ruby (java) httpclient http-client devtools cursor/ thumbor "
    # security scanners of mail
    "barracuda proofpoint mimecast safelinks defender symantec fireeye trendmicro forcepoint bitdefender sophos "
    # servants of the large ones
    "mediapartners googleweblight googlemessages -adwords duplexweb facebookexternalhit whatsapp/ transcoder"
)

_TOOL_WORD_LIST = tuple(_TOOL_WORDS.split())

# What needs more than a word: endings, and what must not stand before or after.
_TOOL = re.compile(
    # CUBOT makes telephones, CamScanner reads paper
    r"(?<!cu)bot(?![a-z])|(?<!cam)scan(?:ner)?\b|proxy\b|splash |; rigor|google (?:search|page)|(?<!amzn)-user/|"
    r"headers$|\w@[a-z]+\.|[a-z]\.(?:com|org|co|ai|gy|nu)\b(?!\.[a-z]+\.android)|"
    r"duckduckgo/\d+ (?:\(com|cfn)|^ddg|^anonymous,|"
    # old browsers are "compatible" with Mozilla; whatever else says so wants to be let in
    r"compatible;(?! ?(?:msie [\d.]+;|u;|konqueror|ibrowse|amiga|ms-office|netpositive|lucidworks-|amzn-))"
)


def is_speculative(method: str, headers: Mapping[str, str]) -> bool:
    """A request that nobody looked at: HEAD, or a browser's own prefetch (`Sec-Purpose`, W3C). It never counts."""
    if method == "HEAD":
        return True
    purposes = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any(word in purpose.lower() for purpose in purposes for word in ("prefetch", "prerender", "preview"))


@lru_cache(maxsize=256)  # mail clients are few and come again: a dictionary look-up instead of 20 us
def machine_reason(user_agent: str | None) -> MachineReason | None:
    """Why a hit is taken for a machine's; None for a person's."""
    agent = (user_agent or "").strip().lower()
    if not agent:
        return MachineReason.NO_USER_AGENT
    if agent == "mozilla/5.0":
        return MachineReason.PRIVACY_PROXY
    if any(proxy in agent for proxy in _OPENS_FOR_A_PERSON):
        return None
    if not _LIKE_A_BROWSER.search(agent):
        return MachineReason.NOT_A_BROWSER
    for word in _TOOL_WORD_LIST:
        if word in agent:
            return MachineReason.TOOL
    return MachineReason.TOOL if _TOOL.search(agent) else None
