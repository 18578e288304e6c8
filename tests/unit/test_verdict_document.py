"""docs/VERDICT.md says what the simulation gives, and the verdict is as right as it has been.

The simulation has fixed seeds: a figure changes when a rule changes, or an assumption.
"""

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from statistics import median

import pytest

from bench.verdict import __main__ as document
from bench.verdict import figures, scanners
from bench.verdict.campaigns import COMPANIES, CONSUMERS, USUAL_SCANNERS, Audience
from bench.verdict.figures import measured
from bench.verdict.people import BROWSERS, HABITS, MAIL_CLIENTS
from bench.verdict.scanners import SCANNERS
from chalicelib.model.delivery import BurstRule
from tests.unit.tracking.test_agents_measured import (
    browsers,
    crawlers,
    matomo_browsers,
    matomo_crawlers,
    matomo_mail,
)

NO_BURSTS = BurstRule(links=1000)


SHORT = ("scanners", "people who click", "people who read")
"""Tables of a single kind's mails, some seconds cheaper than those of audiences. A rule that changes changes them."""


def is_current(names: Iterable[str]) -> bool:
    committed = document.DOCUMENT.read_text("utf-8")
    return committed == document.written(committed, names)


def test_the_tables_of_single_kinds_are_those_that_the_command_writes() -> None:
    assert is_current(SHORT), "docs/VERDICT.md is out of date: run `make verdict`."


@pytest.mark.soak
def test_all_tables_are_those_that_the_command_writes() -> None:
    assert is_current(document.TABLES), "docs/VERDICT.md is out of date: run `make verdict`."


# -- The floor ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audience", "precision", "opened_recall"),
    [(CONSUMERS, 0.90, 0.42), (COMPANIES, 0.75, 0.60)],
    ids=["consumers", "companies"],
)
def test_clicked_and_opened_by_persons_are_right(audience: Audience, precision: float, opened_recall: float) -> None:
    found = measured(audience, runs=3)
    assert found.clicked.precision.value >= precision
    assert found.clicked.recall.value >= 0.97
    assert found.opened.precision.value >= 0.90
    assert found.opened.recall.value >= opened_recall


def test_without_the_rule_about_bursts_the_floor_would_not_hold() -> None:
    assert measured(COMPANIES, runs=3, rule=NO_BURSTS).clicked.precision.value < 0.65


@pytest.mark.parametrize("name", [name for name in SCANNERS if name.startswith("all links within")])
def test_who_follows_all_links_of_a_mail_within_a_second_never_counts(name: str) -> None:
    for links in (3, 9):
        assert figures.taken_for_clicks(SCANNERS[name], links).part == 0


SHOWS_ITSELF = (
    "all links, says what it is",
    "all links, says that it protects mailboxes",
    "all links, HEAD only",
    "all links, browser's prefetch",
)


def test_a_scanner_with_a_mail_programs_name_never_counts_in_clicked() -> None:
    scanner = SCANNERS["all links, has the name of a mail program"]
    assert not any(figures.taken_for_clicks(scanner, links).part for links in (1, 2, 9))


@pytest.mark.parametrize("name", SHOWS_ITSELF)
def test_what_shows_itself_to_be_a_machine_never_counts(name: str) -> None:
    for links in (1, 2, 9):
        assert figures.taken_for_clicks(SCANNERS[name], links).part == 0
    assert figures.taken_for_opens(SCANNERS[name]).part == 0


@pytest.mark.parametrize("name", [name for name in SCANNERS if name.endswith("browser's agent")])
def test_a_library_with_a_browsers_agent_hardly_ever_counts(name: str) -> None:
    """But for versions of browsers that are older than the headers that it lacks."""
    for links in (1, 2, 3, 9):
        assert figures.taken_for_clicks(SCANNERS[name], links).value <= 0.22


UNTOLD = {"Apple Mail with Privacy Protection", "a company's image proxy"}


@pytest.mark.parametrize("name", sorted(MAIL_CLIENTS.keys() - UNTOLD))
def test_who_sees_the_pictures_of_a_mail_has_opened_it_in_every_mail_client(name: str) -> None:
    client = replace(MAIL_CLIENTS[name], shows_images=1)
    assert figures.readers(client).value == 1
    assert figures.unread(client).value == 0


WRONGED = "a proxy that removes `Accept-Language` and all `Sec-*`"


@pytest.mark.parametrize("name", sorted(BROWSERS.keys() - {WRONGED}))
def test_a_persons_click_counts_with_every_browser(name: str) -> None:
    assert figures.clickers(BROWSERS[name]).value == 1


MANY_TABS = {"three to five tabs at once": 0.65, "six to nine tabs at once": 0.85}


@pytest.mark.parametrize("habit", sorted(HABITS.keys() - MANY_TABS.keys()))
def test_a_persons_click_counts_however_they_click(habit: str) -> None:
    assert figures.with_habit(habit).value == 1


@pytest.mark.parametrize("habit", MANY_TABS)
def test_most_people_count_who_open_three_tabs_and_more_at_once(habit: str) -> None:
    assert figures.with_habit(habit).value >= MANY_TABS[habit]


def test_a_person_counts_soon_after_a_scanner_but_not_during_its_sweep() -> None:
    sweep = SCANNERS["all links within a second, headless browser"]
    assert figures.behind(sweep, 1).value == 0
    assert figures.behind(sweep, 3).value == 1


# -- The simulation itself ---------------------------------------------------------------------------------------------


def test_bursts_begin_when_the_published_ones_did() -> None:
    """A median of 43 s after sending, two thirds of them after 20 to 60 s."""
    rng, scanner = Random(1), SCANNERS["one link, headless browser"]
    starts = [max(hit.seconds for hit in scanners.scanning(rng, scanner, 1)) for _ in range(3_000)]
    assert median(starts) == pytest.approx(43, abs=2)
    share, *_ = next(each for each in scanners.STARTS if each[1:] == (20, 60))
    assert share == pytest.approx(2 / 3, abs=0.01)


def test_all_scanners_have_a_share_and_their_shares_are_a_whole() -> None:
    assert USUAL_SCANNERS.keys() == SCANNERS.keys()
    assert sum(USUAL_SCANNERS.values()) == pytest.approx(1)
    assert sum(HABITS.values()) == pytest.approx(1)


def test_the_same_seed_gives_the_same_figures_and_another_does_not() -> None:
    first, again = (measured(COMPANIES, runs=1, number=400) for _ in range(2))
    assert first == again
    assert measured(replace(COMPANIES, name="others"), runs=1, number=400) != first


FIXED_TEXTS = {
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Barracuda Sentinel (EE)",
}
"""User agents that never change: Apple Mail's on a Mac, the image proxies' and Barracuda's."""


def test_the_simulations_user_agents_are_on_no_list_that_the_rules_were_measured_on() -> None:
    lists = (crawlers, browsers, matomo_crawlers, matomo_browsers, matomo_mail)
    listed = {agent for each in lists for agent in each()}
    requests = [request for each in MAIL_CLIENTS.values() for request in each.pixels]
    requests += [request for each in BROWSERS.values() for request in each.requests]
    requests += [request for each in SCANNERS.values() for request in each.requests]
    agents = {request.agent for request in requests}
    assert len(agents) > 50
    assert agents & listed <= FIXED_TEXTS
