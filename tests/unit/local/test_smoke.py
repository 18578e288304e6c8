"""What `make smoke` says of one thing that it looks at."""

import pytest

from local.console import NotReady
from local.smoke import Report


def test_what_comes_to_hold_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = iter([1, 2, 3])
    report = Report()
    report.hold("Counted", lambda: next(numbers), 2, "See the log.")
    assert report.failed == []
    assert capsys.readouterr().out.startswith("  ok      Counted (0.")


def test_what_does_not_come_to_hold_says_what_was_found_and_what_to_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(patience_seconds=0)
    report.hold("Counted", lambda: 1, 2, "See the log.")
    assert report.failed == ["Counted (0.0 s)"]
    assert capsys.readouterr().out == "  FAILED  Counted (0.0 s): expected 2, found 1\n          See the log.\n"


def test_an_answer_that_cannot_be_had_is_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    def read() -> int:
        raise NotReady("The API answers 500")

    report = Report(patience_seconds=0)
    report.hold("Counted", read, 2, "See the log.")
    assert "found The API answers 500" in capsys.readouterr().out
