"""Person or machine, from what one request says of itself. One small compiled pattern, not a list of thousands."""

import re
from collections.abc import Mapping

# Proxies that load an image because a person looks at the mail: a person's open.
_PERSON_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy|ggpht\.com", re.IGNORECASE)

_MACHINES = re.compile(
    # Not CUBOT, which makes phones.
    r"(?<!cu)bot\b|(?<!cu)bot[/_;-]|crawl|spider|scan|slurp|preview|monitor|check(?:er|host)|fetch|archiv|validator|headless|"
    r"phantom|curl/|wget/|python|java/|go-http-client|okhttp|libwww|httpclient|aiohttp|axios|node-fetch|ruby|perl|"
    r"barracuda|proofpoint|mimecast|safelinks|defender|symantec|fireeye|trendmicro|forcepoint|bitdefender|"
    r"facebookexternalhit|whatsapp|telegram|discord|skypeuri|embedly|lighthouse|pingdom|uptime",
    re.IGNORECASE,
)


def is_speculative(method: str, headers: Mapping[str, str]) -> bool:
    """A request that nobody looked at: HEAD, or a browser's own prefetch (`Sec-Purpose`, W3C). It never counts."""
    if method == "HEAD":
        return True
    purposes = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any(word in purpose.lower() for purpose in purposes for word in ("prefetch", "prerender", "preview"))


def machine_reason(user_agent: str | None) -> str | None:
    """Why a hit is taken for a machine's: `no_user_agent`, `privacy_proxy`, `tool`; None for a person's.

    Apple's mail privacy proxy loads every image of every mail and calls itself `Mozilla/5.0`, without more.
    """
    agent = (user_agent or "").strip()
    if not agent:
        return "no_user_agent"
    if agent == "Mozilla/5.0":
        return "privacy_proxy"
    if _PERSON_PROXIES.search(agent):
        return None
    return "tool" if _MACHINES.search(agent) else None
