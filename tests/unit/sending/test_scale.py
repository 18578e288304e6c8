"""docs/SCALE.md says what the simulation says."""

from pathlib import Path

import pytest

from bench.scale import needed, play

DOCUMENT = (Path(__file__).parents[3] / "docs" / "SCALE.md").read_text()
LEADS = 10_000_000


@pytest.mark.parametrize(
    ("rate", "workers", "holds_up", "hours"),
    [
        (14, 2, "the account's rate", 210),
        (200, 10, "the senders (SendConcurrency)", 25),
        (1000, 100, "the account's rate", 2.9),
    ],
)
def test_what_holds_a_campaign_up_and_for_how_long(rate: float, workers: int, holds_up: str, hours: float) -> None:
    played = play(LEADS, rate, workers)
    assert played.held_up.most_common(1)[0][0] == holds_up
    assert played.sent_after / 3600 == pytest.approx(hours, rel=0.03)
    assert f"{round(played.function_seconds['send'], -3):,}" in DOCUMENT


def test_the_arithmetic_is_the_documents() -> None:
    for name, number in needed(LEADS).items():
        assert f"| {number:,} |" in DOCUMENT, name
