"""docs/COST.md says what the arithmetic gives, for what is deployed."""

import json
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from bench import cost

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "COST.md").read_text()


def test_the_tables_in_the_document_are_those_that_are_reckoned() -> None:
    begin, end = "<!-- python -m bench.cost -->\n", "\n<!-- end -->"
    assert DOCUMENT.partition(begin)[2].partition(end)[0] == "\n".join(cost.tables()), (
        "docs/COST.md is out of date: put the output of `python -m bench.cost` between its two marks."
    )


def test_the_share_of_ses_in_the_goals_is_the_reckoned_one() -> None:
    share = cost.share_of_ses(cost.bill(cost.USUAL, cost.Deployed()))
    met = "**met**" if share < 0.05 else "**not met**"
    assert f"| everything together below 5 % of SES's bill | {met}: {share * 100:.1f} % |" in DOCUMENT


def test_waiting_for_the_quota_costs_less_than_half_a_dollar_a_million_leads() -> None:
    assert cost.total(cost.waiting()) < 0.5
    functions = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["prod"]["lambda_functions"]
    assert functions["launch"]["lambda_memory_size"] == cost.LAUNCH_MB
    assert functions["plan"]["lambda_memory_size"] == cost.PLAN_MB


def test_the_reckoning_is_for_what_is_deployed() -> None:
    functions = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["prod"]["lambda_functions"]
    window = next(
        line for line in (ROOT / "template.yaml").read_text().splitlines() if "MaximumBatchingWindowInSeconds" in line
    )
    assert cost.Deployed() == cost.Deployed(
        send_mb=functions["send"]["lambda_memory_size"],
        track_mb=functions["track"]["lambda_memory_size"],
        fold_mb=functions["fold"]["lambda_memory_size"],
        batching_window_seconds=yaml.safe_load(window)["MaximumBatchingWindowInSeconds"],
    )
    assert {functions[name]["lambda_memory_size"] for name in ("candidates", "publish", "automate")} == {cost.EVENTS_MB}
    assert cost.Deployed().batching_window_seconds == cost.EVENTS_WINDOW


@pytest.mark.parametrize("window", [0.25, 2, 5, 60])
def test_batches_hold_one_change_at_least_and_five_hundred_at_most(window: float) -> None:
    assert cost.batches(1000, 10**9, window) == pytest.approx(1000, rel=0.01)
    assert cost.batches(10**6, 1, window) == 2000
