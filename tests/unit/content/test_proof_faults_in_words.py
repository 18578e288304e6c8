"""What the proof says of a fault: short, in a marketer's words, and whether the marketer or Leadflip must mend it."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.content.compiled import CompiledContent
from chalicelib.content.compiler import compile_content
from chalicelib.content.proof import MAX_FAULTS, prove
from chalicelib.model.errors import Fault
from tests.unit.content.judged import Signer
from tests.unit.content.mails import source_of
from tests.unit.content.programs import ID, LEAVE, Program
from tests.unit.content.test_proof_adversary import PIXEL, footer_of

SIGNER = Signer()
LONG = "d" * 900_000
LINK = '<a href="https://x.example/">x</a>'
DEFECT = "defect of Leadflip"
LONGEST = 450  # characters of one fault
NO_WORDS = re.compile(r"html5lib|per delivery|None|the check fails|\\[nrt]|: [^“]*: |as written, but")


def program_of(html: str, **more: object) -> Program:
    source = source_of(html, **more)  # type: ignore[arg-type]
    return Program(source, compile_content(source, SIGNER), SIGNER)


def faults_of(program: Program, compiled: CompiledContent | None = None) -> tuple[Fault, ...]:
    return prove(program.source, compiled or program.compiled, SIGNER).faults


def with_reported(program: Program, **change: object) -> CompiledContent:
    return program.with_links([replace(link, **change) for link in program.compiled.links])  # type: ignore[arg-type]


LENGTHY: dict[str, Callable[[], tuple[Program, CompiledContent]]] = {}


def lengthy(make: Callable[[], tuple[Program, CompiledContent]]) -> Callable[[], tuple[Program, CompiledContent]]:
    LENGTHY[make.__name__] = make
    return make


@lengthy
def another_address() -> tuple[Program, CompiledContent]:
    program = program_of(f'<a href="mailto:{LONG}">x</a>')
    return program, program.with_text(program.text.replace(LONG, f"{LONG}x"))


@lengthy
def another_address_in_the_report() -> tuple[Program, CompiledContent]:
    program = program_of(f'<a href="mailto:{LONG}">x</a>')
    return program, with_reported(program, url=f"mailto:{LONG}x")


@lengthy
def reported_as_tracked() -> tuple[Program, CompiledContent]:
    program = program_of(f'<a href="mailto:{LONG}">x</a>')
    return program, with_reported(program, tracked=True, link="1")


@lengthy
def reported_and_not_there() -> tuple[Program, CompiledContent]:
    program = program_of(f'<a href="mailto:{LONG}">x</a>')
    return program, with_reported(program, line=9)


@lengthy
def another_link_with_values() -> tuple[Program, CompiledContent]:
    program, other = (program_of(f'<a href="https://x.example/{{{{ lead.id }}}}{LONG}{end}">x</a>') for end in "ab")
    return program, replace(program.compiled, html=other.compiled.html)


@lengthy
def another_link_id() -> tuple[Program, CompiledContent]:
    program = program_of(LINK)
    return program, program.with_text(program.text.replace("?l=1&amp;", f"?l={LONG}&amp;"))


@lengthy
def another_text() -> tuple[Program, CompiledContent]:
    program = program_of(f"<p>{LONG}</p>")
    return program, program.with_text(program.text.replace(LONG, "é" * 900_000))


@lengthy
def another_tag() -> tuple[Program, CompiledContent]:
    program = program_of(f"<p title='{LONG}'>x</p>")
    return program, program.with_text(program.text.replace(f"'{LONG}'>", f"'{LONG}' x>"))


@lengthy
def footer_before_the_end() -> tuple[Program, CompiledContent]:
    program = program_of(f"<p>a</p>{LONG}")
    footer = footer_of(program)
    return program, program.with_text(
        program.text.replace(footer + PIXEL, "").replace("</p>", f"</p>{footer}{PIXEL}", 1)
    )


@lengthy
def a_thousand_links() -> tuple[Program, CompiledContent]:
    program = program_of("".join(f"<a href='mailto:{number}{'d' * 900}'>x</a>" for number in range(1_000)))
    return program, with_reported(program, url="mailto:y")


@pytest.mark.parametrize("name", LENGTHY)
def test_faults_are_short_however_long_the_mail(name: str) -> None:
    faults = faults_of(*LENGTHY[name]())
    assert faults
    assert len(faults) <= MAX_FAULTS
    for fault in faults:
        assert len(str(fault)) < LONGEST, str(fault)[:2_000]


def changed(old: str, new: str, html: str = f"<p>a</p>{LINK}") -> tuple[Program, CompiledContent]:
    program = program_of(html)
    assert old in program.text
    return program, program.with_text(program.text.replace(old, new, 1))


OURS: dict[str, Callable[[], tuple[Program, CompiledContent]]] = {
    "another text": lambda: changed("<p>a", "<p>b"),
    "a text too few": lambda: changed("<p>a", "<p>"),
    "no pixel": lambda: changed(PIXEL, ""),
    "two pixels": lambda: changed(PIXEL, PIXEL * 2),
    "another signature": lambda: changed("&amp;s=", "&amp;s=0"),
    "another destination": lambda: changed("x.example", "y.example"),
    "another link": lambda: changed("?l=1", "?l=2"),
    "another delivery": lambda: changed(f"/t/c/{ID}", "/t/c/D"),
    "a link as it was": lambda: changed(program_of(LINK).click_url("1", "https://x.example/"), "https://x.example/"),
    "another unsubscribe link": lambda: changed(LEAVE, "https://x.example/"),
    "other tracking": lambda: (program_of(LINK), replace(program_of(LINK).compiled, utm=(("source", "x"),))),
    "another order": lambda: (
        program_of(LINK * 2),
        program_of(LINK * 2).with_links(program_of(LINK * 2).compiled.links[::-1]),
    ),
    "no report": lambda: (program_of(LINK), program_of(LINK).with_links([])),
    "another address in the report": lambda: (
        program_of(LINK),
        with_reported(program_of(LINK), url="https://y.example/"),
    ),
    "another part": lambda: (program_of(LINK), replace(program_of(LINK).compiled, html=None)),
}


@pytest.mark.parametrize("name", OURS)
def test_what_only_our_compiler_can_cause_is_said_to_be_a_defect(name: str) -> None:
    faults = faults_of(*OURS[name]())
    assert faults
    assert all(DEFECT in fault.reason for fault in faults), faults
    assert not any(NO_WORDS.search(str(fault)) for fault in faults), faults


AUTHORS = {
    "tags": "<p>x" * 10_001,
    "references": "&" * 10_001,
    "a number": f"&#{'9' * 30};",
    "dashes": f"<!--{'-' * 10_001}-->",
    "a long tag": f"<p {'a' * 20_000}>",
    "attributes": f"<p {' '.join(f'a{number}' for number in range(200))}>",
    "depth": "<div>" * 200,
    "formatting": "<b>" * 30,
    "formatting in all": "".join(f"<font size={number}>" for number in range(20)) + "<p>x" * 9_000,
    "html5lib's defect": "<table><svg><html>x",
    "a link in a list of options": f"<select><option>{LINK}</select>x",
    "all private characters": "".join(map(chr, range(0xE000, 0xF900))),
    "a hidden end": "<p>x</p><div style='display:none'>y",
}


@pytest.mark.parametrize("name", AUTHORS)
def test_what_an_author_can_mend_is_said_in_their_words(name: str) -> None:
    program = program_of(AUTHORS[name])
    faults = faults_of(program)
    assert faults
    assert not any(DEFECT in fault.reason or NO_WORDS.search(str(fault)) for fault in faults), faults
