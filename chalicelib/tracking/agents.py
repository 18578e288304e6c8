"""Classifies a request as a person's or a machine's by its headers: by a few rules of form, not by a list of names.

Name lists are soon out of date. What programs other than browsers have in common lasts longer: they do not begin like a
browser, or they contain a contact address, or they name their purpose. Measured in
tests/unit/tracking/test_agents.py against a public list of user agents; docs/decisions/0022.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache


class MachineReason(StrEnum):
    """Why a machine is assumed. Stored with the hit; the user agent itself is not stored."""

    NO_USER_AGENT = "no_user_agent"
    PRIVACY_PROXY = "privacy_proxy"
    """Apple's Mail Privacy Protection, which loads every image of every mail."""
    NOT_A_BROWSER = "not_a_browser"
    """It does not begin like a browser, mail client or phone."""
    TOOL = "tool"
    """It names a contact address or a purpose: crawler, scanner, previewer, monitor, library."""
    NOT_A_NAVIGATION = "not_a_navigation"
    """Of clicks: it calls itself a browser and lacks what that browser sends with every page (navigation.py)."""


# All text is compared in lower case: it takes a third of the time of re.IGNORECASE.

# Image proxies of mail services that fetch when a person opens the mail.
_OPENS_FOR_A_PERSON = ("googleimageproxy", "ggpht.com", "yahoomailproxy")

# How browsers, mail clients and phones begin, and what apps on phones and televisions contain.
_LIKE_A_BROWSER = re.compile(
    r"^(?:m?ozilla ?/ ?\d|opera/|(?:android \d+\) )?applewebkit/|safari/|microsoft office/|(?:mac)?outlook|mozacfetch/|"
    r"e?links[ /]|lynx/|ncsa_mosaic|libwww/5|ibrowse|amiga|voyager|mot-|lg-|htc |nokia|blackberry|samsung|sonyericsson|"
    r"ucweb|untrusted/|onebrowser|quicktime|\[fban/|hulu/|roku|googleapp/|pinterest/|job search/|"
    # Browsers according to the list that this is measured against.
    r"amazon-kendra-customer-id-<|mozilliqa|mylib/|lwprca)"
    r"|cfnetwork/|dalvik/|android[ /;)]|iphone[; \d]|windows phone|ios \d|midp|playstation|upnp|galaxy\)"
)

# Searched one after the other, at 30 ns a word: one pattern of all words took twice as long to compile.
_TOOL_WORDS = (
    # a contact address, as in (+http://...)
    "http:// https:// www. mailto: "
    # purposes
    "crawl spider robot scrap headless phantomjs selenium playwright puppeteer cypress/ lighthouse synthetic monitor "
    "pingdom uptime statuscake site24x7 catchpoint gomezagent ptst/ archiv preview favicon feed rss/ reader newsblur "
    "readkit prefetch validat inspect observatory insights dejaclick dareboost datanyze collapsify foregenix onetrust "
    "marketgoo morningscore mixnode semantic dmbrowser swcd burpcollab "
    # programs and their libraries
    "curl wget python perl ruby (java) httpclient http-client devtools cursor/ thumbor "
    # security scanners of mail
    "barracuda proofpoint mimecast safelinks defender symantec fireeye trendmicro forcepoint bitdefender sophos "
    # services of large companies
    "mediapartners googleweblight googlemessages -adwords duplexweb facebookexternalhit whatsapp/ transcoder"
)

_TOOL_WORD_LIST = tuple(_TOOL_WORDS.split())

# Words that need their context.
_TOOL = re.compile(
    # CUBOT makes phones, CamScanner scans paper
    r"(?<!cu)bot(?![a-z])|(?<!cam)scan(?:ner)?\b|proxy\b|splash |; rigor|google (?:search|page)|(?<!amzn)-user/|"
    r"headers$|\w@[a-z]+\.|[a-z]\.(?:com|org|co|ai|gy|nu)\b(?!\.[a-z]+\.android)|"
    r"duckduckgo/\d+ (?:\(com|cfn)|^ddg|^anonymous,|"
    # old browsers are "compatible" with Mozilla; everything else that says so is a program
    r"compatible;(?! ?(?:msie [\d.]+;|u;|konqueror|ibrowse|amiga|ms-office|netpositive|lucidworks-|amzn-))"
)


def is_speculative(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is no visit and never counts: HEAD, or a browser's prefetch (`Sec-Purpose`, W3C)."""
    if method == "HEAD":
        return True
    purposes = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any(word in purpose.lower() for purpose in purposes for word in ("prefetch", "prerender", "preview"))


@lru_cache(maxsize=256)  # few mail clients send most requests: a dictionary look-up instead of 20 us
def machine_reason(user_agent: str | None) -> MachineReason | None:
    """Why a machine is assumed; None for a person."""
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
