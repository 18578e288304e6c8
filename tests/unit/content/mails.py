"""What the content tests share: a signer, short ways to compile and render."""

from collections.abc import Mapping

from chalicelib.content.compiled import CompiledContent, ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.render import Renderer

BASE_URL = "https://t.example"
DELIVERY_ID = "D" * 48
UNSUBSCRIBE_URL = f"{BASE_URL}/t/u/{DELIVERY_ID}"
LEAD: Mapping[str, object] = {
    "lead_id": "lead_1",
    "first_name": "Zoë",
    "last_name": "O'Neil & <Sons>",
    "email": "zoe@mail.example",
    "tags": ["vip", "early bird"],
    "fields": {"plan": "gold", "portal_url": "https://portal.example/?u=1&v=2#top"},
}
CAMPAIGN: Mapping[str, object] = {"campaign_id": "cmp_1", "title": "Spring"}


class Tracking:
    """Signs readably: the signature of link 3 is `s3`."""

    base_url = BASE_URL

    def sign(self, link: str, destination: str) -> str:
        return f"s{link}"


def source_of(
    html: str | None = None, text: str | None = None, subject: str = "Hello", **more: object
) -> ContentSource:
    """A source with a sender."""
    return ContentSource(subject, html, text, "news@shop.example", **more)  # type: ignore[arg-type]


def compiled_html(html: str, **more: object) -> CompiledContent:
    """The compiled content of this HTML, tracked."""
    return compile_content(source_of(html, **more), Tracking())  # type: ignore[arg-type]


def rendered_html(html: str, lead: Mapping[str, object] = LEAD, **more: object) -> str:
    """This HTML as one lead gets it, tracked."""
    renderer = Renderer(compiled_html(html, **more), Tracking())
    rendered = renderer.render(lead, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).html
    assert rendered is not None
    return rendered
