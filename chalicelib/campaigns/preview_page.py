"""A campaign's mail as a page to look at: nothing in it is executed or counted, and links may bear their numbers."""

from collections.abc import Mapping
from html import escape

from chalicelib.campaigns.drafts import Draft
from chalicelib.campaigns.launched_content import campaign_values, source_of
from chalicelib.content.compiler import compile_content
from chalicelib.content.render import Renderer
from chalicelib.crm.leads import merge_fields
from chalicelib.model.lead import Lead

POLICY = "; ".join(
    (
        "sandbox",
        "default-src 'none'",
        "img-src http: https: data:",
        "style-src 'unsafe-inline' http: https:",
        "font-src http: https: data:",
        "base-uri http: https:",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
"""Content-Security-Policy to serve it with: an origin of its own without scripts, whoever frames or opens it."""

_NOWHERE = "https://links.invalid"
# In a sandbox no window may be opened, so that links lead nowhere; the author's own target, if any, comes first.
_LINKS_LEAD_NOWHERE = '<base target="_blank">'


class _Named:
    """Tracking that leads nowhere and counts nothing, but leaves each link's id in its address."""

    base_url = _NOWHERE

    def sign(self, link: str, destination: str) -> str:
        return "unsigned"


def preview_page(draft: Draft, lead: Lead | None, badges: Mapping[str, str]) -> str:
    """HTML of the mail for a lead, or for one of whom nothing is known. Raises RenderFailed.

    `badges`: what to write behind links, by link id; letters, digits, spaces and `%` alone.
    """
    tracking = _Named() if badges else None
    compiled = compile_content(source_of(draft.campaign, draft.body), tracking)
    values = {} if lead is None else merge_fields(lead)
    rendered = Renderer(compiled, tracking).render(
        values, campaign_values(draft.campaign), "preview", f"{_NOWHERE}/t/u/preview"
    )
    if rendered.html is None:
        return f"<!doctype html><meta charset=utf-8><title>Mail</title><pre>{escape(rendered.text)}</pre>"
    return rendered.html + _LINKS_LEAD_NOWHERE + (_badges(badges) if badges else "")


def _badges(badges: Mapping[str, str]) -> str:
    """The style sheet that writes them: the mail's own markup stays as it is."""
    tracked = f"a[href^='{_NOWHERE}/t/c/']"
    rules = [
        f"{tracked}{{outline:2px solid #3b4fc4!important;outline-offset:2px}}",
        f"{tracked}::after{{display:inline-block;margin-left:6px;padding:1px 7px;border:1px solid #fff;"
        "border-radius:9px;background:#3b4fc4;color:#fff;font:600 12px/1.4 system-ui,sans-serif;"
        "vertical-align:middle;text-decoration:none;white-space:nowrap}",
    ]
    for link, text in badges.items():
        shown = "".join(character for character in text if character.isalnum() or character in " .,%")
        rules.append(f"{tracked}[href*='?l={link}&']::after{{content:'{shown}'}}")
    return f"<style>{''.join(rules)}</style>"
