"""Domains whose clicks come too soon for people are suspected, and domains of people are not, by their timing alone."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import comb
from typing import Any

import pytest

from chalicelib.analytics.advice import Advice
from chalicelib.analytics.link_scanners import MOST, PAGES, link_scanner_advice, suspected_domains
from chalicelib.model.campaign import Audience, Campaign, CampaignStatus
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.ids import new_lead_id
from chalicelib.store.deliveries import DeliveryFilter
from tests.unit.analytics.any_delivery import CAMPAIGN, NOON

WRITTEN = Campaign(
    campaign_id=CAMPAIGN,
    title="Prices",
    subject="Prices",
    from_email="news@acme.example",
    audience=Audience("acme", ("New",)),
    status=CampaignStatus.SENT,
    version=1,
    created_at=NOON,
    updated_at=NOON,
)


def clicked(domain: str, *seconds: float, **said: Any) -> Delivery:
    """A delivery whose links were followed so long after it was delivered."""
    clicks = {str(link): Click(NOON + timedelta(seconds=after), None) for link, after in enumerate(seconds)}
    sent = Delivery(CAMPAIGN, new_lead_id(), DeliveryStatus.SENT, NOON, "0.0", email=f"ann@{domain}", clicks=clicks)
    return replace(sent, **({"sent_at": NOON - timedelta(seconds=5), "delivered_at": NOON} | said))


def at(domain: str, soon: int, late: int = 0) -> list[Delivery]:
    return [*(clicked(domain, 40) for _ in range(soon)), *(clicked(domain, 4_000) for _ in range(late))]


class Pages:
    """Deliveries in pages, as the store lists them."""

    def __init__(self, *pages: Sequence[Delivery]) -> None:
        self.pages = pages
        self.read = 0

    def list_page(
        self, campaign_id: str, shown: DeliveryFilter, *, limit: int, position: str | None
    ) -> tuple[list[Delivery], str | None]:
        assert (campaign_id, shown) == (CAMPAIGN, DeliveryFilter(clicked=True))
        number = int(position or 0)
        self.read += 1
        return list(self.pages[number][:limit]), str(number + 1) if number + 1 < len(self.pages) else None


def look(
    *pages: Sequence[Delivery], campaign: Campaign = WRITTEN, after: timedelta = timedelta(days=1), **sums: int
) -> tuple[Advice, ...]:
    """The advice so long after delivery."""
    listed: Any = Pages(*pages)
    return link_scanner_advice(campaign, sums, listed, NOON + after)


def suspected(clickers: Sequence[Delivery]) -> list[str]:
    return [each.name for each in suspected_domains(clickers)]


def test_a_domain_where_nearly_all_click_within_a_minute_is_told_with_the_figures_without_it() -> None:
    first, second = look([*at("corp.example", 23, 2), *at("mail.example", 1, 71)], sent=1000, clicked=97)
    assert (first.code, first.severity, first.figure) == ("link_scanner", "notice", 0.92)
    assert first.text == (
        "23 of 25 clicks from corp.example came within 60 s of delivery (92%, range 75.0 to 97.8%). That is typical of "
        "a link scanner, which opens the link before people read the email."
    )
    assert (second.code, second.severity, second.figure) == ("without_link_scanners", "info", 0.074)
    assert second.text == (
        "Without these clicks, 23 in all, Clicked is 74 and the click rate 7.4% (range 5.9 to 9.2%). Clicked still "
        "counts them, since some of these leads may also have clicked themselves."
    )


def test_less_than_ten_clicks_of_a_domain_say_nothing() -> None:
    assert suspected(at("corp.example", 9)) == []
    assert suspected(at("corp.example", 10)) == ["corp.example"]


def test_soon_is_up_to_a_minute() -> None:
    assert suspected([clicked("corp.example", 60) for _ in range(20)]) == ["corp.example"]
    assert suspected([clicked("corp.example", 60.1) for _ in range(20)]) == []


def test_a_click_whose_address_is_not_known_is_of_no_domain() -> None:
    assert suspected([clicked("corp.example", 40, email=None) for _ in range(20)]) == []


def test_half_of_the_clicks_may_be_chance_and_most_are_not() -> None:
    assert suspected(at("corp.example", 14, 6)) == []
    assert suspected(at("corp.example", 15, 5)) == ["corp.example"]


def test_the_spelling_of_a_domain_makes_no_difference() -> None:
    assert suspected([*at("Corp.example", 5), *at("corp.EXAMPLE", 5)]) == ["corp.example"]


def test_a_lead_who_also_clicked_another_link_later_is_a_person() -> None:
    assert suspected([clicked("corp.example", 40, 4_000) for _ in range(20)]) == []


def test_a_click_shortly_before_the_delivery_is_soon_and_one_long_before_is_none() -> None:
    """Scanners follow links before the recipient's server accepts the mail; a mail that is sent again has two times."""
    assert suspected([clicked("corp.example", -3) for _ in range(20)]) == ["corp.example"]
    assert suspected([clicked("corp.example", -4_000) for _ in range(20)]) == []


def test_time_counts_from_sending_where_no_delivery_is_reported_and_not_at_all_where_neither_is_known() -> None:
    unreported = [clicked("corp.example", 50, delivered_at=None) for _ in range(20)]
    assert suspected(unreported) == ["corp.example"]
    assert suspected([clicked("corp.example", 57, delivered_at=None) for _ in range(20)]) == []
    assert suspected([clicked("corp.example", 50, delivered_at=None, sent_at=None) for _ in range(20)]) == []


def test_of_a_large_campaign_a_part_is_looked_at_and_the_rest_estimated() -> None:
    page = [*at("corp.example", 5), *at("mail.example", 0, 15)]
    pages: Any = Pages(*[page] * (2 * PAGES))
    *_, without = link_scanner_advice(WRITTEN, {"sent": 80_000, "clicked": 400}, pages, NOON + timedelta(days=1))
    assert pages.read == PAGES
    assert "50 in all, Clicked is 300 and the click rate 0.4% (range 0.3 to 0.4%)." in without.text
    assert without.text.endswith("Estimated from 200 of the 400 leads who clicked.")


def test_of_many_clicks_a_part_is_looked_at() -> None:
    """Judging them takes the time, not reading those who did not click."""
    pages: Any = Pages(*[at("mail.example", 0, MOST // 4)] * 3, at("mail.example", 0, MOST), at("corp.example", 20))
    assert link_scanner_advice(WRITTEN, {"sent": 80_000, "clicked": MOST}, pages, NOON + timedelta(days=1)) == ()
    assert pages.read == 4


def test_it_is_too_early_until_the_slow_could_have_clicked_too() -> None:
    """Of a mail that is a minute old, there are no clicks but soon ones."""
    (advice,) = look(at("mail.example", 40), after=timedelta(seconds=60), sent=5_000, clicked=40)
    assert (advice.code, advice.severity, advice.figure) == ("link_scanners_too_early", "info", 40)
    assert advice.text == (
        "Too early to look for link scanners: 40 of the 40 leads who clicked got this email less than 10 minutes ago."
    )
    assert look(at("mail.example", 40), after=timedelta(seconds=600), sent=5_000, clicked=40)[0].code == "link_scanner"


def test_the_latest_mails_are_left_out() -> None:
    old = [clicked("corp.example", -3_000, delivered_at=NOON - timedelta(hours=1)) for _ in range(12)]
    assert look(old, at("mail.example", 40), after=timedelta(seconds=60), sent=5_000, clicked=52) == ()


def test_few_clicks_are_neither_early_nor_late() -> None:
    assert look(at("mail.example", 9), after=timedelta(seconds=60), sent=5_000, clicked=9) == ()


def test_anonymous_clicks_are_left_out() -> None:
    anonymous: Any = replace(WRITTEN, tracking=Tracking.ANONYMOUS)
    assert look(at("corp.example", 20), campaign=anonymous, sent=100, clicked=20) == ()


def test_many_domains_are_summed_up() -> None:
    found = look([each for number in range(14) for each in at(f"d{number}.example", 10)], sent=500, clicked=140)
    assert [each.code for each in found] == ["link_scanner"] * 10 + ["without_link_scanners"]
    assert "Without these clicks and those from other domains, 140 in all, Clicked is 0" in found[-1].text


def test_ten_domains_are_all_told() -> None:
    found = look([each for number in range(10) for each in at(f"d{number}.example", 10)], sent=500, clicked=100)
    assert found[-1].text.startswith("Without these clicks, 100 in all,")


def test_nothing_is_said_where_nobody_is_suspected() -> None:
    assert look(at("mail.example", 2, 50), sent=1000, clicked=52) == ()
    assert look([], sent=1000) == ()


# Published field data: scanners come at a median of 43 s after sending, two thirds of them after 20 to 60 s.
def scanner_seconds(chance: random.Random) -> float:
    part = chance.random()
    if part < 1 / 6:
        return chance.uniform(2, 20)
    return chance.uniform(20, 60) if part < 5 / 6 else chance.uniform(60, 600)


# People: half of the clicks after 3.5 hours, a quarter within the first hour, 0.2 % within a minute.
def person_seconds(chance: random.Random) -> float:
    return chance.lognormvariate(9.44, 1.86)


# A mail that its readers wait for: half of the clicks after 10 minutes, one in ten within a minute.
def eager_seconds(chance: random.Random) -> float:
    return chance.lognormvariate(6.4, 1.8)


@pytest.mark.parametrize("seconds", [person_seconds, eager_seconds])
def test_no_domain_of_people_is_suspected(seconds: Any) -> None:
    """Companies of 10 to 200 who clicked, and a free mail service."""
    chance = random.Random(14)
    people = [
        clicked(f"d{number}.example", seconds(chance)) for number in range(1_000) for _ in range(10 + number % 41)
    ]
    people += [clicked("gmail.example", seconds(chance)) for _ in range(5_000)]
    soon = sum(is_soon(each) for each in people) / len(people)
    assert soon < (0.005 if seconds is person_seconds else 0.12)
    assert suspected(people) == []


@pytest.mark.parametrize("seconds", [person_seconds, eager_seconds])
@pytest.mark.parametrize("seen", [30, 60, 120, 600, 900, 3_600])
def test_no_domain_of_people_is_suspected_whenever_it_is_looked_at(seconds: Any, seen: int) -> None:
    """At that moment only the clicks until then are known: of a mail sent at once, and of one sent over an hour."""
    for seed in range(3):
        chance = random.Random(seed)
        at_once = [clicked("gmail.example", after) for _ in range(1_000) if (after := seconds(chance)) <= seen]
        over_an_hour = [
            clicked("gmail.example", arrived + after, delivered_at=NOON + timedelta(seconds=arrived))
            for arrived in (chance.uniform(0, min(seen, 3_600)) for _ in range(1_000))
            if (after := seconds(chance)) <= seen - arrived
        ]
        for clicks in (at_once, over_an_hour):
            found = look(clicks, after=timedelta(seconds=seen), sent=5_000, clicked=len(clicks))
            assert {each.code for each in found} <= {"link_scanners_too_early"}


def is_soon(delivery: Delivery) -> bool:
    return delivery.clicks["0"].at - NOON <= timedelta(seconds=60)


def chance_of_alarm(share: float, size: int) -> float:
    """That a domain of this size is suspected, whose people click soon with this chance: the binomial's exact tail."""
    least = next(count for count in range(size + 1) if suspected(at("d.example", count, size - count)))
    return sum(comb(size, count) * share**count * (1 - share) ** (size - count) for count in range(least, size + 1))


def test_how_rarely_people_are_suspected() -> None:
    """The figures of docs/decisions/0076: sizes at which chance has most to say."""
    sizes = (10, 11, 12, 15, 20, 25, 40)
    assert max(chance_of_alarm(0.002, size) for size in sizes) < 1e-20
    assert max(chance_of_alarm(0.1, size) for size in sizes) < 5e-8
    assert max(chance_of_alarm(0.3, size) for size in sizes) < 6e-4


@pytest.mark.parametrize(("size", "found"), [(10, 0.4), (25, 0.9), (50, 0.99)])
def test_most_domains_behind_a_scanner_are_found(size: int, found: float) -> None:
    chance = random.Random(14)
    scanned = [clicked(f"d{number}.example", scanner_seconds(chance)) for number in range(300) for _ in range(size)]
    assert len(suspected(scanned)) / 300 > found
