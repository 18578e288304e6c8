"""MJML from authors: what is known is compiled and proven, all else refused at its line; nothing ends the process."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content import mjml
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.preflight import AudienceFacts, preflight_findings
from tests.unit.content.made import made_source, proven, rendered
from tests.unit.content.mails import Tracking

MAIL = """<mjml lang="en">
  <!-- {{ a comment }} -->
  <mj-head>
    <mj-title>Say "hi" to {{ lead.first_name | default("you") }}</mj-title>
    <mj-attributes><mj-all font-family="Georgia" /><mj-text color="#111111"></mj-text><mj-class name="big" font-size="20px" /></mj-attributes>
    <mj-style>.a > .b { color: red }</mj-style>
    <mj-font name="Inter" href="https://fonts.example/inter.css" />
  </mj-head>
  <mj-body width="640px">
    {% if lead.tags %}
    <mj-section background-url="https://i.example/{{ lead.id }}.png" padding="20px 0">
      <mj-column>
        <mj-text mj-class="big"><h1>Hello {{ lead.first_name }}</h1><p>Line<br>two &amp; "three" 👨‍👩‍👧 \\ é</p></mj-text>
        <mj-image src='https://i.example/a.png?a=1&amp;b="2"' alt="A \\ b é 👨‍👩‍👧" href="https://a.example/" fluid-on-mobile="true" />
        <mj-button href="https://b.example/?n={{ lead.first_name }}">Go <b>now</b></mj-button>
        <mj-divider border-width="1px" /><mj-spacer height="20px" />
        <mj-table><tr><td><a href="http://c.shop/">c</a></td></tr></mj-table>
        <mj-social><mj-social-element name="facebook" href="https://f.example/">F</mj-social-element></mj-social>
        <mj-raw><p>{% if lead.id %}x{% else %}y{% endif %}</p></mj-raw>
      </mj-column>
    </mj-section>
    {% endif %}
    <mj-wrapper><mj-section><mj-group><mj-column width="50%"><mj-text>L</mj-text></mj-column></mj-group></mj-section></mj-wrapper>
    <mj-hero height="200px" background-url="https://i.example/h.png"><mj-text>Hero</mj-text></mj-hero>
    <mj-section><mj-column><mj-navbar><mj-navbar-link href="https://n.example/">N</mj-navbar-link></mj-navbar>
      <mj-accordion><mj-accordion-element><mj-accordion-title>T</mj-accordion-title><mj-accordion-text>X</mj-accordion-text></mj-accordion-element></mj-accordion>
      <mj-carousel><mj-carousel-image src="https://i.example/c.png" /><mj-carousel-image src="https://i.example/d.png" /></mj-carousel>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""  # noqa: E501


def test_a_mail_of_all_elements_is_compiled_as_written_and_proven() -> None:
    source = made_source(mjml=MAIL)
    html = source.html or ""
    for written in (
        '<h1>Hello {{ lead.first_name }}</h1><p>Line<br>two &amp; "three" 👨‍👩‍👧 \\ é</p>',
        'alt="A \\ b é 👨‍👩‍👧"',
        'src="https://i.example/a.png?a=1&amp;b=&quot;2&quot;"',
        '<title>Say &quot;hi&quot; to {{ lead.first_name | default("you") }}</title>',
        ".a > .b { color: red }",
        "https://i.example/{{ lead.id }}.png",
    ):
        assert written in html
    compiled = proven(source)
    assert [link.url for link in compiled.links if link.tracked][:2] == [
        "https://a.example/", "https://b.example/?n={{ lead.first_name }}",
    ]  # fmt: skip
    assert "Zoë" in (rendered(source).html or "")
    findings = preflight_findings(source, compiled, Tracking(), AudienceFacts())
    assert ("link_not_https", "mjml", 17) in {(each.code, each.field, each.line) for each in findings}
    lines = [source.place("html", link.line, link.column)[1] for link in compiled.links if link.tracked]
    assert lines[:3] == [14, 15, 17]


def test_statements_between_elements_choose_what_a_lead_gets() -> None:
    part = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
    choice = f"{{% if not lead.id %}}{part.format('one')}{{% else %}}{part.format('other')}{{% endif %}}"
    html = rendered(made_source(mjml=f"<mjml><mj-body>{choice}</mj-body></mjml>")).html or ""
    assert ">one<" not in html
    assert ">other<" in html


def in_column(inside: str) -> str:
    return f"<mjml>\n<mj-body>\n<mj-section>\n<mj-column>\n{inside}\n</mj-column>\n</mj-section>\n</mj-body>\n</mjml>"


def in_head(defaults: str) -> str:
    return f"<mjml>\n<mj-head>\n<mj-attributes>{defaults}</mj-attributes></mj-head><mj-body></mj-body></mjml>"


def test_a_letter_that_a_word_could_be_made_of_is_no_word() -> None:
    html = made_source(mjml=in_column("<mj-text>&#xA000;v0&#xA000; ꀀv1ꀀ {{ lead.id }}</mj-text>")).html or ""
    assert "&#xA000;v0&#xA000; ꀀv1ꀀ {{ lead.id }}" in html


@pytest.mark.parametrize(
    ("written", "line", "says"),
    [
        ("<p>x</p>", 1, "text must be"),
        ("just text", 1, "text must be"),
        ("<mjml>", 1, "never closed"),
        ("<!-- nothing -->", 1, "has no <mjml>"),
        ("<mjml><mj-body>\n<mj-include path='/etc/passwd' /></mj-body></mjml>", 2, "not an MJML element"),
        ("<mjml><mj-body>\n<mj-text>x</mj-text></mj-body></mjml>", 2, "cannot be in <mj-body>"),
        (in_column("<mj-foo/>"), 5, "not an MJML element"),
        (in_column("<mj-text colour='red'>x</mj-text>"), 5, "colour is not an attribute of <mj-text>"),
        (in_column("<mj-text>a\n<mj-image src='https://x.example/' /></mj-text>"), 6, "cannot be in a text"),
        (in_column("<mj-text>a\n<p>b</mj-text>"), 6, "<p> is not closed"),
        (in_column("<mj-text>a</b></mj-text>"), 5, "closes nothing"),
        (in_column("</mj-section>"), 5, "closes nothing here; <mj-column> is open"),
        (in_column("<mj-image src='javascript:alert(1)' />"), 5, "an address begins with"),
        (in_column("<mj-image src='java&#115;cript:alert(1)' />"), 5, "an address begins with"),
        (in_column("<mj-text><a href='vbscript:x'>a</a></mj-text>"), 5, "an address begins with"),
        (in_column("<mj-text font-size='{{ lead.id }}'>x</mj-text>"), 5, "a merge tag can be in"),
        (in_column("<mj-text {{ lead.id }}='1'>x</mj-text>"), 5, "a merge tag can be in"),
        (in_column("<mj-text color='\\u0022'>x</mj-text>"), 5, "cannot have"),
        (in_column(f"<mj-text css-class='{'a' * 501}'>x</mj-text>"), 5, "longer than 500"),
        (in_column("{{ lead.id }}"), 5, "text must be"),
        (in_column("<mj-carousel>\n<mj-raw>x</mj-raw></mj-carousel>"), 6, "cannot be in <mj-carousel>"),
        (in_head("<mj-text>\nlost</mj-text>"), 4, "text must be"),
        (in_head("<mj-section>\n<mj-column /></mj-section>"), 4, "cannot be in <mj-section>"),
        (in_head("\n<mj-class color='#111111' />"), 4, "needs a name"),
        (in_column("{% if lead.id %}<mj-text>a</mj-text>"), 5, "never closed"),
        (in_column("<mj-raw>{% if lead.id %}</mj-raw><mj-raw>{% endif %}</mj-raw>"), 5, "put both in the same"),
        (in_column("<mj-text>\n{{ nobody }}</mj-text>"), 6, "nobody"),
        (in_column("<mj-raw position='file-start'>x</mj-raw>"), 5, "not an attribute"),
        (in_column("<mj-style inline='inline'>x</mj-style>"), 5, "cannot be in"),
        ("<mjml>\n<mj-body", 2, "not closed"),
        (in_column("<mj-spacer/>" * 2_001), 5, "more than 2,000 elements"),
        ("x" * 1_048_577, 1, "larger than"),
    ],
)
def test_what_is_refused_and_where(written: str, line: int, says: str) -> None:
    with pytest.raises(ContentInvalid) as invalid:
        compile_content(made_source(mjml=written), None)
    fault = invalid.value.faults[0]
    assert (fault.field, fault.line) == ("mjml", line)
    assert says in fault.reason


HOSTILE = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))  # a function has as much
from chalicelib.content.errors import ContentInvalid
from tests.unit.content.made import made_source
deep = 12_000
inside = lambda inner: (
    f"<mjml><mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>"
)
in_all = lambda default, element: (
    "<mjml><mj-head><mj-attributes>" + default + "</mj-attributes></mj-head>" + inside(element * 1_900)[6:]
)
for hostile in (
    "<mjml>" * deep,
    "<mjml><mj-body>" + "<mj-section>" * deep,
    "<mjml><mj-body>" + "<mj-wrapper>" * deep + "</mj-wrapper>" * deep + "</mj-body></mjml>",
    inside("<mj-column>" * deep + "</mj-column>" * deep),
    inside("<mj-text>" + "<b>" * deep + "</mj-text>"),
    inside("<mj-text>" * deep + "</mj-text>" * deep),
    "<!--" * deep,
    "<" * deep,
    inside("<mj-text " + 'a="' * deep + "></mj-text>"),
    # One value that a thousand elements get.
    in_all(f"<mj-all css-class='{'a' * 500_000}' />", "<mj-text>x</mj-text>"),
    in_all(f"<mj-all alt='{'a' * 500_000}' />", "<mj-image src='https://x.example/' />"),
):
    try:
        made_source(mjml=hostile)
    except ContentInvalid as invalid:
        continue
    raise SystemExit(f"{hostile[:60]} was taken")
# Deep HTML in a text never reaches the compiler.
made_source(mjml=inside("<mj-text>" + "<b>" * deep + "x" + "</b>" * deep + "</mj-text>"))
print("alive")
"""


def test_the_compiler_takes_each_element_where_it_is_allowed() -> None:
    waiting: list[tuple[str, ...]] = [("mjml",)]
    while waiting:
        chain = waiting.pop()
        name = ' name="x"' if chain[-1] == "mj-font" else ""
        opened, closed = "".join(f"<{each}>" for each in chain[:-1]), "".join(f"</{each}>" for each in chain[-2::-1])
        mjml.compiled(f"{opened}<{chain[-1]}{name}></{chain[-1]}>{closed}")
        waiting += [(*chain, each) for each in mjml._CHILDREN.get(chain[-1], ())]


def test_deep_nesting_does_not_end_the_process() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", HOSTILE], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


NAMES = st.sampled_from(sorted(mjml._ATTRIBUTES))
VALUES = st.sampled_from(
    ["", "0", "-1px", "1e400px", "50%", "red", "a b c d", "true", "#zz", "99999999999999px", "px", "é"]
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_attribute_value_ends_the_process(data: st.DataObject) -> None:
    name = data.draw(
        st.sampled_from(["mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-social", "mj-navbar"])
    )
    known = sorted(mjml._ATTRIBUTES[name] - mjml._SAID)
    written = data.draw(st.dictionaries(st.sampled_from(known), VALUES, max_size=4))
    attributes = "".join(f' {each}="{value}"' for each, value in written.items())
    try:
        made_source(mjml=in_column(f"<{name}{attributes}></{name}>"))
    except ContentInvalid as invalid:
        assert invalid.faults  # noqa: PT017


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([
    "<mjml>", "</mjml>", "<mj-body>", "</mj-body>", "<mj-section>", "</mj-section>", "<mj-column>", "</mj-column>",
    "<mj-text>", "</mj-text>", "<mj-raw>", "</mj-raw>", "<p>", "</p>", "<br>", "x", "{% if lead.id %}", "{% endif %}",
    "{{ lead.id }}", "<mj-image src='https://x.example/a.png' />", "<!--", "-->", "<mj-button href='https://x.example/'>",
    "</mj-button>", "<", ">", '"', "\n",
]), max_size=20).map("".join))  # fmt: skip
def test_any_mjml_is_refused_in_its_own_words_or_proven(written: str) -> None:
    try:
        source = made_source(mjml=f"<mjml><mj-body>{written}</mj-body></mjml>")
        compile_content(source, Tracking())
    except ContentInvalid as invalid:
        assert {fault.field for fault in invalid.faults} == {"mjml"}  # noqa: PT017
        return
    proven(source)
