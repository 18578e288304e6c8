"""A mail that cannot be rendered: which merge tag it is, and where."""

from typing import Any

import pytest

from chalicelib.content.compiler import compile_content
from chalicelib.content.diagnosis import Diagnosis
from chalicelib.content.errors import RenderFailed
from chalicelib.content.render import Renderer
from chalicelib.model.errors import Fault
from tests.unit.content.mails import Tracking, source_of

ENDLESS = "{% for a in range(1000) %}{% for b in range(1000) %}{% if a %}{% endif %}{% endfor %}{% endfor %}"


def diagnosed(html: str = "<p>", text: str = "text", subject: str = "Hello", lead: dict[str, Any] | None = None) -> Any:
    source = source_of(html, text, subject)
    compiled = compile_content(source, Tracking())
    with pytest.raises(RenderFailed) as failed:
        Renderer(compiled, Tracking()).render(lead or {}, {}, "A" * 48, "https://t.example/t/u/A")
    return Diagnosis(source).fault(lead or {}, {}, failed.value)


@pytest.mark.parametrize(
    ("html", "line", "column"),
    [
        ("<p>{{ 1/0 }}", 1, 4),
        ("<p>\n  {{ lead.first_name }} {{ 1/0 }}", 2, 25),
        ("{% for tag in lead.tags %}\n{{ tag }}\n{{ 1/0 }}{% endfor %}", 3, 1),
        ("{% if 1/0 %}\n{% endif %}", 1, 1),
        ("{% if lead.email %}{{ 1/0 }}{% else %}\n{{ 2//0 }}{% endif %}", 2, 1),
        ("{% raw %}{{ 1/0 }}{% endraw %}\n{{ 1/0 }}", 2, 1),
        ("<a\nhref='https://shop.com/{{ 1/0 }}'>x</a>", 2, 24),
        ("{{ lead.first_name |\nint }}\n{{ lead.last_name }}", 1, 1),
    ],
)
def test_the_tag_that_fails_is_found(html: str, line: int, column: int) -> None:
    problem = diagnosed(html, lead={"first_name": "Ann", "tags": ["a", "b"]})
    assert (problem.field, problem.line, problem.column) == ("html", line, column)


def test_every_field_is_looked_through() -> None:
    assert diagnosed(subject="{{ 1/0 }}").field == "subject"
    assert diagnosed(text="a\n{{ 1/0 }}") == Fault("text", "the template fails: InvalidOperation", 2, 1)


def test_a_loop_that_takes_too_long_is_found() -> None:
    problem = diagnosed(f"{{{{ lead.email }}}}\n{ENDLESS}")
    assert problem.line == 2
    assert "too many steps" in problem.reason


def test_a_mail_that_is_too_large_as_a_whole_has_no_place() -> None:
    problem = diagnosed("{% for a in range(1000) %}" + "x" * 5_000 + "{% endfor %}")
    assert (problem.field, problem.line) == ("html", None)
    assert "too much" in problem.reason
