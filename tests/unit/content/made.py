"""Short ways to make, compile, prove and render a mail in Markdown or MJML."""

from chalicelib.content.compiled import CompiledContent, ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.made_html import made_of
from chalicelib.content.proof import prove
from chalicelib.content.render import Rendered, Renderer
from chalicelib.model.campaign import Body
from chalicelib.model.workspace import Workspace
from tests.unit.content.mails import CAMPAIGN, DELIVERY_ID, LEAD, UNSUBSCRIBE_URL, Tracking

WORKSPACE = Workspace("Acme & Sons", postal_address="1 Main Street\nTown")


def made_source(
    markdown: str | None = None,
    mjml: str | None = None,
    workspace: Workspace = WORKSPACE,
    subject: str = "Hello",
    preview_text: str | None = None,
) -> ContentSource:
    """What the content engine reads of this mail. Raises ContentInvalid."""
    made = made_of(Body(markdown=markdown, mjml=mjml), workspace)
    assert made is not None
    return ContentSource(subject, made.html, None, "news@shop.example", preview_text=preview_text, source_map=made)


def proven(source: ContentSource) -> CompiledContent:
    """The tracked mail, once both of its forms are proven."""
    compiled = compile_content(source, Tracking())
    assert prove(source, compiled, Tracking()).faults == ()
    assert prove(source, compile_content(source, None), None).faults == ()
    return compiled


def rendered(source: ContentSource) -> Rendered:
    """The mail as one lead gets it, tracked and proven."""
    return Renderer(proven(source), Tracking()).render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)


def html_of(markdown: str) -> str:
    """The HTML of a mail in Markdown as one lead gets it."""
    html = rendered(made_source(markdown)).html
    assert html is not None
    return html
