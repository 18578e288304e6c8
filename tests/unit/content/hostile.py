"""Documents of one megabyte that are hard to read: each exhausts one thing, at or below the limit for it, or far above.

`python -m tests.unit.content.hostile NAME` compiles and proves one of them and prints a row: seconds of CPU, how many
of them it takes to compile, megabytes at most, and the outcome.
"""

import resource
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.proof import prove
from tests.unit.content.judged import Signer

MEGABYTE: Final = 1_048_576
_LINK = "<a href='https://x.example/{}'>x</a>"


def times(piece: str, start: str = "", end: str = "", most: int = MEGABYTE, size: int = MEGABYTE) -> str:
    """The piece as often as there is room, and `most` times at most."""
    room = size - len(start) - len(end)
    return start + piece * min(most, room // len(piece.encode("utf-8", "surrogatepass"))) + end


def numbered(piece: str, start: str = "", end: str = "", most: int = MEGABYTE, size: int = MEGABYTE) -> str:
    """The same with a number for each `{}` in it."""
    pieces: list[str] = []
    room = size - len(start) - len(end)
    for number in count(1):
        filled = piece.replace("{}", str(number))
        if number > most or len(filled) > room:
            return start + "".join(pieces) + end
        room -= len(filled)
        pieces.append(filled)
    raise AssertionError


def padded(document: str) -> str:
    """The document with so much text that it is a megabyte."""
    return document + "x" * (MEGABYTE - len(document))


FAR_ABOVE: Final[dict[str, Callable[[], str]]] = {
    "less-than signs": lambda: times("<"),
    "ampersands": lambda: times("&"),
    "NUL": lambda: times("\0"),
    "control characters": lambda: times("\x01"),
    "noncharacters": lambda: times("\ufdd0"),
    "private-use characters": lambda: times("\ue000"),
    "no UTF-8": lambda: times("\udcff"),
    "line breaks": lambda: times("\r\n"),
    "form feeds": lambda: times("\f"),
    "attributes in one tag": lambda: numbered(" a{}=1", "<p", ">"),
    "one attribute many times": lambda: times(" a", "<p", ">"),
    "attributes of <body>": lambda: numbered("<body a{}>", ""),
    "open <div>": lambda: times("<div>"),
    "open <span>": lambda: times("<span>"),
    "closed <div>": lambda: times("<div>", size=MEGABYTE // 2) + times("</div>", size=MEGABYTE // 2),
    "open <b>": lambda: times("<b>"),
    "open <font>": lambda: numbered("<font size={}>"),
    "formatting and paragraphs": lambda: times("<b><p>x"),
    "formatting of other attributes": lambda: numbered("<p><b c={}>x"),
    "misnested formatting": lambda: times("<b><i></b>x</i>"),
    "misnested links": lambda: times("<a><div>", size=MEGABYTE // 2) + times("</a>", size=MEGABYTE // 2),
    "links not closed": lambda: times("<a href=https://x.example/>", most=1_000) + times("<a>x", size=1_000_000),
    "dashes in a comment": lambda: times("-", "<!--", "-->"),
    "dashes in comments": lambda: times("<!-- - - -->"),
    "dashes in a script": lambda: times("-", "<script><!--", "</script>"),
    "scripts": lambda: times("<script></script>"),
    "scripts in scripts": lambda: times("<!--<script>", "<script>"),
    "tables in tables": lambda: times("<table><tr><td>"),
    "fostered text": lambda: times("<table>x"),
    "fostered formatting": lambda: times("<table><b>x"),
    "fostered rows": lambda: times("x<tr>", "<table>"),
    "selects": lambda: times("<select><option>x"),
    "options": lambda: times("<option>x", "<select>", "</select>"),
    "lists": lambda: times("<ul><li>x"),
    "list items": lambda: times("<li>x"),
    "headings": lambda: times("<h1>x"),
    "end tags of paragraphs": lambda: times("</p>"),
    "breaks": lambda: times("<br>"),
    "end tags that close nothing": lambda: times("</b>"),
    "drawings": lambda: times("<svg><g>"),
    "formulas": lambda: times("<math><mi>"),
    "HTML in drawings": lambda: times("<svg><desc>"),
    "conditional comments": lambda: times("<!--[if mso]>x<![endif]-->"),
    "tags in a conditional comment": lambda: times("<b>x", "<!--[if mso]>", "<![endif]-->"),
    "<div> in conditional comments": lambda: times("<!--[if mso]><div><div><div><![endif]-->"),
    "a long name": lambda: times("a", "<", ">"),
    "a long attribute": lambda: times("a", "<p ", ">"),
    "a long doctype": lambda: times("x ", "<!DOCTYPE html ", ">"),
    "doctypes": lambda: times("<!DOCTYPE html>"),
    "digits of a reference": lambda: times("9", "&#", ";"),
    "hexadecimal digits of a reference": lambda: times("f", "<p title='&#x", ";'>"),
    "references without an end": lambda: times("&CounterClockwiseContourIntegra"),
    "references in an attribute": lambda: times("&notit", "<p title='", "'>"),
    "merge tags": lambda: padded(times("{{ lead.id }}", most=5_000)),
    "different merge tags": lambda: padded(numbered("<i>{{ lead.fields.f{} }}", most=5_000)),
    "statements": lambda: padded(times("{% if lead.id %}x{% endif %}", most=2_500)),
    "different statements": lambda: padded(numbered("{% if lead.fields.f{} %}<p>x{% endif %}", most=2_500)),
    "nested statements": lambda: padded(times("{% if lead.id %}<p>", most=20) + "{% endif %}" * 20),
    "links with merge tags": lambda: padded(numbered("<a href='https://x.example/{}?{{ lead.id }}'>x</a>", most=1_000)),
    "links with values of their own": lambda: padded(numbered("<a href='{{ lead.fields.f{} }}'>x</a>", most=1_000)),
    "values in one link": lambda: times("{{ lead.id }}", "<a href='https://x.example/?", "'>x</a>", most=4_900),
}
"""Mostly not read at all by html5lib."""

AT_THE_LIMIT: Final[dict[str, Callable[[], str]]] = {
    "text": lambda: times("x"),
    "words": lambda: times("x "),
    "links": lambda: padded(numbered(_LINK, most=1_000)),
    "long links": lambda: numbered(f"<a href='https://x.example/{{}}{'y' * 980}'>x</a>", most=1_000),
    "equal links": lambda: padded(times("<a href=https://x.example/>x</a>", most=1_000)),
    "equal long links": lambda: times(f"<a href='https://x.example/{'y' * 990}'>x</a>", most=1_000),
    "links left as they are": lambda: padded(numbered("<a href=mailto:a{}@b.example>x</a>", most=1_000)),
    "long links left as they are": lambda: numbered(f"<a href='mailto:{{}}{'y' * 990}'>x</a>", most=1_000),
    "relative links": lambda: padded(times("<a href='../x'>x</a>", "<base href='https://x.example/a/'>", most=1_000)),
    "links in conditional comments": lambda: padded(
        numbered("<!--[if mso]><a href='https://x.example/{}'>x</a><![endif]-->", most=1_000)
    ),
    "links in one conditional comment": lambda: padded(numbered(_LINK, "<!--[if mso]>", "<![endif]-->", most=1_000)),
    "links not closed": lambda: padded(numbered("<a href=https://x.example/{}><p>x", most=1_000)),
    "links in tables": lambda: padded(numbered("<table><a href=https://x.example/{}>x<tr><td>", most=20)),
    "tags": lambda: times("<p>" + "x" * 100, most=9_900),
    "tags alike": lambda: padded(times("<p>x", most=9_900)),
    "cells": lambda: padded(times("<td>x", "<table>", most=9_900)),
    "fostered text": lambda: padded(times("<tr>x", "<table>", most=9_900)),
    "attributes": lambda: times("<p" + "".join(f" a{number}" for number in range(98)) + ">"),
    "few attributes": lambda: times("<p" + "".join(f" a{number}" for number in range(17)) + ">x", most=9_900),
    "depth": lambda: padded(times("<div>", most=95) + times("<p>x", most=9_800)),
    "formatting": lambda: padded("<b><i><u><s>" + times("<p>x", most=9_800)),
    "formatting with attributes": lambda: padded("<b a b c d><i e f g h><u i j k><s l m>" + times("<p>x", most=4_900)),
    "formatting reopened": lambda: padded(times("<p><b><i><u>x</p>", most=3) + times("<p>x", most=9_000)),
    "formatting closed across": lambda: padded(times("<b><i>x</b>y</i>", most=2_400)),
    "links closed across": lambda: padded(numbered("<a href=https://x.example/{}><div>x</a></div>", most=1_000)),
    "formatting with attributes without values": lambda: padded(
        numbered(f"<b z{{}} {' '.join(f'a{number}' for number in range(95))}>", "<p>", "</p>", most=19)
        + times("<p>x</p>", most=4_900)
    ),
    "much formatting": lambda: padded(
        numbered("<font size={}>", "<p>", "</p>", most=19) + times("<p>x</p>", most=4_900)
    ),
    "much formatting of a few": lambda: padded(
        times("<b a=1><i b=2><u>", "<p>", "</p>", most=6) + times("<p>x</p>", most=4_900)
    ),
    "formatting that cells keep open": lambda: padded(
        numbered("<p><b c={}><table><tr><td></b></td></tr></table></p>", most=980)
    ),
    "formatting that objects keep open": lambda: padded(numbered("<p><b c={}><object></b></object></p>", most=1_600)),
    "formatting closed in the wrong order": lambda: padded(numbered("<p><b c={}><i></b></p></i>", most=1_600)),
    "links in cells": lambda: padded(numbered("<p><a c={}><table><tr><td></a></td></tr></table></p>", most=980)),
    "references": lambda: padded(times("&amp;", most=9_900)),
    "references that are none": lambda: padded(times("&CounterClockwiseContourIntegra", most=9_900)),
    "long references": lambda: padded(times("&#" + "9" * 90 + ";", most=9_900)),
    "dashes": lambda: padded(times("-", "<!--", "-->", most=9_900)),
    "dashes in scripts": lambda: padded(times("-", "<script><!--", "</script>", most=9_900)),
    "comments": lambda: padded(times("<!---->", most=2_400)),
    "a long value": lambda: times("x", "<p title='", "'>"),
    "a long comment": lambda: times("x", "<!--", "-->"),
    "a long style": lambda: times("p{} ", "<style>", "</style>"),
    "names": lambda: times("<p " + "a" * 15_000 + ">"),
    "conditional comments": lambda: padded(times("<!--[if mso]>x<![endif]-->", most=2_400)),
    "a long conditional comment": lambda: padded(times("<p>x", "<!--[if mso]>", "<![endif]-->", most=9_800)),
    "merge tags": lambda: padded(numbered("{{ lead.fields.f{} }}", most=5_000)),
    "statements": lambda: padded(numbered("{% if lead.fields.f{} %}<p>x{% endif %}", most=2_400)),
    "footers": lambda: padded(
        times('<p style="margin:24px 0 0;font:12px/1.5 sans-serif;color:#767676;text-align:center">x</p>', most=4_900)
    ),
    "pixels": lambda: padded(times('<img src="https://t.example/t/o/D.gif" width="1" height="1" alt="">', most=9_900)),
    "click URLs as text": lambda: padded(times("https://t.example/t/c/?l=1&u=x&s=y ", most=3_300)),
    "click URLs in links": lambda: padded(times("<a href='https://t.example/t/c/D?l=1&u=x&s=y'>x</a>", most=1_000)),
}
"""Read by html5lib, or nearly: what each costs is what the limits allow."""

DOCUMENTS: Final = {f"far above: {name}": make for name, make in FAR_ABOVE.items()} | {
    f"at the limit: {name}": make for name, make in AT_THE_LIMIT.items()
}


def main(name: str) -> None:
    source = ContentSource("Hello", DOCUMENTS[name](), "x", "news@shop.example", utm={"source": "news"})
    start = time.process_time()
    try:
        compiled = compile_content(source, Signer())
    except ContentInvalid:
        outcome, compiling = "refused", time.process_time() - start
    else:
        compiling = time.process_time() - start
        faults = prove(source, compiled, Signer()).faults
        outcome = f"not proven: {faults[0].reason}" if faults else "proven"
    seconds = time.process_time() - start
    print(f"{seconds:.2f}\t{compiling:.2f}\t{peak_megabytes():.0f}\t{outcome}")


def peak_megabytes() -> float:
    """The most memory that this process had. Linux counts in `ru_maxrss` what its parent had when it forked; not in
    VmHWM (proc_pid_status(5)).
    """
    if sys.platform == "linux":
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # on macOS in bytes


if __name__ == "__main__":
    main(sys.argv[1])
