"""docs/SCALE.md says what the arithmetic and the simulation give."""

import re
from pathlib import Path

import pytest

from bench import scale
from local.concurrency import MAILS_PER_SECOND
from local.tables import read_template
from tests.documents import table

DOCUMENT = Path(__file__).parents[3] / "docs" / "SCALE.md"
LEADS = 10_000_000
SECONDS = {"min": 60, "h": 3600, "days": 86_400}


def number(cell: str) -> float:
    """The first number of a cell: 13,300,000 or 2.9."""
    found = re.match(r"[\d,]+(?:\.\d+)?", cell)
    assert found, cell
    return float(found[0].replace(",", ""))


def seconds(cell: str) -> tuple[float, float]:
    """A duration such as "2.9 h", and by how much it may be off for its rounding."""
    value, unit = cell.split()
    return float(value) * SECONDS[unit], (0.05 if "." in value else 0.5) * SECONDS[unit]


def test_the_arithmetic_is_the_codes() -> None:
    rows = table(DOCUMENT, "By arithmetic")
    assert {what: number(cell) for what, cell, _ in rows} == scale.needed(LEADS)


def test_the_ceilings_are_the_codes() -> None:
    rows = table(DOCUMENT, "The next limits, in this order")
    assert {what: number(cell) for what, cell, _ in rows} == scale.ceilings()
    assert scale.ceilings()["one worker"] == MAILS_PER_SECOND


@pytest.mark.parametrize("row", table(DOCUMENT, "By simulation"), ids=lambda row: row[0])
def test_the_simulation_gives_what_the_document_says(row: list[str]) -> None:
    rate, workers, planned_after, sent_after, function_seconds, longest_queue, bound_by = row
    simulated = scale.simulate(LEADS, number(rate), int(number(workers)))
    for cell, value in ((planned_after, simulated.planned_after), (sent_after, simulated.sent_after)):
        stated, tolerance = seconds(cell)
        assert stated == pytest.approx(value, abs=tolerance), cell
    plan, send = (number(each) for each in function_seconds.split(" / "))
    assert plan == round(simulated.function_seconds["plan"], -3)
    assert send == round(simulated.function_seconds["send"], -3)
    assert number(longest_queue) == round(simulated.deepest_queue, -3)
    assert simulated.bound_by.most_common(1)[0][0] == bound_by


def test_the_simulation_plans_with_what_is_deployed() -> None:
    (source,) = read_template()["Resources"]["Plan"]["Properties"]["Events"].values()
    assert source["Properties"]["ScalingConfig"]["MaximumConcurrency"] == scale.PLANNERS
