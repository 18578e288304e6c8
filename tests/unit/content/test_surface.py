"""The public surface, end to end: written, compiled, stored, rendered, sent, read back."""

import email
import email.policy
import subprocess
import sys
from datetime import UTC, datetime

from chalicelib.content.compiled import CompiledContent, ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.message import build_message
from chalicelib.content.render import Renderer

HTML = """<html><body><p>Hi {{ lead.first_name | default("there") }},</p>
<a href="https://shop.example/?a=1&amp;copy=2">Shop</a></body></html>"""


class SignsPlainly:
    base_url = "https://t.example"

    def sign(self, link: str, destination: str) -> str:
        return f"s{link}"


def test_a_campaign_goes_from_source_to_a_message_that_reads_back() -> None:
    source = ContentSource("Grüße, {{ lead.first_name }}", HTML, None, "news@shop.example", "Jörg & Co")
    compiled = CompiledContent.from_bytes(compile_content(source, SignsPlainly()).to_bytes())
    renderer = Renderer(compiled, SignsPlainly())
    rendered = renderer.render({"first_name": "Zoë"}, {}, "D" * 48, "https://t.example/t/u/D")
    message = build_message(
        rendered,
        to_email="zoe@mail.example",
        to_name="Zoë",
        date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        message_id="1@shop.example",
        unsubscribe_url="https://t.example/t/u/D",
        feedback_id="c:l:leadflip",
    )
    read = email.message_from_bytes(message, policy=email.policy.default)
    html = read.get_body(("html",))
    text = read.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert read["Subject"] == rendered.subject == "Grüße, Zoë"
    assert html.get_content().replace("\r\n", "\n") == rendered.html
    assert text.get_content().replace("\r\n", "\n") == rendered.text
    assert "/t/c/" + "D" * 48 + "?l=1&amp;u=https%3A%2F%2Fshop.example%2F%3Fa%3D1%26copy%3D2&amp;s=s1" in (
        rendered.html or ""
    )


def test_a_function_that_sends_plain_campaigns_loads_neither_compiler_nor_template_engine() -> None:
    code = (
        "import sys, chalicelib.content.render, chalicelib.content.message;"
        "print(sorted(set(sys.modules) & {'minijinja', 'html5lib', 'html.entities', 'chalicelib.content.compiler'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
