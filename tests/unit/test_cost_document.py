"""docs/COST.md says what the arithmetic gives, for what is deployed."""

import json
from typing import Any

import pytest

from bench import cost
from local.tables import read_template
from tests.documents import ROOT, codes, table

COST = ROOT / "docs" / "COST.md"
DOCUMENT = COST.read_text()


def subscribed() -> dict[str, set[str]]:
    """The events that the template has SES report, by event destination."""
    destinations = {
        name: each["Properties"]["EventDestination"]["MatchingEventTypes"]
        for name, each in read_template()["Resources"].items()
        if each.get("Type") == "AWS::SES::ConfigurationSetEventDestination"
    }
    return {name: set(kinds) for name, kinds in destinations.items()}


def test_the_tables_in_the_document_are_those_that_are_reckoned() -> None:
    begin, end = "<!-- python -m bench.cost -->\n", "\n<!-- end -->"
    assert DOCUMENT.partition(begin)[2].partition(end)[0] == "\n".join(cost.tables()), (
        "docs/COST.md is out of date: put the output of `python -m bench.cost` between its two marks."
    )


def test_the_goals_are_met_as_the_document_says() -> None:
    with_reports, without = (
        cost.bill(cost.USUAL, cost.Deployed(delivery_reports=reports)) for reports in (True, False)
    )
    assert cost.total(with_reports) <= 7
    assert cost.total(without) <= 5.4
    assert cost.share_of_ses(with_reports, "Essentials") <= 0.05
    met = {goal: result for goal, result, _ in table(COST, "Goals")}
    assert met["at most 7 dollars a million mails, 5.40 without delivery reports"] == (
        f"**met**: {cost.total(with_reports):.2f} and {cost.total(without):.2f}"
    )
    shares = [cost.share_of_ses(lines, "by use") for lines in (with_reports, without)]
    _, result, remark = next(row for row in table(COST, "Goals") if row[0].startswith("at most 5 %"))
    assert result == f"**met**: {100 * cost.share_of_ses(with_reports, 'Essentials'):.1f} %"
    assert f"{100 * shares[0]:.1f} %, or {100 * shares[1]:.1f} % without" in remark


def test_every_report_that_the_template_asks_ses_for_is_paid_for() -> None:
    """The bill once left out two kinds of report that were deployed."""
    ways = subscribed()
    assert set(cost.REPORTS) == set().union(*ways.values())
    assert set(cost.DELIVERY_REPORTS) == ways["MailDeliveryReports"]
    documented = {codes(kind)[0]: float(number) / 1000 for kind, number in table(COST, "The bill")}
    assert documented == cost.REPORTS


def test_more_of_any_report_costs_more(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cost.total(cost.bill(cost.USUAL, cost.Deployed()))
    for kind in cost.REPORTS:
        with monkeypatch.context() as patch:
            patch.setitem(cost.REPORTS, kind, cost.REPORTS[kind] + 0.1)
            assert cost.total(cost.bill(cost.USUAL, cost.Deployed())) > before, kind


def test_planning_costs_what_the_bill_says() -> None:
    """tests/store/test_planning_cost.py counts it."""
    (units,) = (row[2] for row in table(COST, "Goals", 1) if row[0].startswith("plan one unit"))
    page, end = cost.PAGE_WRITES, cost.UNIT_END_WRITES
    assert units == f"{page + end}: {page} for the page, {end} for the unit's end"


def test_waiting_for_the_quota_costs_less_than_half_a_dollar_a_million_leads() -> None:
    assert cost.total(cost.waiting()) < 0.5
    functions = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["prod"]["lambda_functions"]
    assert functions["launch"]["lambda_memory_size"] == cost.LAUNCH_MB
    assert functions["plan"]["lambda_memory_size"] == cost.PLAN_MB


def test_the_reckoning_is_for_what_is_deployed() -> None:
    functions = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["prod"]["lambda_functions"]
    template: dict[str, Any] = read_template()
    parameters, shared = template["Parameters"], template["Globals"]["Function"]
    fold = template["Resources"]["Fold"]["Properties"]["Events"]
    (source,) = fold.values()
    assert cost.Deployed() == cost.Deployed(
        send_mb=functions["send"]["lambda_memory_size"],
        track_mb=functions["track"]["lambda_memory_size"],
        fold_mb=functions["fold"]["lambda_memory_size"],
        feedback_mb=functions["feedback"]["lambda_memory_size"],
        batching_window_seconds=source["Properties"]["MaximumBatchingWindowInSeconds"],
        architecture=parameters["Architecture"]["Default"],
        system_logs=shared["LoggingConfig"]["SystemLogLevel"] != "WARN",
        delivery_reports=parameters["DeliveryReports"]["Default"] == "on",
    )
    assert {functions[name]["lambda_memory_size"] for name in ("candidates", "publish", "automate")} == {cost.EVENTS_MB}
    assert cost.Deployed().batching_window_seconds == cost.EVENTS_WINDOW


@pytest.mark.parametrize("window", [0.25, 2, 5, 60])
def test_batches_hold_one_change_at_least_and_five_hundred_at_most(window: float) -> None:
    assert cost.batches(1000, 10**9, window) == pytest.approx(1000, rel=0.01)
    assert cost.batches(10**6, 1, window) == 2000
