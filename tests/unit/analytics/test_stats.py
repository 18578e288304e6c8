"""The panel's numbers and the words beside them, the list's numbers, the funnel, and links with their places."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.stats import FunnelStep, Stats, count_links, funnel_of, numbers_of, stats_of
from chalicelib.model.campaign import LaunchedLink
from chalicelib.model.ids import new_campaign_id
from chalicelib.model.plan import PlanProgress
from tests.unit.analytics.any_delivery import NOON

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def stats(planned: int = 0, **sums: int) -> Stats:
    return stats_of(PlanProgress(units=16, units_done=16, planned=planned), sums, NOW)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_total_is_sent_failed_skipped_and_pending(planned: int, sent: int, failed: int, skipped: int) -> None:
    panel = stats(planned, sent=sent, failed=failed, skipped=skipped)
    assert panel.total == panel.sent + panel.failed + panel.skipped + panel.pending
    assert panel.pending >= 0


def test_a_lead_that_two_units_planned_is_one_of_the_total() -> None:
    assert stats(101, sent=100, replanned=1).total == 100


@given(*(st.integers(0, 500) for _ in range(7)))
def test_the_list_shows_the_panels_numbers(
    planned: int, sent: int, failed: int, skipped: int, opened: int, clicked: int, replanned: int
) -> None:
    """Two places that disagree on Total make both untrustworthy."""
    progress = PlanProgress(units=16, units_done=15, planned=planned)
    sums = {"sent": sent, "failed": failed, "skipped": skipped, "opened": opened, "clicked": clicked}
    sums["replanned"] = replanned
    campaign_id = new_campaign_id()
    listed, panel = numbers_of({campaign_id: sums}, {campaign_id: progress})[campaign_id], stats_of(progress, sums, NOW)
    assert all(getattr(listed, name) == getattr(panel, name) for name in listed.__dataclass_fields__)
    assert listed.total == max(planned - replanned, sent + failed + skipped)
    assert listed.pending == listed.total - sent - failed - skipped


def test_the_list_has_numbers_of_campaigns_with_sums_or_planning_alone() -> None:
    planned, counted = new_campaign_id(), new_campaign_id()
    progress = PlanProgress(units=16, units_done=16, planned=7)
    numbers = numbers_of({counted: {"sent": 3}}, {planned: progress})
    assert (numbers[planned].total, numbers[planned].pending, numbers[planned].total_is_final) == (7, 7, True)
    assert (numbers[counted].total, numbers[counted].pending, numbers[counted].total_is_final) == (3, 0, False)


def test_a_draft_has_no_numbers_and_no_advice() -> None:
    draft = stats_of(None, {}, NOW)
    assert (draft.total, draft.sent, draft.pending, draft.advice, draft.total_is_final) == (0, 0, 0, (), False)


def test_clicks_kept_out_are_told_in_words_by_reason_the_most_frequent_first() -> None:
    by_link = {"link/1/clicked_machine_only": 5, "link/2/clicked_machine_only": 4}
    reasons = {"kept_out/tool": 2, "kept_out/burst": 5, "kept_out/no_user_agent": 2, "kept_out/not_a_browser": 0}
    told = stats(**by_link, **reasons).kept_out
    assert told is not None
    assert [(each.reason, each.clicks) for each in told] == [("burst", 5), ("no_user_agent", 2), ("tool", 2)]
    assert told[0].name == "a security scanner"
    assert told[0].meaning.startswith("Several links")
    assert stats(**by_link).kept_out is None
    assert stats().kept_out == ()


def codes(panel: Stats) -> dict[str, str]:
    return {advice.code: advice.severity for advice in panel.advice}


def test_failures_above_three_percent_are_a_warning_with_their_reasons_first() -> None:
    panel = stats(100, sent=96, failed=4, **{"reason/missing_address": 3, "reason/rejected": 1})
    assert panel.advice[0].code == "failed_high"
    assert panel.advice[0].severity == "warning"
    assert panel.advice[0].figure == 0.04
    assert "missing address: 3" in panel.advice[0].text
    assert [(failure.reason, failure.count) for failure in panel.failures] == [("missing_address", 3), ("rejected", 1)]


def test_failures_above_two_percent_are_a_notice_and_below_nothing() -> None:
    assert codes(stats(1000, sent=975, failed=25))["failed_high"] == "notice"
    assert "failed_high" not in codes(stats(1000, sent=985, failed=15))


def test_an_open_rate_above_sixty_percent_is_suspicious() -> None:
    assert "opened_suspicious" in codes(stats(100, sent=100, opened=61))
    assert "opened_suspicious" not in codes(stats(100, sent=100, opened=60))


def test_small_samples_are_said_to_be_small_instead_of_judged() -> None:
    few = codes(stats(10, sent=8, failed=2, opened=8))
    assert "small_sample" in few
    assert not few.keys() & {"failed_high", "opened_suspicious"}


def test_without_feedback_delivered_is_said_to_be_unknown() -> None:
    assert "no_feedback" in codes(stats(100, sent=100))
    assert "no_feedback" not in codes(stats(100, sent=100, delivered=90))


def steps(**sums: int) -> dict[str, FunnelStep]:
    return {step.step: step for step in funnel_of(sums)}


def value(step: FunnelStep, name: str) -> float | None:
    rate = getattr(step, name)
    return None if rate is None else float(rate.value)


def test_every_step_is_shown_of_those_sent_and_of_the_step_before() -> None:
    funnel = steps(sent=1000, delivered=950, opened=380, clicked=100, clicked_without_open=24)
    assert [step.count for step in funnel.values()] == [1000, 950, 380, 100]
    assert [value(step, "of_sent") for step in funnel.values()] == [1, 0.95, 0.38, 0.1]
    assert [value(step, "of_previous") for step in funnel.values()] == [None, 0.95, 0.4, 0.2]


def test_without_feedback_delivered_is_unknown_and_opened_is_a_share_of_sent() -> None:
    funnel = steps(sent=100, opened=40)
    assert (funnel["delivered"].count, funnel["delivered"].of_sent) == (None, None)
    assert value(funnel["opened"], "of_previous") == 0.4


def test_bounces_alone_do_not_say_that_nothing_was_delivered() -> None:
    """A stack may ask for no reports of deliveries (DeliveryReports=off)."""
    sums = {"sent": 100, "bounced": 3, "opened": 40}
    funnel = steps(**sums)
    assert (funnel["delivered"].count, funnel["delivered"].of_sent) == (None, None)
    assert value(funnel["opened"], "of_previous") == 0.4
    rates = stats_of(None, sums, NOON).rates
    assert rates["delivered"] is None
    assert rates["bounced"] is not None
    assert rates["complained"] is not None


def test_reports_of_deliveries_that_lag_behind_the_opens_make_no_share() -> None:
    assert steps(sent=100, delivered=10, opened=40)["opened"].of_previous is None


def test_recipients_who_were_not_tracked_are_shown_and_kept_out_of_rates_of_opens_and_clicks() -> None:
    panel = stats_of(None, {"sent": 100, "untracked": 20, "anonymous": 5, "opened": 40, "delivered": 100}, NOON)
    assert (panel.untracked, panel.anonymous) == (20, 5)
    opened = panel.rates["opened"]
    assert opened is not None
    assert (opened.value, opened.of) == (0.5, 80)
    assert panel.funnel[2].of_sent == panel.funnel[2].of_previous == opened


counts = st.integers(0, 1000)


@given(st.dictionaries(st.sampled_from(["sent", "failed", "opened", "clicked", "untracked", "bounced"]), counts))
def test_whatever_the_sums_are_they_can_be_shown(sums: dict[str, int]) -> None:
    panel = stats_of(None, sums, NOON, launched_at=NOON, html_bytes=1)
    for rate in panel.rates.values():
        assert rate is None or 0 <= rate.low <= rate.value <= rate.high <= 1


def test_feedback_has_rates_once_there_is_any() -> None:
    assert stats_of(None, {"sent": 100}, NOON).rates["bounced"] is None
    rates = stats_of(None, {"sent": 100, "delivered": 97}, NOON).rates
    assert rates["bounced"] is not None
    assert (rates["bounced"].value, rates["bounced"].of) == (0, 100)


def test_links_keep_their_order_places_and_both_counts() -> None:
    links = [LaunchedLink("1", "https://a", "A", 3, 5), LaunchedLink("2m", "https://b/{{ x }}", "B", 4, 1)]
    sums = {"sent": 50, "link/2m/clicked": 5, "link/2m/clicked_machine_only": 2}
    first, second = count_links(links, sums)
    assert (first.position, first.line, first.column, first.clicked) == (1, 3, 5, 0)
    assert (second.position, second.clicked, second.clicked_machine_only) == (2, 5, 2)
    assert second.rate is not None
    assert second.rate.value == 0.1
