"""Classifies a request as a person's or a machine's by its user agent: by a few rules of form, not by a list of robots.

Lists of robots are soon out of date. What programs have in common lasts longer: most name a contact address or their
purpose, and most of the others name neither a browser nor a person's device. A mail program that loads an image is a
person reading; one that follows a link is not, since links open in a browser. Measured in
tests/unit/tracking/test_agents_measured.py; docs/decisions/0022.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache


class MachineReason(StrEnum):
    """Why a machine is assumed. Stored with the hit; the user agent itself is not stored."""

    NO_USER_AGENT = "no_user_agent"
    PRIVACY_PROXY = "privacy_proxy"
    """It loads images whether or not somebody reads: Apple's Mail Privacy Protection all of them, Gmail some."""
    TOOL = "tool"
    """It names a contact address or a purpose: crawler, scanner, previewer, monitor, library."""
    NOT_A_BROWSER = "not_a_browser"
    """It names no browser or personal device, nor, when it loads an image, a mail program."""
    NOT_A_NAVIGATION = "not_a_navigation"
    """Of clicks: it calls itself a browser and lacks what that browser sends with every page (navigation.py)."""


# All text is compared in lower case: it takes a third of the time of re.IGNORECASE.

_LONGEST = 512
"""How many characters are judged, which bounds the time. The longest listed agent has 419."""

# Proxies of mail services that fetch images when somebody opens the mail. Some name an address.
_IMAGE_PROXIES = ("imageproxy", "mailproxy")

_TOOLS = (
    # a contact address, as in (+http://...)
    ":// www. "
    # purposes
    "abuse analy archiv audit capture catchpoint classif crawl diagnos dmbrowser domain favicon feed fetch google- "
    "-google googlemessages headers insight inspect lighthouse marketgoo measure metric monitor observ pingdom "
    "preview prospect ptst research scrap semantic seo snapshot spider survey synthetic uptime validat verif whatsapp/ "
    # the protection of mailboxes
    "barracuda detonat gateway malware mimecast phish proofpoint protect safelink spam threat "
    # automated browsers, programs and their libraries
    "curl/ cypress devtools headless httpclient phantomjs playwright puppeteer python selenium webdriver wget"
)
# Searched one after the other, at 30 ns a word: one pattern of all words took twice as long to compile.
_TOOL_WORDS = tuple(_TOOLS.split())

# Words that need their context. Programs also write into "(KHTML, like Gecko)", where browsers add nothing.
# CUBOT makes phones.
_TOOL = re.compile(
    r"agent\b|(?<!cu)bots?(?![a-z])|check(?!out)|scan(?:ner)?\b|-user/|like gecko;|\w(?:@|\(at\))[a-z]+\."
)

# A program's domain name. Apps and mail programs have such names, too: Booking.com, mail.com.
_DOMAIN = re.compile(r"\w\.(?:ai|co|com|io|net|org)\b(?!\.)")
_PHONES = ("android", "iphone", "ipad", "cfnetwork")

# The model of an Android device, after its version, may be any word: HTC Ruby is a phone.
_MODEL = re.compile(r"android [\d.]+;(?: ?[a-z]{2}[-_][a-z]{2};)?[^;)]*")

# Browsers and apps name at least one of these: an engine, a browser, a system, a device. The most frequent come first.
_PERSONAL = (
    "applewebkit gecko msie android iphone cfnetwork browser firefox/ chrome/ opera konqueror netfront obigo ucweb "
    "amiga dillo emacs ladybird lynx mosaic netsurf servo/ w3m "
    "ipad macintosh watchos blackberry docomo midp nokia samsung symbian hbbtv nintendo playstation smarttv"
)
_PERSONAL_WORDS = (*_PERSONAL.split(), "mac os", "windows nt", "windows phone", " ios", "(ios", "/ios")
_LINKS = ("links ", "links/", "elinks/")  # the text browser, at the beginning: scanners check links

# Mail programs that name none of these. Most have "mail" in their names.
_MAIL = (
    "mail outlook office barca becky! boxer/ emclient entourage eudora evolution geary k-9 mimestream nine/ notes/ "
    "postbox superhuman sylpheed tuta/ tutanota zimbra"
)
_MAIL_PROGRAMS = (*_MAIL.split(), "em client", "the bat!")


def is_speculative(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is no visit and never counts: HEAD, or a browser's prefetch (`Sec-Purpose`, W3C)."""
    if method == "HEAD":
        return True
    purposes = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any(word in purpose.lower() for purpose in purposes for word in ("prefetch", "prerender", "preview"))


@lru_cache(maxsize=256)  # few mail programs send most requests: a dictionary look-up instead of 8 us
def machine_reason(user_agent: str | None, *, click: bool) -> MachineReason | None:
    """Why a machine is assumed to have loaded an image or, for a click, to have followed a link; None for a person."""
    agent = (user_agent or "").strip()[:_LONGEST].lower()
    if not agent:
        return MachineReason.NO_USER_AGENT
    if agent.endswith("mozilla/5.0") or "content-sampling" in agent:
        return MachineReason.PRIVACY_PROXY
    if not click and _names(agent, _IMAGE_PROXIES):
        return None
    is_mail_program = not click and _names(agent, _MAIL_PROGRAMS)
    may_name_domain = is_mail_program or _names(agent, _PHONES)
    agent = _MODEL.sub("android", agent)
    if _names(agent, _TOOL_WORDS) or _TOOL.search(agent) or (not may_name_domain and _DOMAIN.search(agent)):
        return MachineReason.TOOL
    is_personal = is_mail_program or _names(agent, _PERSONAL_WORDS) or agent.startswith(_LINKS)
    return None if is_personal else MachineReason.NOT_A_BROWSER


def _names(agent: str, words: Iterable[str]) -> bool:
    return any(word in agent for word in words)
