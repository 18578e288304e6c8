"""Makes HTML of what was written as MJML or Markdown."""

import re
from html import escape

from chalicelib.content.errors import ContentInvalid
from chalicelib.model.campaign import Body
from chalicelib.model.errors import Fault

_MAX_DEPTH = 100
"""mjml-python ends the process at some thousand open elements."""
_TAG = re.compile(r"<(/?)[A-Za-z]")
_FRAME = (
    '<mjml lang="en"><mj-head><mj-title>{}</mj-title></mj-head><mj-body><mj-section><mj-column>'
    '<mj-text font-family="Helvetica, Arial, sans-serif" font-size="16px" line-height="1.6">{}</mj-text>'
    "</mj-column></mj-section></mj-body></mjml>"
)


def made_html(body: Body) -> str | None:
    """The HTML of what was written as MJML or Markdown; None if neither was. Raises ContentInvalid."""
    if body.mjml:
        return _compiled("mjml", body.mjml)
    if body.markdown:
        from markdown_it import MarkdownIt  # only drafts, preflight and launches make HTML of Markdown

        parser = MarkdownIt("commonmark", {"html": False})
        parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
        return _compiled("markdown", _FRAME.format(escape("Mail"), parser.render(body.markdown)))
    return None


def _compiled(field: str, mjml: str) -> str:
    depth = deepest = 0
    for tag in _TAG.finditer(mjml):
        depth += -1 if tag[1] else 1
        deepest = max(deepest, depth)
    if deepest > 10 * _MAX_DEPTH:
        raise ContentInvalid([Fault(field, "its elements are nested too deep")])
    from mjml import mjml2html

    try:
        return mjml2html(mjml, fonts={})
    except ValueError as error:
        raise ContentInvalid([Fault(field, f"it cannot be read: {error}")]) from None
