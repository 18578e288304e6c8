"""Compiling and proving a megabyte of malice takes no more than 10 seconds and 400 MB, whatever it exhausts."""

import subprocess
import sys

import pytest

from chalicelib.content.html_tree import NotParsed, parse
from tests.documents import ROOT
from tests.unit.content.hostile import DOCUMENTS

SECONDS, MEGABYTES = 10, 400
SAMPLE = ("at the limit: formatting with attributes", "at the limit: merge tags", "far above: attributes in one tag")


BEYOND = [
    ("a\0", 1, "NUL"),
    (f"a&#x{'1' * 20}", 1, "number this long"),
    ("&" * 10_001, 9_999, "references"),
    ("<br>" * 10_001, 39_996, "tags"),
    (f"<!--{'-a' * 10_001}-->", 0, "dashes"),
    (f"<p {'a ' * 101}>", 0, "attributes"),
    (f"<p {'a' * 16_400}>", 0, "characters outside of quotes"),
    ("<div>" * 101, 500, "elements are open"),
    ("<b>" * 21, 60, "elements like <b>"),
]
UP_TO = ["<div>" * 100, "<b>" * 20, f"<p {' '.join(f'a{number}' for number in range(100))}>", f"a&#x{'0' * 17}41;"]


@pytest.mark.parametrize(("html", "offset", "reason"), BEYOND, ids=[reason for _, _, reason in BEYOND])
def test_what_is_beyond_a_limit_is_not_parsed_and_told_with_its_place(html: str, offset: int, reason: str) -> None:
    with pytest.raises(NotParsed, match=reason) as caught:
        parse(html)
    assert caught.value.offset == offset


@pytest.mark.parametrize("html", UP_TO, ids=["depth", "formatting", "attributes", "number"])
def test_what_is_at_a_limit_is_parsed(html: str) -> None:
    assert parse(html).documentElement


def assert_within_bounds(name: str) -> None:
    command = [sys.executable, "-m", "tests.unit.content.hostile", name]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    seconds, compiling, megabytes, outcome = run.stdout.rstrip("\n").split("\t")
    print(f"{name:44}{seconds:>7} s{compiling:>7} s{megabytes:>6} MB  {outcome}")
    assert float(seconds) < SECONDS
    assert float(megabytes) < MEGABYTES


@pytest.mark.parametrize("name", SAMPLE)
def test_a_megabyte_of_malice_is_proven_or_not_in_seconds(name: str) -> None:
    assert_within_bounds(name)


@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in SAMPLE])
def test_every_megabyte_of_malice_is_proven_or_not_in_seconds(name: str) -> None:
    assert_within_bounds(name)
