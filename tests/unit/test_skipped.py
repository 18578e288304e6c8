"""`make test` says at its end what it has skipped, and a missing prerequisite fails where it is insisted on."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import skipped

NEEDY = """
import pytest
from tests.prerequisites import skip_without

@pytest.fixture(scope="session")
def browser():
    skip_without("chromium", "Chromium is not installed")

@pytest.mark.parametrize("number", range(3))
def test_page(browser, number):
    pass

def test_corpus():
    skip_without("corpus", "there is no corpus\\nand this line says more")

def test_plain():
    pass
"""
ROOT = Path(__file__).parents[2]


def floor_on_a_bare_machine(folder: Path, required: str) -> tuple[int, Path]:
    """Run these tests where nothing of what they need is there; pytest's exit code and its report."""
    (folder / "test_floor.py").write_text(NEEDY)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "-c", os.devnull, str(folder)]
    environment = os.environ | {"TESTS_REQUIRE": required, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([*command, "-p", "no:cacheprovider", "-p", "no:schemathesis"], env=environment)
    return run.returncode, report


def test_skips_of_all_floors_are_counted_by_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = floor_on_a_bare_machine(tmp_path, required="")
    assert code == 0
    skipped.main([report, report])
    assert capsys.readouterr().out == (
        "2 tests passed, 8 were skipped: 6 because Chromium is not installed; 2 because there is no corpus.\n"
    )


def test_where_nothing_is_skipped_the_line_says_so() -> None:
    assert skipped.line(1234, Counter()) == "1,234 tests passed, none was skipped."


def test_what_is_insisted_on_fails_when_it_is_missing(tmp_path: Path) -> None:
    assert floor_on_a_bare_machine(tmp_path, required="axe-core corpus")[0] == 1
