"""The public surface, end to end: written, compiled, stored, rendered, sent, read back."""

import email
import email.policy
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from chalicelib.content.compiled import FORMAT_VERSION, CompiledContent, ContentSource
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


# As the release before preview texts stored it.
STORED_BEFORE = (
    b'{"version":1,"subject":[["Hi ",""],[["f","lead","first_name",null,null]]],"html":[["<p>Hi ","</p><a href=\\"'
    b'https://t.example/t/c/","?l=1&amp;u=https%3A%2F%2Fshop.example%2F&amp;s=s1\\">Shop</a><a href=\\"",'
    b'"\\">Yours</a>"],[["f","lead","first_name",null,"you"],["d"],["l","2m",[["https://","/x"],[["f","lead","fields","shop",null]]],'
    b'true]]],"text":[["Unsubscribe: ","\\n"],[["u"]]],"from_email":"news@shop.example","from_name":[["Shop"],[]],'
    b'"reply_to":null,"links":[["1","https://shop.example/","Shop",1,49,true,null,null]],"merge_fields":['
    b'["lead.first_name","html",1,10,true]],"tracked":true,"text_generated":true,"base_url":"https://t.example",'
    b'"utm":[["source","mail"]]}'
)


def test_content_that_the_release_before_stored_is_rendered() -> None:
    compiled = CompiledContent.from_bytes(STORED_BEFORE)
    assert compiled.preview_text is None
    lead = {"first_name": "Zoë", "fields": {"shop": "zoe.example"}}
    rendered = Renderer(compiled, SignsPlainly()).render(lead, {}, "D" * 48, "https://t.example/t/u/D")
    assert (rendered.subject, rendered.preview_text, rendered.text) == (
        "Hi Zoë",
        None,
        "Unsubscribe: https://t.example/t/u/D\n",
    )
    assert "u=https%3A%2F%2Fzoe.example%2Fx%3Futm_source%3Dmail" in (rendered.html or "")


def test_a_member_that_a_later_release_stored_is_ignored_and_a_later_format_refused() -> None:
    stored = json.loads(STORED_BEFORE)
    later = json.dumps(stored | {"preheader_image": [["x"], []]}).encode()
    assert CompiledContent.from_bytes(later) == CompiledContent.from_bytes(STORED_BEFORE)
    with pytest.raises(ValueError, match="no compiled content of a version known here"):
        CompiledContent.from_bytes(json.dumps(stored | {"version": FORMAT_VERSION + 1}).encode())


def test_a_function_that_sends_plain_campaigns_loads_neither_compiler_nor_template_engine() -> None:
    code = (
        "import sys, chalicelib.content.render, chalicelib.content.message;"
        "print(sorted(set(sys.modules) & {'minijinja', 'html5lib', 'html.entities', 'chalicelib.content.compiler'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
