"""Advice speaks where the numbers say something, with the figure it rests on, and is silent where they do not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.advice import SAMPLE, Advice, Situation, advise
from chalicelib.model.campaign import GMAIL_CLIPS_AT


def advice(age_hours: float | None = 48, html_bytes: int | None = None, **sums: int) -> dict[str, Advice]:
    return {each.code: each for each in advise(Situation(sums, age_hours=age_hours, html_bytes=html_bytes))}


@pytest.mark.parametrize(
    ("code", "sums", "severity", "figure"),
    [
        ("failed_high", {"sent": 975, "failed": 25}, "notice", 0.025),
        ("failed_high", {"sent": 960, "failed": 40}, "warning", 0.04),
        ("bounced_high", {"sent": 1000, "bounced": 45}, "notice", 0.045),
        ("bounced_high", {"sent": 1000, "bounced": 60}, "warning", 0.06),
        ("complained_high", {"sent": 1000, "complained": 2}, "notice", 0.002),
        ("complained_high", {"sent": 10_000, "complained": 30}, "warning", 0.003),
        ("unsubscribed_high", {"sent": 2000, "unsubscribed": 30}, "notice", 0.015),
        ("opened_suspicious", {"sent": 200, "opened": 130}, "notice", 0.65),
        ("nobody_opened", {"sent": 100}, "warning", 100),
        ("images_blocked", {"sent": 500, "clicked": 100, "clicked_without_open": 25}, "notice", 0.25),
        ("scanned", {"sent": 500, "clicked_machine_only": 60}, "info", 0.12),
        ("no_feedback", {"sent": 100}, "notice", 100),
        ("clicks_are_honest", {"sent": 100, "clicked": 7}, "info", 0.07),
        ("opened_suspicious", {"sent": 200, "untracked": 100, "opened": 70}, "notice", 0.7),
        ("untracked", {"sent": 200, "untracked": 20}, "info", 20),
        ("recount_due", {"sent": 2, "recount_due": 1}, "warning", 1),
        ("small_sample", {"sent": 12}, "info", 12),
        ("links_empty", {"sent": 2, "empty_links": 3}, "warning", 3),
    ],
)
def test_advice_names_its_figure(code: str, sums: dict[str, int], severity: str, figure: float) -> None:
    found = advice(**sums)[code]
    assert (found.severity, found.figure) == (severity, figure)


@pytest.mark.parametrize(
    ("code", "sums"),
    [
        ("failed_high", {"sent": 980, "failed": 20}),
        ("bounced_high", {"sent": 1000, "bounced": 40}),
        ("complained_high", {"sent": 1000, "complained": 1}),
        ("complained_high", {"sent": 400, "complained": 1}),
        ("unsubscribed_high", {"sent": 200, "unsubscribed": 2}),
        ("opened_suspicious", {"sent": 200, "opened": 120}),
        ("nobody_opened", {"sent": 40}),
        ("nobody_opened", {"sent": 400, "untracked": 400}),
        ("untracked", {"sent": 400, "anonymous": 40}),
        ("nobody_opened", {"sent": 400, "clicked": 1}),
        ("images_blocked", {"sent": 500, "clicked": 40, "clicked_without_open": 6}),
        ("images_blocked", {"sent": 50, "clicked": 4, "clicked_without_open": 4}),
        ("scanned", {"sent": 100, "clicked_machine_only": 6}),
        ("no_feedback", {"sent": 100, "bounced": 1}),
        ("too_early", {"sent": 100}),
        ("links_empty", {"sent": 100}),
        ("clipped", {"sent": 100}),
    ],
)
def test_advice_is_silent_where_chance_may_have_done_it(code: str, sums: dict[str, int]) -> None:
    assert code not in advice(**sums)


@given(st.integers(0, SAMPLE - 1), st.integers(0, 40))
def test_a_small_sample_is_never_judged(sent: int, count: int) -> None:
    names = ("opened", "clicked", "bounced", "complained", "unsubscribed", "clicked_machine_only")
    found = advice(**{"sent": sent, **dict.fromkeys(names, min(count, sent))})
    assert found.keys() <= {"small_sample", "sent_is_not_delivered", "no_feedback"}


def test_a_sample_that_is_just_large_enough_is_judged() -> None:
    found = advice(sent=SAMPLE, bounced=3)
    assert "small_sample" not in found
    assert "bounced_high" in found
    assert advice(sent=SAMPLE)["no_feedback"].severity == "notice"


@pytest.mark.parametrize("age_hours", [0.02, 48])
def test_one_is_never_written_in_the_plural(age_hours: float) -> None:
    found = advice(age_hours, sent=1, untracked=1, empty_links=1)
    assert found.keys() >= {"no_feedback", "untracked", "links_empty", "sent_is_not_delivered", "small_sample"}
    assert not [each.text for each in found.values() if re.search(r"\b1 \w+s\b|1 \w+ (are|were)\b", each.text)]


def test_the_share_of_machines_is_said_with_a_suspicious_open_rate() -> None:
    text = advice(sent=100, opened=80, opened_machine_only=40)["opened_suspicious"].text
    assert "80% opened" in text
    assert "40 of 80 opens, 50%" in text


@pytest.mark.parametrize(
    ("age_hours", "words"),
    [
        (0.0, "It is less than a minute since"),
        (0.02, "It is 1 minute since"),
        (0.9, "It is 54 minutes since"),
        (1.5, "It is 2 hours since"),
        (20, "It is 20 hours since"),
    ],
)
def test_the_first_day_is_too_early_to_tell(age_hours: float, words: str) -> None:
    found = advice(age_hours, sent=500)
    assert words in found["too_early"].text
    assert found["too_early"].figure == age_hours
    assert "nobody_opened" not in found


def test_after_a_day_rates_have_settled() -> None:
    assert "too_early" in advice(23.9, sent=500)
    assert "too_early" not in advice(24, sent=500)


def test_a_campaign_of_which_half_has_failed_gets_advice() -> None:
    assert "failed_high" in advice(sent=50, failed=50)


def test_an_unknown_age_is_no_reason_to_wait_or_to_worry() -> None:
    assert not advice(None, sent=500).keys() & {"too_early", "nobody_opened"}


def test_missing_feedback_is_a_fault_only_once_it_is_overdue() -> None:
    assert advice(0.2, sent=500)["no_feedback"].severity == "info"
    assert advice(2, sent=500)["no_feedback"].severity == "notice"


def test_a_mail_that_gmail_clips_is_named_with_its_size() -> None:
    found = advice(html_bytes=130 * 1024, sent=1)["clipped"]
    assert "130 KB" in found.text
    assert found.figure == 130 * 1024
    assert "clipped" not in advice(html_bytes=GMAIL_CLIPS_AT, sent=1)


def test_the_most_urgent_advice_comes_first() -> None:
    found = advise(Situation({"sent": 950, "failed": 50, "opened": 700, "clicked": 9}, age_hours=3))
    severities = [each.severity for each in found]
    assert severities == sorted(severities, key=["warning", "notice", "info"].index)
    assert severities[0] == "warning"
