"""Compiling and proving a megabyte of malice takes no more than 10 seconds and 400 MB, whatever it exhausts."""

import subprocess
import sys

import pytest

from tests.documents import ROOT
from tests.unit.content.hostile import DOCUMENTS

SECONDS, MEGABYTES = 10, 400
SAMPLE = ("at the limit: formatting with attributes", "at the limit: merge tags", "far above: attributes in one tag")


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
