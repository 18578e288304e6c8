"""Classifies a request as a person's or a machine's by its user agent: by a few rules of form, not by a list of robots.

Lists of robots are soon out of date. What programs have in common lasts longer: most name a contact address or their
purpose, and most of the others name neither a browser nor a person's device. A mail program that loads an image is a
person reading. Measured in tests/unit/tracking/test_agents_measured.py; docs/decisions/0022.
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
    TOOL = "tool"
    """It names a contact address or a purpose: crawler, scanner, previewer, monitor, library."""
    NOT_A_BROWSER = "not_a_browser"
    """It names no browser, mail program or personal device."""
    NOT_A_NAVIGATION = "not_a_navigation"
    """Of clicks: it calls itself a browser and lacks what that browser sends with every page (navigation.py)."""


# All text is compared in lower case: it takes a third of the time of re.IGNORECASE.

# Image proxies of mail services, which fetch when a person opens the mail; mail programs without "mail" in their name.
_MAIL = re.compile(
    r"googleimageproxy|hey\.com/imageproxy|mail.*proxy|outlook|ms-?office|microsoft office|thunderbird|"
    r"\bem ?client|eudora|lotus.notes|postbox|the bat!|"
    r"^(?:alpine|balsa|barca|barcapro|becky!|entourage|evolution|geary|gnus|groupwise|horde::imp|mutt|newton|nine|"
    r"rainloop|roundcube|spark|superhuman|sylpheed|trojita|turnpike|wanderlust|zimbra)[ /]v?\d"
)

_TOOLS = (
    # a contact address, as in (+http://...)
    ":// www. "
    # purposes
    "abuse analy archiv audit capture catchpoint classif crawl diagnos dmbrowser domain favicon feed fetch google- "
    "-google googlemessages headers insight inspect lighthouse marketgoo measure metric monitor observ pingdom "
    "preview prospect ptst research scrap semantic seo snapshot spider survey synthetic uptime validat verif whatsapp/ "
    # automated browsers, programs and their libraries
    "curl cypress devtools headless httpclient phantomjs playwright puppeteer python selenium webdriver wget"
)
# Searched one after the other, at 30 ns a word: one pattern of all words took twice as long to compile.
_TOOL_WORDS = tuple(_TOOLS.split())

# Words that need their context. Programs also write into "(KHTML, like Gecko)", where browsers add nothing.
_TOOL = re.compile(
    r"agent\b|bot(?![a-z])|check(?!out)|scan(?:ner)?\b|-user/|like gecko;|"
    r"\w@[a-z]+\.|\w\.(?:ai|co|com|io|net|org)\b(?!\.)"
)

# The model of an Android device, after its version: CUBOT and HTC Ruby are phones.
_MODEL = re.compile(r"android [\d.]+;(?: ?[a-z]{2}[-_][a-z]{2};)?[^;)]*")

# Browsers and apps name at least one of these: an engine, a browser, a system, a device. The most frequent come first.
_PERSONAL = (
    "applewebkit gecko msie android iphone cfnetwork browser firefox/ chrome/ opera konqueror netfront obigo ucweb "
    "amiga dillo links lynx mosaic netsurf w3m "
    "ipad macintosh watchos blackberry docomo midp nokia samsung symbian hbbtv nintendo playstation smarttv "
    "mail"
)
_PERSONAL_WORDS = (*_PERSONAL.split(), "mac os", "windows nt", "windows phone", " ios", "(ios", "/ios")


def is_speculative(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is no visit and never counts: HEAD, or a browser's prefetch (`Sec-Purpose`, W3C)."""
    if method == "HEAD":
        return True
    purposes = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any(word in purpose.lower() for purpose in purposes for word in ("prefetch", "prerender", "preview"))


@lru_cache(maxsize=256)  # few mail programs send most requests: a dictionary look-up instead of 15 us
def machine_reason(user_agent: str | None) -> MachineReason | None:
    """Why a machine is assumed; None for a person."""
    agent = (user_agent or "").strip().lower()
    if not agent:
        return MachineReason.NO_USER_AGENT
    if agent == "mozilla/5.0":
        return MachineReason.PRIVACY_PROXY
    if _MAIL.search(agent):
        return None
    agent = _MODEL.sub("android", agent)
    if any(word in agent for word in _TOOL_WORDS) or _TOOL.search(agent):
        return MachineReason.TOOL
    return None if any(word in agent for word in _PERSONAL_WORDS) else MachineReason.NOT_A_BROWSER
