"""Faults in what the author wrote: bytes, tags, attributes, references, comments."""

import html
import re
from random import Random

from chalicelib.content.compiled import CompiledContent
from tests.unit.content.programs import Program, group_replaced, one_of, replaced_at, spliced

_TAG = r"<(?!/?(?:html|head|body|!))/?[a-z][^<>\ue000-\ue003\U000f0000-\U000fffff{}]*>"
_ATTRIBUTE = r"""\s[\w-]+=("[^"<>\ue000-\ue003{}]*"|'[^'<>\ue000-\ue003{}]*')(?=[^<>]*>)"""
_REFERENCE = r"&(?!amp;[us]=)#?\w+;"


def _offset(program: Program, random: Random) -> int:
    """A place in the program's text that is no slot."""
    plain = [match.start() for match in re.finditer(r"[!-~]", program.text)]
    return random.choice(plain)


def character_changed(program: Program, random: Random) -> CompiledContent | None:
    at = _offset(program, random)
    return program.with_text(spliced(program.text, at, at + 1, chr(ord(program.text[at]) ^ random.choice((1, 2, 4)))))


def character_lost(program: Program, random: Random) -> CompiledContent | None:
    at = _offset(program, random)
    return program.with_text(spliced(program.text, at, at + 1, ""))


def character_doubled(program: Program, random: Random) -> CompiledContent | None:
    at = _offset(program, random)
    return program.with_text(spliced(program.text, at, at, program.text[at]))


def tag_lost(program: Program, random: Random) -> CompiledContent | None:
    return replaced_at(program, one_of(random, _TAG, program.text))


def tag_doubled(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, _TAG, program.text)
    return match and program.with_text(spliced(program.text, match.start(), match.start(), match[0]))


def attribute_added(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, r"<[a-z][\w:]*(?=[\s>])()", program.text)
    more = random.choice(
        (' class="added"', " data-x", " href='https://added.example/'", " hidden", ' style="display:none"')
    )
    return group_replaced(program, match, more)


def attribute_lost(program: Program, random: Random) -> CompiledContent | None:
    return replaced_at(program, one_of(random, _ATTRIBUTE, program.text))


def attribute_changed(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, _ATTRIBUTE, program.text)
    if match is None:
        return None
    value = match[1]
    return group_replaced(program, match, f"{value[:-1]}x{value[-1]}")


def reference_decoded(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, _REFERENCE, program.text)
    return match and replaced_at(program, match, html.unescape(match[0]))


def reference_escaped_twice(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, _REFERENCE, program.text)
    return match and replaced_at(program, match, f"&amp;{match[0][1:]}")


def quote_lost(program: Program, random: Random) -> CompiledContent | None:
    form = random.choice((r"""=\s*["'][^"'<>]*(["'])""", r"""=\s*(["'])[^"'<>]*["']"""))
    return group_replaced(program, one_of(random, form, program.text))


def comment_changed(program: Program, random: Random) -> CompiledContent | None:
    if random.random() < 0.4:
        return group_replaced(program, one_of(random, r"<!--(?!\[).(.)[^>]*-->", program.text), "?!")
    forms = (r"<!(?:--)?\[if !?(\w+)", r"(<!(?:--)?\[endif\](?:--)?>)", r"(-->)", r"<!(?:--)?\[if( )")
    return group_replaced(program, one_of(random, random.choice(forms), program.text), random.choice(("", "ie")))


def character_set_changed(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, r"[\x80-\ud7ff\udc80-\udcff\U0001f000-\U0001ffff]|charset=[\w-]+", program.text)
    if match is None:
        return None
    raw = match[0].encode("utf-8", "surrogateescape")
    other = "charset=latin-1" if len(match[0]) > 1 else random.choice((raw.decode("latin-1"), "?", "\ufffd", ""))
    return replaced_at(program, match, other)


def doctype_changed(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, r"<!doctype[^>]*>", program.text)
    return replaced_at(program, match, random.choice(("", "<!DOCTYPE htm>", '<!DOCTYPE html SYSTEM "x">')))


def part_lost_or_doubled(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, r"<(p|a|span|td|li|h1|div|table)\b[^<>]*>[^<>]*</\1>", program.text)
    return match and replaced_at(program, match, random.choice(("", match[0] * 2)))
