"""A draft as one lead would read it, without anything that could be counted."""

from chalicelib.campaigns.drafts import Draft
from chalicelib.campaigns.launched_content import campaign_values, source_of
from chalicelib.content.compiler import compile_content
from chalicelib.content.render import Rendered, Renderer
from chalicelib.crm.leads import merge_fields
from chalicelib.model.lead import Lead


def preview(draft: Draft, lead: Lead, tracking_url: str) -> Rendered:
    """Links untracked, no pixel; the unsubscribe link leads nowhere. Raises RenderFailed."""
    compiled = compile_content(source_of(draft.campaign, draft.body), None)
    renderer = Renderer(compiled, None)
    return renderer.render(merge_fields(lead), campaign_values(draft.campaign), "", f"{tracking_url}/t/u/preview")
