"""What a template can reach: the lead's and campaign's own values, the listed filters and functions, nothing else."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from typing import Any

import minijinja
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.compiled import CompiledContent, Segments, TemplateSlot
from chalicelib.content.compiler import compile_content
from chalicelib.content.engine import TemplateEngine
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.render import Renderer
from chalicelib.content.values import Closed, Fields, Items, for_templates
from tests.unit.content.mails import CAMPAIGN, DELIVERY_ID, LEAD, UNSUBSCRIBE_URL, Tracking, source_of
from tests.unit.content.test_destinations import destination_in
from tests.unit.content.test_merge_tags import shown

BUILT_INS = (dict, list, tuple, set, str, int, float, bool, bytes, range, date, Fields, Items)
ATTRIBUTES = sorted({name for each in BUILT_INS for name in dir(each)} | {"_held", "reached", "reach"})
MAPPINGS = sorted(name for name in dir(dict) if not name.startswith("_"))


FIELDS = [f"lead.fields.{name}" for name in ("trap", "list", "number", "price", "large", "day", "none")]


class Trap(dict[str, object]):
    """Values that tell when a template gets at more than what they hold."""

    sprung = 0
    reached = "REACHED"

    def reach(self, *_: object, **__: object) -> str:
        Trap.sprung += 1
        return "REACHED"


def lead_with_traps() -> dict[str, Any]:
    trap = Trap(plan="gold", tags=["a", "b"], deep=Trap(reach="own"))
    return {
        "lead_id": "lead_1",
        "first_name": "Zoë",
        "tags": ["vip", "early bird"],
        "fields": Trap(trap=trap, list=[trap, 1, "x"], number=7, price=2.5, large=10**400, day=date(2026, 1, 2)),
    }


# --- a lead's own keys, and nothing beside them


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_custom_field_may_have_any_name(name: str) -> None:
    lead = {"fields": {name: "5 < 6"}}
    for form in (f"lead.fields.{name}", f'lead.fields["{name}"]'):
        assert shown(f"{{{{ {form} }}}}", lead) == "5 < 6"
        assert shown(f"{{% if {form} %}}You have {{{{ {form} }}}}{{% endif %}}", lead) == "You have 5 < 6"
        assert shown(f"{{{{ {form} | upper }}}}", lead) == "5 < 6"


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_field_that_a_lead_does_not_have_is_nothing_whatever_its_name(name: str) -> None:
    for form in (f"lead.fields.{name}", f'lead.fields["{name}"]'):
        assert shown(f"{{% if {form} %}}You have {{{{ {form} }}}}{{% endif %}}") == ""
        assert shown(f"{{{{ {form} }}}}{{{{ {form} | default('none') }}}}{{{{ {form} is defined }}}}") == "nonefalse"
        html = f'{{% if true %}}<a href="https://x.example/{{{{ {form} }}}}">x</a>{{% endif %}}'
        renderer = Renderer(compile_content(source_of(html), Tracking()), Tracking())
        rendered = renderer.render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)
        assert destination_in(rendered.html or "") == "https://x.example/"


@given(st.sampled_from(ATTRIBUTES) | st.from_regex(r"[A-Za-z_]\w{0,9}", fullmatch=True), st.data())
@settings(max_examples=300, deadline=None)
def test_what_is_no_key_is_nothing(name: str, data: st.DataObject) -> None:
    lead = lead_with_traps()
    root = data.draw(st.sampled_from(["lead.first_name", "lead.tags", "lead.fields", "campaign.title", *FIELDS]))
    form = data.draw(st.sampled_from([f"{root}.{name}", f'{root}["{name}"]', f"({root} | default(1))['{name}']"]))
    holds = {"lead.fields": lead["fields"], "lead.fields.trap": lead["fields"]["trap"]}.get(root, {})
    source = f"{{% if true %}}{{{{ {form} is defined }}}}:{{{{ {form} }}}}{{% endif %}}"
    try:
        text = shown(source, lead)
    except ContentInvalid:
        return
    assert text == "false:" or name in holds
    assert "REACHED" not in text


VALUES = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(allow_nan=False), st.text(), st.binary()),
        *(st.dates(), st.just(10**400), st.builds(object), st.just(print), st.just(Trap)),
    ),
    lambda values: st.one_of(
        *(st.lists(values), st.dictionaries(st.text(), values), st.tuples(values, values), st.frozensets(st.text())),
    ),
)


@given(VALUES)
def test_templates_compute_with_plain_values_alone(value: object) -> None:
    def check(found: object) -> None:
        if isinstance(found, Closed):
            assert [name for name in dir(found) if not name.startswith("_")] == []
            assert not callable(found)
            for item in (found[key] for key in found) if isinstance(found, Fields) else found:
                check(item)
        else:
            assert found is None or type(found) in (str, bool, int, float)
            assert not isinstance(found, int) or -(2**127) <= found < 2**128

    check(for_templates(value))


# --- no calls


@pytest.mark.parametrize(
    "template",
    [
        "{{ (lead.tags.append)(lead.tags) }}",
        "{{ [lead.tags.append][0](1) }}",
        "{% for i in range(26) %}{% if (lead.tags.extend)(lead.tags) %}{% endif %}{% endfor %}",
        '{{ lead.tags["append"](1) }}',
        "{{ lead.tags.append (1) }}",
        "{{ lead.fields.items() }}",
        "{{ (lead.first_name or 'x')(1) }}",
        "{{ (lead.tags|first)(1) }}",
        "{{ lead.tags[0](1) }}",
        "{{ range(3)(1) }}",
        "{{ range(3)['index'](1) }}",
        "{{ 1(2) }}",
        "{{ 'x'('y') }}",
        "{{ true(1) }}",
        "{{ (1, 2)(3) }}",
        "{{ lead.id | upper()(1) }}",
        "{{ lead.id is string(1)(2) }}",
        "{{ lead.id is eq lead.tags.append(1) }}",
        "{{ lead.id | default(lead.tags.append(1)) }}",
        "{{ lead.tags[lead.tags.append(1)] }}",
        "{{ 'x'.upper() }}",
        "{{ ('x').upper() }}",
        "{{ ('x' ~ 'y')['upper']() }}",
        "{{ lead.tags | join(*lead.tags) }}",
        "{{ range(**lead.fields) }}",
        "{% for t in lead.tags recursive %}{{ loop(lead.tags) }}{% endfor %}",
        "{% for t in lead.tags %}{{ (loop)(lead.tags) }}{% endfor %}",
        "{% for t in lead.tags %}{{ loop.cycle('a', 'b') }}{% endfor %}",
        "{% for t in lead.tags %}{{ (loop.changed)(t) }}{% endfor %}",
        "{% for t in lead.tags.copy() %}{% endfor %}",
        "{% for t in lead.tags if (lead.tags.append)(t) %}{% endfor %}",
        "{% for keys in keys %}{% endfor %}",
        "{% for keys in [keys] %}{{ keys }}{% endfor %}",
        "{% for keys in lead.tags %}{% else %}{{ keys }}{% endfor %}",
        "{% for debug in [debug] %}{{ (debug)() }}{% endfor %}",
        "{% for range in [range] %}{{ range }}{% endfor %}",
        "{% for _spend in [1] %}{{ _spend }}{% endfor %}{{ _spend(1) }}",
        "{{ namespace(a=1) }}",
        "{{ dict(a=1) }}",
        "{{ debug }}",
        "{{ self }}",
        "{{ lead.tags | map('upper') }}",
        "{{ lead.tags | attr('append') }}",
        "{{ lead.tags | first.upper }}",
        "{{ lead.fields | items }}",
    ],
)
def test_nothing_is_called_but_the_listed_functions_and_filters(template: str) -> None:
    with pytest.raises(ContentInvalid):
        compile_content(source_of(text=template), None)


@pytest.mark.parametrize("name", ["lead", "campaign", "unsubscribe_url", "range", "_delivery"])
def test_a_loop_cannot_take_a_name_that_has_a_meaning(name: str) -> None:
    with pytest.raises(ContentInvalid, match="has a meaning already"):
        compile_content(source_of(text=f"{{% for {name} in lead.tags %}}{{% endfor %}}"), None)


ROOTS = [
    *("lead.fields", "lead.fields.trap", "lead.fields.list", "lead.fields.number", "lead.fields.large"),
    *("lead.tags", "lead.first_name", "campaign.title", "range(3)", "x", "y", "loop"),
]
NAMES = st.sampled_from(["reach", "reached", "items", "keys", "append", "pop", "format", "trap"]) | st.sampled_from(
    ATTRIBUTES
)
ARGUMENT = st.sampled_from(["", "(1)", "('reach')", "(attribute='reach')", "(attribute='append')", "(lead.fields)"])
LEAVES = st.one_of(
    st.sampled_from(ROOTS),
    st.builds("{}.{}".format, st.sampled_from(ROOTS), NAMES),
    st.builds("{}['{}']".format, st.sampled_from(ROOTS), NAMES),
    st.sampled_from(["0", "1", "7.5", "'reach'", "'{0.__class__}'", "none", "true"]),
)
FILTERED = [
    "default",
    "sort",
    "first",
    "last",
    "string",
    "join",
    "unique",
    "max",
    "reverse",
    "upper",
    "length",
    "sum",
    "replace",
]


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger expressions: what authors write, and calls in many spellings."""
    return st.one_of(
        st.builds("({})".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({})['{}']".format, inner, NAMES),
        st.builds("({}) | {}{}".format, inner, st.sampled_from(FILTERED), ARGUMENT),
        st.builds(
            "({}) is {}".format, inner, st.sampled_from(["defined", "mapping", "in [1]", "eq lead.tags", "string"])
        ),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["~", "+", "*", "or", "and", "in", "==", "<"]), inner),
        st.builds("({}) if ({}) else ({})".format, inner, inner, inner),
        st.builds("({})({})".format, inner, inner),
        st.builds("{}({})".format, inner, inner),
    )


LEXEMES = [
    *("lead.fields", "lead.tags", "lead", "(", ")", "[", "]", ",", "|", ".", ":", "=", "*", "**", "-", "~", "&", "#"),
    *(
        "and",
        "not",
        "in",
        "is",
        "if",
        "else",
        "for",
        "recursive",
        "none",
        "loop",
        "self",
        "range",
        "debug",
        "namespace",
    ),
    *(
        "_spend",
        "_link",
        "_factor",
        "_delivery",
        "reach",
        "append",
        "items",
        "default",
        "first",
        "'reach'",
        "0",
        "0.reach",
    ),
]
EXPRESSIONS = st.recursive(LEAVES, combined, max_leaves=5) | st.lists(st.sampled_from(LEXEMES), max_size=9).map(
    " ".join
)
TEMPLATES = st.one_of(
    st.builds("{{{{ {} }}}}".format, EXPRESSIONS),
    st.builds("{{% if {} %}}{{{{ {} }}}}{{% endif %}}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds(
        "{{% for x in [1] %}}{{% for y in lead.tags %}}{{{{ {} }}}}{{% endfor %}}{{% endfor %}}".format, EXPRESSIONS
    ),
    st.builds(
        "{{% for {} in {} %}}{{{{ {} }}}}{{% else %}}{{{{ {} }}}}{{% endfor %}}".format,
        st.sampled_from(["x", "y", "keys", "debug", "reach", "range", "x, y", "_", "pop"]),
        EXPRESSIONS,
        EXPRESSIONS,
        EXPRESSIONS,
    ),
)
OBJECTS = ("REACHED", "built-in", "bound method", "object at 0x", "<class", "<function", "closure", "State {")


@given(TEMPLATES)
@settings(max_examples=1500, deadline=None)
def test_no_rendered_value_shows_an_attribute_and_nothing_is_called(template: str) -> None:
    lead, campaign = lead_with_traps(), dict(CAMPAIGN)
    before, Trap.sprung = deepcopy((lead, campaign)), 0
    try:
        renderer = Renderer(compile_content(source_of(template, template), Tracking()), Tracking())
        rendered = renderer.render(lead, campaign, DELIVERY_ID, UNSUBSCRIBE_URL)
    except (ContentInvalid, RenderFailed):
        pass
    else:
        for text in (rendered.html or "", rendered.text):
            assert not any(word in text for word in OBJECTS), text
    # Whatever the check of the merge tags may miss, and what was compiled before it was as strict as now.
    for text in by_the_engine_alone(template, lead, campaign):
        assert not any(word in text for word in ("REACHED", "built-in", "bound method", "object at 0x", "<class")), text
    assert (lead, campaign) == before
    assert Trap.sprung == 0


def by_the_engine_alone(template: str, lead: dict[str, Any], campaign: dict[str, object]) -> list[str]:
    """What the engine makes of a template that nobody checked; nothing, if it does not take it."""
    try:
        engine = TemplateEngine([(template, False)], lambda delivery, link, text, quoted: text)
        (text,), _ = engine.render(lead, campaign, DELIVERY_ID, UNSUBSCRIBE_URL)
    except (minijinja.TemplateError, RenderFailed):
        return []
    return [text]


# --- whatever rendering raises fails this delivery


def rendered(template: str, lead: Mapping[str, object] = LEAD) -> str:
    """A template that the compiler would refuse, or once let through."""
    compiled = compile_content(source_of(text="x"), None)
    stored = CompiledContent.from_bytes(compiled.to_bytes())
    segments = Segments(("<", ">"), (TemplateSlot(template),))
    content = CompiledContent(segments, None, stored.text, "a@shop.example", None, None, (), (), False, False, "")
    return Renderer(content, None).render(lead, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).subject


@pytest.mark.parametrize(
    "template",
    [
        "{{ (lead.tags.append)(lead.tags) }}",
        "{{ lead.tags.append(1) }}",
        "{{ range(0, 9, 0) }}",
        "{{ range('a') }}",
        "{{ range(10 ** 36) }}",
        "{{ lead.tags | join(attribute='x') }}",
        "{{ lead.id | urlencode(1, 2) }}",
        "{{ 1 / 0 }}",
        "{{ 9 ** 999 }}",
        "{{ lead.id | nothing }}",
        "{{ unknown.function() }}",
        "{% not a template",
        "{{ lead.deep }}",
    ],
)
def test_whatever_a_template_raises_is_a_failed_rendering_of_this_delivery(template: str) -> None:
    deep: list[object] = []
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(RenderFailed) as caught:
        rendered(template, {**LEAD, "deep": deep})
    assert caught.value.reason.startswith("the template fails: ")


class PanicException(BaseException):
    """What the engine's Rust code raises when it gives up: no Exception, and known by its name alone."""


@pytest.mark.parametrize("error", [RecursionError, MemoryError, PanicException, KeyError])
@pytest.mark.parametrize("html", ["{}", "{{% if true %}}{}{{% endif %}}"])
def test_whatever_the_tracking_of_a_link_raises_is_one_too(error: type[BaseException], html: str) -> None:
    if error is PanicException and html == "{}":
        return  # no engine, no panic

    class Broken(Tracking):
        def sign(self, link: str, destination: str) -> str:
            raise error

    compiled = compile_content(source_of(html.format('<a href="https://x.example/{{ lead.id }}">x</a>')), Tracking())
    with pytest.raises(RenderFailed, match=error.__name__):
        Renderer(compiled, Broken()).render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)


def test_values_that_cannot_be_read_fail_their_delivery_without_the_engine_too() -> None:
    deep: list[object] = []
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(RenderFailed, match="RecursionError"):
        shown("{{ lead.fields.deep }}", {"fields": {"deep": deep}})


def test_a_failed_rendering_leaves_the_next_one_alone() -> None:
    compiled = compile_content(source_of(text="{{ 10 // lead.fields.n }}"), None)
    renderer = Renderer(compiled, None)
    with pytest.raises(RenderFailed):
        renderer.render({"fields": {"n": 0}}, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)
    assert renderer.render({"fields": {"n": 3}}, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).text.startswith("3\n")


def test_an_interrupt_stays_an_interrupt() -> None:
    class Interrupted(Tracking):
        def sign(self, link: str, destination: str) -> str:
            raise KeyboardInterrupt

    html = '{% if true %}<a href="https://x.example/{{ lead.id }}">x</a>{% endif %}'
    renderer = Renderer(compile_content(source_of(html), Tracking()), Interrupted())
    with pytest.raises(KeyboardInterrupt):
        renderer.render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)
