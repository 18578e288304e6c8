"""One budget a delivery: steps and characters, over all templates, links and values of its mail."""

import time
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.content.compiled import CompiledContent, Segments, TemplateSlot
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.render import UNMEASURED_SLOTS, Rendered, Renderer
from chalicelib.content.values import MAX_OUTPUT
from chalicelib.crm.lead_input import MAX_FIELDS_BYTES
from tests.unit.content.mails import CAMPAIGN, DELIVERY_ID, LEAD, UNSUBSCRIBE_URL, Tracking, source_of

BIG = {"fields": {"big": "x" * 16_000, "quotes": '"' * 16_000}}
LOOP = "{% for i in range(240) %}{{ lead.fields.big }}{% endfor %}"  # 3.8 MB: one is within the limit


def render(
    html: str | None = None, text: str | None = None, subject: str = "x", lead: Mapping[str, object] = BIG
) -> Rendered:
    compiled = compile_content(source_of(html, text, subject), Tracking())
    return Renderer(compiled, Tracking()).render(lead, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)


def numbered(template: str, count: int) -> str:
    """The template so many times, no two alike."""
    return "".join(template.replace("{% endfor %}", f"{number}{{% endfor %}}") for number in range(count))


def test_one_large_block_is_within_the_budget() -> None:
    assert len(render(text=LOOP).text) > 240 * 16_000


@pytest.mark.parametrize(
    "written",
    [
        {"text": numbered(LOOP, 100)},
        {"text": LOOP * 2},
        {"html": numbered(LOOP, 100)},
        {"html": LOOP, "text": LOOP},
        {"text": "x", "subject": numbered("{% for i in range(140) %}{{ lead.fields.big }}{% endfor %}", 2)},
        {"html": f'{LOOP}<a href="https://x.example/?{LOOP}">x</a>', "text": "x"},
        {"html": f'<a href="https://x.example/?{LOOP}{LOOP}">x</a>', "text": "x"},
        {
            "html": "".join(f'<a href="https://x.example/{i}{{{{ lead.fields.big }}}}">x</a>' for i in range(260)),
            "text": "x",
        },
        {"html": '<a href="' + "{{ lead.fields.big }}" * 260 + '">x</a>', "text": "x"},
        {"html": "{{ lead.fields.big }}" * 260, "text": "x"},
        {"html": "{{ lead.fields.quotes }}" * 50, "text": "x"},
        {"html": "{{ lead.fields.big }}" * 130, "text": "{{ lead.fields.big }}" * 130},
        {"html": "x" + "{% if true %}{{ lead.fields.big }}{% endif %}" * 260, "text": "x"},
    ],
    ids=range(13),
)
def test_the_budget_is_that_of_all_texts_together(written: dict[str, Any]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RenderFailed, match="writes too much"):
            render(**written)
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


def test_steps_are_counted_over_all_templates() -> None:
    loop = "{% for a in range(100) %}{% for b in range(60) %}{% endfor %}{% endfor %}"
    assert render(text=loop)
    with pytest.raises(RenderFailed, match="too many steps"):
        render(text=numbered(loop, 20))


def test_the_next_delivery_has_a_budget_of_its_own() -> None:
    renderer = Renderer(compile_content(source_of(text=LOOP), None), None)
    for _ in range(3):
        assert renderer.render(BIG, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).text


def test_a_few_values_of_any_lead_need_no_measuring() -> None:
    assert UNMEASURED_SLOTS * MAX_FIELDS_BYTES * len("&quot;") < MAX_OUTPUT


@pytest.mark.parametrize(
    "template",
    [
        "{{ [1] * 90000000 }}",
        "{{ 2 in [1] * 90000000 }}",
        "{{ 2 in 90000000 * [1] }}",
        "{{ ([1] * 9000) * 9000 == [1] * 81000000 }}",
        "{{ (lead.tags * 9000000) | length }}",
        "{{ lead.fields * 9000000 }}",
        "{{ (lead.tags | sort) * 9000000 }}",
        "{{ (range(1000) * 90000)[89999999:] }}",
        "{{ lead.none | default([1]) * 90000000 }}",
        "{% for list in [[1]] %}{{ list * 90000000 is eq(1) }}{% endfor %}",
        "{{ 'x' * 90000000 }}",
        "{{ 'x' * 90000 ~ 'x' * 90000000 }}",
        "{{ 3 ** 80 * 3 ** 80 }}",
        "{{ range(1, 1000) | join('x' * 100000) | length }}",
        "{% for a in range(1000) %}{% if 'ab' in 'a' * 60000 %}{% endif %}{% endfor %}",
    ],
)
def test_no_operation_makes_much_of_little(template: str) -> None:
    start = time.process_time()
    with pytest.raises((RenderFailed, ContentInvalid)):
        render(text=template.replace("lead.none", "lead.fields.none"), lead=LEAD)
    assert time.process_time() - start < 2  # measured: 0.02


def test_ranges_cost_what_the_engine_charges_for_them() -> None:
    loop = "{% for i in range(1000) %}{% if range(1000) | length %}{% endif %}{% endfor %}"
    start = time.process_time()
    with pytest.raises(RenderFailed, match="too many steps"):
        render(text=numbered(loop, 40))
    assert time.process_time() - start < 2  # measured: 0.13, and 4.4 with each number looked at


def test_lists_of_lists_cannot_double_themselves() -> None:
    loops = "{% for a0 in [[1, 2]] %}" + "".join(f"{{% for a{n + 1} in [[a{n}, a{n}]] %}}" for n in range(19))
    with pytest.raises(ContentInvalid, match="cannot hold the value of another loop"):
        compile_content(source_of(text=loops + "{{ a19 }}" + "{% endfor %}" * 20), None)


def test_numbers_are_multiplied_and_lines_are_drawn() -> None:
    template = "{{ lead.fields.price * 2 }} {{ 3 * 4 }} {{ lead.fields.price * lead.fields.count + 1 }} {{ '-' * 10 }}"
    assert render(text=template, lead={"fields": {"price": 2.5, "count": 4}}).text.startswith("5 12 11 ----------\n")


@pytest.mark.parametrize("count", [1_000, 1_001])
def test_branches_are_counted(count: int) -> None:
    text = "{% if lead.id == 0 %}" + "{% elif lead.id == 1 %}" * count + "{% else %}else{% endif %}"
    if count > 1_000:
        with pytest.raises(ContentInvalid, match="more than 1,000"):
            render(text=text)
    else:
        assert render(text=text, lead=LEAD).text.startswith("else")


def test_what_looks_like_the_engines_own_marks_is_text() -> None:
    text = "{% if true %}\ufdd0# {# x #} \0 {{ lead.first_name }}{% endif %}"
    assert render(text=text, lead={"first_name": "\ufdd0#\0"}).text.startswith("\ufdd0# {# x #} \0 \ufdd0#\0")


def test_content_that_an_earlier_version_compiled_is_rendered() -> None:
    compiled = compile_content(source_of(text="x"), None)
    loop = TemplateSlot("{% for t in lead.tags %}{{ _spend(3) }}{{ t }};{% endfor %}")
    stored = CompiledContent(
        **{name: getattr(compiled, name) for name in CompiledContent.__slots__ if name != "text"},
        text=Segments.of([loop]),
    ).to_bytes()
    renderer = Renderer(CompiledContent.from_bytes(stored), None)
    assert renderer.render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).text == "vip;early bird;"
