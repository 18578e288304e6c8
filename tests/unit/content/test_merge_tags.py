"""Merge tags: what they show, where they may stand, and what is refused, with its place."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.merge_tags import Branches, find_tags
from chalicelib.content.render import Renderer
from tests.unit.content.mails import CAMPAIGN, DELIVERY_ID, LEAD, UNSUBSCRIBE_URL, Tracking, rendered_html, source_of
from tests.unit.content.test_destinations import destination_in

NOBODY: Mapping[str, object] = {"lead_id": "lead_2", "first_name": None, "last_name": "  ", "tags": [], "fields": {}}


def shown(template: str, lead: Mapping[str, object] = LEAD) -> str:
    """What a template in a subject shows: no escaping, nothing added."""
    compiled = compile_content(source_of(text="x", subject=f"<{template}>"), None)
    return Renderer(compiled, None).render(lead, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL).subject[1:-1]


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ lead.first_name }}", "Zoë"),
        ("{{lead.fields.plan}}", "gold"),
        ("{{ lead.fields['plan'] }}", "gold"),
        ("{{ lead.id }} {{ lead.lead_id }} {{ campaign.id }} {{ campaign.title }}", "lead_1 lead_1 cmp_1 Spring"),
        ("{{ lead.tags }}", "vip, early bird"),
        ("{{ lead.tags | join('/') }}", "vip/early bird"),
        ("{{ lead.first_name | upper }}", "ZOË"),
        ("{{ lead.fields.absent }}", ""),
        ("{{ lead.fields.absent.deeper | default('x') }}", "x"),
        ("{{ lead.fields.absent | default('}}') }}", "}}"),
        ("{% if lead.fields.plan == 'gold' %}G{% elif lead.stage %}S{% else %}-{% endif %}", "G"),
        ("{% for tag in lead.tags %}{% if not tag %}{% elif loop.first %}1{% endif %}{% endfor %}", "1"),
        ("{% for tag in lead.tags %}{{ loop.index }}{{ tag }};{% endfor %}", "1vip;2early bird;"),
        ("{% for tag in lead.fields.none %}{{ tag }}{% else %}none{% endfor %}", "none"),
        ("a  {{- lead.id -}}  b", "alead_1b"),
        ("a {{- lead.id -}} b", "alead_1b"),
        ("a {{-lead.id-}} b", "alead_1b"),
        ("{% raw %}{{ lead.nothing }}{% endraw %}", "{{ lead.nothing }}"),
        ("{# no comment #} {#outlook a{x:y}}", "{# no comment #} {#outlook a{x:y}}"),
        ("{{ lead.last_name }}", "O'Neil & <Sons>"),
        ("{{ 'VIP' if 'vip' in lead.tags else 'you' }}", "VIP"),
        ("{{ lead.email | urlencode }}", "zoe%40mail.example"),
        ("{{ lead.tags[0] }} {{ lead.tags.1 }} {{ lead.tags[-1][0] }} {{ lead.tags[9] }}", "vip early bird e "),
        ("{{ lead.tags[1:] }} {{ lead.tags[:1][0] }} {{ lead.email[::-1][:3] }} {{ lead.tags[0:2] | length }}",
         "early bird vip elp 2"),
        ("{{ lead.tags == ['vip', 'early bird'] }} {{ lead.tags + ['x'] }}", "true vip, early bird, x"),
        ("{{ lead.tags | sort(reverse=true) | first | upper }} {{ lead.tags | reverse }}", "VIP early bird, vip"),
        ("{{ lead.tags ~ '!' }} {{ lead.tags | upper }}", "vip, early bird! VIP, EARLY BIRD"),
        ("{{ lead.tags is sequence }} {{ lead.fields is mapping }} {{ lead.fields is sequence }}", "true true false"),
        ("{% for key in lead.fields | sort %}{{ key }}={{ lead.fields[key] | length }};{% endfor %}",
         "plan=4;portal_url=35;"),
        ("{{ 'plan' in lead.fields }} {{ 'plan' not in lead.fields }} {{ lead.fields | length }}", "true false 2"),
        ("{{ lead.fields }}{{ lead.fields | upper }}{{ 'x' ~ lead.fields }}", "x"),
        ("{{ lead.fields['pl' ~ 'an'] }} {{ lead['fields']['plan'] }}", "gold gold"),
        ("{{ [lead.first_name, lead.fields.plan] | join(' ') }}", "Zoë gold"),
        ("{{ (1, 2) }} {{ [[1, 2], [3]][0][1] }}", "1, 2 2"),
        ("{% for a, b in [[1, 2], [3, 4]] %}{{ a * b }};{% endfor %}", "2;12;"),
        ("{% for (a, b) in [(5, 6)] %}{{ a + b }}{% endfor %}", "11"),
        ("{% for x in [lead.fields.plan, lead.fields.none, lead.id] if x %}{{ x }};{% endfor %}", "gold;lead_1;"),
        ("{% for t in lead.tags %}{% for u in lead.tags[:1] %}{{ loop.index }}{{ u }}{{ t }};{% endfor %}{% endfor %}",
         "1vipvip;1vipearly bird;"),
        ("{% for t in lead.tags %}{{ t }}{{ ', ' if not loop.last }}{% endfor %}", "vip, early bird"),
        ("{% for c in 'abc' %}{{ c }}{{ loop.previtem }};{% endfor %}", "a;ba;cb;"),
        ("{{ 'a' 'b' }} {{ 'a\\'b' }} {{ 1_000 }} {{ 0x10 }} {{ 1e3 }}", "ab a'b 1000 16 1000"),
        ("{{ 7 // 2 * 3 ** 2 % 5 }} {{ 2 * -3 * 2 }} {{ 1 + 2 * 3 }}", "2 -12 7"),
        ("{{ 1 < 2 < 3 }} {{ 2 is even }} {{ 9 is divisibleby 3 }} {{ 1 is not defined }}", "true true true false"),
        ("{{ lead.fields.plan is in ['gold', 'silver'] }} {{ lead.fields.plan is startingwith 'g' and 1 }}", "true 1"),
        ("{{ lead.email | truncate(length=5, end='…') }} {{ 3.14159 | round(2) }} {{ -7 | abs }}", "zoe@… 3.14 7"),
        ("{{ (lead.stage or 'x') | upper }} {{ 1 if lead.stage }} {{ -lead.tags | length if 0 else 'y' }}", "X  y"),
    ],
)  # fmt: skip
def test_a_merge_tag_shows(template: str, result: str) -> None:
    assert shown(template) == result


@pytest.mark.parametrize("name", ["first_name", "last_name", "external_id", "fields.absent"])
@pytest.mark.parametrize(
    "filters", ["default('there')", 'd("there")', "default('there') | lower", "lower | default('there')"]
)
def test_default_stands_in_for_whatever_a_person_would_call_missing(name: str, filters: str) -> None:
    assert shown(f"{{{{ lead.{name} | {filters} }}}}", NOBODY) == "there"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"), (3.5, "3.5"), (1e3, "1000"), (1e21, "1e+21"), (0, "0"), (2.5, "2.5"), (4.0, "4"),
        (True, "true"), (False, "false"), (None, ""), ("", ""), ([], ""), ({"b", "a"}, "a, b"),
        ({"k": 1}, ""), ("a{{b}}", "a{{b}}"),
    ],
)  # fmt: skip
def test_values_look_the_same_on_the_fast_path_and_in_the_engine(value: object, text: str) -> None:
    lead = {"fields": {"value": value}}
    assert shown("{{ lead.fields.value }}", lead) == text
    assert shown("{{ lead.fields['value'] }}", lead) == text
    assert shown("{% if true %}{{ lead.fields.value }}{% endif %}", lead) == text


def test_default_stands_in_for_an_empty_list() -> None:
    assert shown("{{ lead.tags | default('none') }}", NOBODY) == "none"
    assert shown("{{ lead.tags | default('none') | upper }}", NOBODY) == "NONE"


def test_zero_and_no_are_values_and_not_missing() -> None:
    lead = {"fields": {"points": 0, "member": False}}
    assert (
        shown("{{ lead.fields.points | default('none') }} {{ lead.fields.member | default('?') }}", lead) == "0 false"
    )


def test_values_are_escaped_in_html_on_every_path() -> None:
    html = (
        "<p title='{{ lead.last_name }}'>{{ lead.last_name }}</p>{% if true %}{{ lead.last_name }}{% endif %}"
        "{{ lead.first_name | default('<b>') }}{{ lead.last_name | lower }}{{ unsubscribe_url }}"
    )
    output = rendered_html(html, {"last_name": "<script>'\"&"})
    assert "<script>" not in output
    assert output.count("&lt;script&gt;&#39;&quot;&amp;") == 2
    assert "&lt;b&gt;" in output


@pytest.mark.parametrize(
    ("template", "line", "column", "reason"),
    [
        ("Hi {{ lead.frist_name }}", 1, 7, "lead.frist_name is unknown; did you mean lead.first_name?"),
        ("{{ lead.vorname }}", 1, 4, "lead.vorname is unknown; did you mean lead.first_name?"),
        ("{{ lead.Nachname }}", 1, 4, "lead.Nachname is unknown; did you mean lead.last_name?"),
        ("{{ Vorname }}", 1, 4, "'Vorname' is unknown; did you mean lead.first_name?"),
        ("{{ lead.firma }}", 1, 4, "lead.firma is unknown; a custom field is written lead.fields.firma"),
        ("{{ lead['zip code'] }}", 1, 4, 'a custom field is written lead.fields["zip code"]'),
        ("Hi\n\n  {{ name }}", 3, 6, "'name' is unknown"),
        ("{{ lead }}", 1, 4, "lead alone has no value"),
        ("{{ lead[lead.id] }}", 1, 4, "lead alone has no value"),
        ("{{ campaign.subject }}", 1, 4, "campaign.subject is unknown; available: campaign_id, id, title"),
        ("a {{ lead.id", 1, 3, "not closed"),
        ("a {{ lead.id }", 1, 3, "not closed"),
        ("a {{ lead.id {{ lead.id }}", 1, 3, "another one starts"),
        ("a {{ 'x }}", 1, 3, "quote"),
        ("\r\n{% if lead.id %}", 2, 1, "never closed"),
        ("{% endif %}", 1, 1, "without its {% if %}"),
        ("{% for x in lead.tags %}{% endif %}", 1, 25, "without its {% if %}"),
        ("{% else %}", 1, 1, "without its"),
        ("{% set a = 1 %}", 1, 1, "not available"),
        ("{% include 'x' %}", 1, 1, "not available"),
        ("{% %}", 1, 1, "not available"),
        ("{{ }}", 1, 1, "empty"),
        ("{{ lead.id | shout }}", 1, 14, "there is no filter 'shout'"),
        ("{{ lead.id | safe }}", 1, 14, "there is no filter 'safe'"),
        ("{{ lead.id.upper() }}", 1, 4, "cannot be called"),
        ("{{ debug() }}", 1, 4, "there is no function 'debug'"),
        ("{{ _spend(1) }}", 1, 4, "there is no function"),
        ("{{ _delivery }}", 1, 4, "unknown"),
        ("{% if lead.id is shiny %}{% endif %}", 1, 18, "there is no test 'shiny'"),
        ("x\n{{ lead.id lead.id }}", 2, 12, "lead cannot stand here"),
        ("{{ 1 + }}", 1, 1, "ends too early"),
        ("{{ {'a': 1} }}", 1, 1, "braces"),
        ("{% for x in lead.tags %}{{ x }}{% endfor %}{{ x }}", 1, 47, "'x' is unknown"),
        ("{{#each receipts}}", 1, 3, "# cannot stand here"),
        ("{{ lead.fields.x | default(first_name) }}", 1, 28, "'first_name' is unknown; did you mean lead.first_name?"),
        ("\ud800", 1, 1, "Unicode"),
        ("{{ '\udcff' | upper }}", 1, 1, "UTF-8"),
        ("{% if lead.id %}\udcff{% endif %}", 1, 17, "UTF-8"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["html", "text", "subject"])
def test_a_wrong_merge_tag_is_refused_with_its_place(
    template: str, line: int, column: int, reason: str, field: str
) -> None:
    written = {"html": "x", "text": "x", "subject": "x", field: template}
    with pytest.raises(ContentInvalid) as caught:
        compile_content(source_of(written["html"], written["text"], written["subject"]), None)
    problem = caught.value.faults[0]
    assert (problem.field, problem.line, problem.column) == (field, line, column)
    assert reason in problem.reason


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(ContentInvalid) as caught:
        compile_content(source_of("{{ a }} {{ b }}", "{{ c }}", "{{ d }}"), None)
    assert len(caught.value.faults) == 4


def test_links_with_merge_tags_lead_each_recipient_to_their_own_place() -> None:
    html = '<a href="https://x.example/u/{{ lead.id }}?c={{ campaign.id }}&amp;n={{ lead.last_name | urlencode }}">'
    assert destination_in(rendered_html(html)) == "https://x.example/u/lead_1?c=cmp_1&n=O%27Neil%20%26%20%3CSons%3E"
    assert (
        destination_in(rendered_html("<a href='{{ lead.fields.portal_url }}'>"))
        == "https://portal.example/?u=1&v=2#top"
    )
    assert "?l=1m&amp;" in rendered_html("<a href={{ lead.fields.portal_url }}>")


def test_links_inside_blocks_work() -> None:
    html = (
        "{% if lead.tags %}<a href='https://a.example/?x=1&amp;y=2'>A</a>{% endif %}"
        "{% if not lead.tags %}<a href='https://b.example/'>{% endif %}"
        '{% for tag in lead.tags %}<a href="https://c.example/{{ tag }}">{{ tag }}</a>{% endfor %}'
        "<a href='https://d.example/{% if lead.id %}yes{% else %}no{% endif %}'>D</a>"
    )
    output = rendered_html(html)
    assert destination_in(output) == "https://a.example/?x=1&y=2"
    assert "?l=1&amp;u=https%3A%2F%2Fa.example%2F%3Fx%3D1%26y%3D2&amp;s=s1'" in output
    assert "b.example" not in output
    assert output.count("?l=3m&amp;u=https%3A%2F%2Fc.example%2F") == 2
    assert 'c.example%2Fearly%20bird&amp;s=s3m"' in output
    assert "?l=4m&amp;u=https%3A%2F%2Fd.example%2Fyes&amp;s=s4m'" in output


def test_merge_tags_do_not_confuse_the_html_around_them() -> None:
    html = (
        """<a {% if lead.id > 'a' %}class="x>y"{% endif %} href="https://a.example/">"""
        """{{ lead.fields.q | default("<a href='https://b.example'>") }}"""
    )
    output = rendered_html(html)
    assert 'class="x>y" href="https://t.example' in output
    assert "&lt;a href=&#39;https://b.example&#39;&gt;" in output


@pytest.mark.parametrize(
    ("html", "column", "reason"),
    [
        ("""<a {% if lead.id %}href="https://a.example/"{% else %}href="https://b.example/"{% endif %}>""", 4, "href"),
        ("""<a href="{% if lead.id %}https://a.example/"{% else %}https://b.example/"{% endif %}>""", 10, "value"),
        ("""<a href={% if lead.id %}"https://a.example/"{% else %}"https://b.example/"{% endif %}>""", 9, "quotes"),
        ("""<p>{% if lead.id %}<a href="https://a.example/{% endif %}">x</a>""", 4, "between tags"),
        ("""<a {% if lead.id %}title="{% endif %} href="https://a.example/">x</a>""", 4, "within a tag"),
        ("""<p>{% if lead.id %}<!--{% endif %}<a href="https://a.example/">x</a>-->""", 4, "between tags"),
        ("""<style>{% if lead.id %}</style>{% endif %}<a href="https://a.example/">x</a>""", 8, "in a <style>"),
        ("""<!--[if mso]>{% if lead.id %}<![endif]--><p>{% endif %}""", 14, "between tags"),
        ("""<{% if lead.id %}a{% else %}b{% endif %} href="https://a.example/">""", 2, "name"),
        ("""<a hr{% if lead.id %}ef{% endif %}="https://a.example/">""", 6, "name"),
        ("""<a href{% if lead.id %}="https://a.example/"{% endif %}>""", 8, "name"),
        ("""<p>5 <{{ lead.id }}""", 7, "&lt;"),
        ("""<a{{ lead.id }} href="https://a.example/">""", 3, "name"),
        ("""<a {{ lead.id }} href="https://a.example/">""", 4, "quotes"),
        ("""<a class={{ lead.id }} href="https://a.example/">""", 10, "quotes"),
        ("""<base href="https://a.example/{{ lead.id }}">""", 31, "<base>"),
        ("""{% if lead.id %}<base href="https://a.example/">{% endif %}""", 17, "<base>"),
        ("""<!-- <a class={{ lead.id }}> -->""", 15, "comment"),
        ("""<!--[if mso]><td width={{ lead.id }}><![endif]-->""", 24, "comment"),
        ("""<svg>{% if lead.id %}</svg>{% endif %}<title><a href="https://a.example/">""", 22, "another branch"),
        ("""<p>hi{% if lead.id %}<select>{% endif %}</p>""", 22, "not closed"),
        ("""<script><!--{% if lead.id %}x{% endif %}</script>""", 13, "<script>"),
        ("""<a href="{{ 'https://a.example' ~ lead.id }}">""", 10, "side by side"),
        ("""<a href="https://{{ [lead.id, '.a.example'] | join }}/">""", 18, "side by side"),
    ],
)  # fmt: skip
def test_a_merge_tag_that_changes_how_the_html_reads_is_refused_with_its_place(
    html: str, column: int, reason: str
) -> None:
    with pytest.raises(ContentInvalid) as caught:
        compile_content(source_of(html), Tracking())
    (problem,) = caught.value.faults  # one statement, one problem
    assert (problem.field, problem.line, problem.column) == ("html", 1, column)
    assert reason in problem.reason


@pytest.mark.parametrize(
    "html",
    [
        "<tr{% if lead.id %} class='c'{% endif %}><td {% if lead.id %}nowrap{% else %}width='9'{% endif %} id=x></tr>",
        "<!-- {% if lead.id %} --><p>a</p><!-- {% endif %} --><!-- {{ lead.id }} -->",
        "<style>{% if lead.id %}p{}{% endif %}</style>{% if lead.id %}<style>a{}</style>{% endif %}",
        "<!--[if mso]>{% if lead.id %}<td width='{{ lead.id }}'>{% endif %}<![endif]-->",
        "{% if lead.id %}<table><tr><td>{% else %}<div>{% endif %}a",
        "<p title='<{{ lead.id }}'><td width={{ lead.id }}><p{% if lead.id %} id=x{% endif %}>",
        "<a data-no-track{% if lead.id %} class='c'{% endif %} href='https://a.example/'>",
        "<a href='https://a.example/{{ lead.id ~ 1 }}'>",
        "<svg>{% if lead.id %}<g></g>{% endif %}<title>{{ lead.id }}</title></svg>",
    ],
)
def test_a_merge_tag_that_leaves_the_html_as_it_is_may_stand_there(html: str) -> None:
    assert rendered_html(html)


@pytest.mark.parametrize(
    ("html", "line", "column", "reason"),
    [
        ("\n <frameset><frame src=x></frameset>", 2, 2, "<frameset>"),
        ("<p>hi</p>\n<select><style>a{}", 2, 9, "<style>"),
        ("<svg><title><a href='https://x.example/'>x</a></title></svg>", 1, 6, "<title>"),
        ("<svg><style/></svg>", 1, 6, "<style>"),
        ("<svg><![CDATA[ > <a href='https://x.example/'> ]]></svg>", 1, 6, "CDATA"),
        ("\n<!--[if mso]><svg><![CDATA[ > ]]></svg><![endif]-->", 2, 19, "CDATA"),
        ("<template><base href='https://x.example/'></template>", 1, 11, "<base>"),
    ],
)
def test_html_that_mail_clients_read_differently_is_refused_with_its_place(
    html: str, line: int, column: int, reason: str
) -> None:
    with pytest.raises(ContentInvalid) as caught:
        compile_content(source_of(html), Tracking())
    (problem,) = caught.value.faults
    assert (problem.field, problem.line, problem.column) == ("html", line, column)
    assert reason in problem.reason


def test_an_unsubscribe_link_in_one_branch_alone_does_not_count() -> None:
    link = '<a href="{{ unsubscribe_url }}">Leave</a>'
    for html, footers in (
        ("{% if lead.id %}" + link + "{% endif %}", 1),
        ("{% if lead.id %}" + link + "{% else %}x{% endif %}", 1),
        ("{% if lead.id %}" + link + "{% elif lead.stage %}x" + link + "{% else %}" + link + "{% endif %}", 0),
        ("{% for tag in lead.tags %}" + link + "{% endfor %}", 1),
        ("<a title='" + link.replace("'", "") + "'>", 1),
        ("<p>x</p><style>" + link, 1),
        ("<template>" + link + "</template>", 1),
        (link + "{% if lead.id %}x{% endif %}", 0),
    ):
        assert rendered_html(html).count(">Unsubscribe</a>") == footers, html


LEAVE = '<a href="{{ unsubscribe_url }}">Leave</a>'


@pytest.mark.parametrize(
    ("html", "footers"),
    [
        (f'<div style="display:none">{LEAVE}</div><p>x</p>', 1),
        (f"<p>x</p><div style='color:red; VISIBILITY : hidden'><div>a</div>{LEAVE}</div><p>x</p>", 1),
        (f"<p>x</p><span style=display:none>{LEAVE}", 1),
        ('<p>x</p><a style="display:none" href="{{ unsubscribe_url }}">Leave</a>', 1),
        (f'<p>x</p><div style="{{% if lead.id %}}display:none{{% endif %}}">{LEAVE}</div>', 1),
        (f'<div style="display:none">{LEAVE}</div><p>x</p>{LEAVE}', 0),
        (f'<div style="display:none"><div>Preview</div></div><p>x</p>{LEAVE}', 0),
        (f'<img style="display:none"><p title="display:none">{LEAVE}</p>', 0),
        (f'<div style="mso-display:none;line-height:0">{LEAVE}</div>', 0),
    ],
)
def test_an_unsubscribe_link_that_its_style_hides_does_not_count(html: str, footers: int) -> None:
    assert rendered_html(html).count(">Unsubscribe</a>") == footers


def test_the_unsubscribe_link_is_never_tracked_and_never_doubled() -> None:
    output = rendered_html('<a href="{{ unsubscribe_url }}">Leave</a><a href="{{unsubscribe_url}}?why=1">Leave</a>')
    assert output.startswith(f'<a href="{UNSUBSCRIBE_URL}">Leave</a><a href="{UNSUBSCRIBE_URL}?why=1">')
    assert "/t/c/" not in output
    assert output.count("nsubscribe") == 0
    assert output.count("/t/u/") == 2


def test_an_unsubscribe_url_that_nobody_sees_does_not_count() -> None:
    assert rendered_html("<!-- {{ unsubscribe_url }} -->x").count(UNSUBSCRIBE_URL) == 2


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}{% for b in range(100) %}" + "x" * 100_000 + "{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}{{ lead.fields.big }}{% endfor %}",
        "{{ range(100000000) }}",
        "{{ 'x' * 100000000 }}",
        "{{ lead.fields.big" + " | replace('x', 'xxxxxxxxxxxxxxxx')" * 40 + " }}",
        "{{ range(1000) | join(lead.fields.big) }}",
        "{{ lead.fields.big + 1 }}",
    ],
    ids=range(8),
)
def test_a_runaway_template_fails_in_bounded_time_with_a_reason(template: str) -> None:
    with pytest.raises(RenderFailed) as caught:
        rendered_html(template, {"fields": {"big": "x" * 100_000}})
    assert caught.value.reason.startswith("the template")


def test_one_renderer_serves_several_threads() -> None:
    html = '{% for i in range(50) %}<a href="https://x.example/{{ lead.id }}">{{ i }}</a>{% endfor %}'
    renderer = Renderer(compile_content(source_of(html), Tracking()), Tracking())

    def render(number: int) -> bool:
        html = renderer.render({"lead_id": f"lead_{number}"}, CAMPAIGN, f"delivery{number}", UNSUBSCRIBE_URL).html or ""
        return html.count(f"/t/c/delivery{number}?l=1m&amp;u=https%3A%2F%2Fx.example%2Flead_{number}&amp;") == 50

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(render, range(200)))


@pytest.mark.parametrize("space", ["", " ", "  ", " \n\t"])
def test_white_space_that_a_merge_tag_drops_may_end_the_text(space: str) -> None:
    (tag,) = find_tags("{{ lead.id -}}" + space)
    assert tag.end == len("{{ lead.id -}}" + space)


def test_each_branch_is_one_of_its_own() -> None:
    """Two places in one branch are both in a mail, or neither; of two branches of a statement it is one."""
    text = "a {% if x %} b {% for y in z %} c {% endfor %} d {% elif y %} e {% else %} f {% endif %} g"
    branches = Branches(find_tags(text))
    places = {
        letter: branches.at(text.index(f" {letter} ") if letter not in "ag" else text.index(letter))
        for letter in "abcdefg"
    }
    assert places["a"] == branches.at(len(text)) == 0
    assert places["b"] == places["d"]
    assert len({places[letter] for letter in "abcef"}) == 5
