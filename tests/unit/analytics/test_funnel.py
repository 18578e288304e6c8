"""The funnel, and links with their places."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.funnel import FunnelStep, funnel_of
from chalicelib.analytics.links import count_links
from chalicelib.analytics.stats import stats_of
from chalicelib.model.campaign import LaunchedLink
from tests.unit.analytics.any_delivery import NOON


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
