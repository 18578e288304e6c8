"""docs/VERDICT.md says what the simulation gives, and the verdict is as right as it has been.

The simulation has fixed seeds: a figure changes when a rule changes, or an assumption.
"""

import json
from dataclasses import replace
from importlib.resources import files
from random import Random

import pytest
import yaml  # type: ignore[import-untyped]
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

from bench.verdict import __main__ as document
from bench.verdict import figures, scanners
from bench.verdict.campaigns import COMPANIES, CONSUMERS, USUAL_SCANNERS, Audience
from bench.verdict.figures import Measured, Share, measured
from bench.verdict.people import BROWSERS, HABITS, MAIL_CLIENTS, Browser
from bench.verdict.scanners import SCANNERS
from chalicelib.model.delivery import BurstRule
from tests.corpus import CORPUS

NO_BURSTS = BurstRule(links=1000)


def test_the_tables_in_the_document_are_those_that_the_command_writes() -> None:
    committed = document.DOCUMENT.read_text("utf-8")
    assert committed == document.written(committed), "docs/VERDICT.md is out of date: run `make verdict`."


# -- The floor ---------------------------------------------------------------------------------------------------------


def few(audience: Audience, rule: BurstRule = BurstRule()) -> Measured:  # noqa: B008
    return measured(audience, runs=3, rule=rule)


def test_clicked_is_right_about_consumers() -> None:
    clicked = few(CONSUMERS).clicked
    assert clicked.precision.value >= 0.85
    assert clicked.recall.value >= 0.97


def test_clicked_is_right_about_companies_in_most_cases() -> None:
    clicked = few(COMPANIES).clicked
    assert clicked.precision.value >= 0.62
    assert clicked.recall.value >= 0.97


def test_a_person_who_opened_is_nearly_always_one() -> None:
    assert few(CONSUMERS).opened.precision.value >= 0.94
    assert few(COMPANIES).opened.precision.value >= 0.90


def test_without_the_rule_about_bursts_the_floor_would_not_hold() -> None:
    assert few(COMPANIES, NO_BURSTS).clicked.precision.value < 0.62


@pytest.mark.parametrize("name", [name for name in SCANNERS if name.startswith("all links")])
def test_who_follows_all_links_of_a_mail_within_a_second_never_counts(name: str) -> None:
    for links in (3, 9):
        assert figures.taken_for_clicks(SCANNERS[name], links).part == 0
    seen_by_bursts_alone = name.endswith("headless browser")
    if seen_by_bursts_alone:
        assert figures.taken_for_clicks(SCANNERS[name], 9, rule=NO_BURSTS).value == 1


@pytest.mark.parametrize("browser", BROWSERS.values(), ids=lambda browser: browser.name)
def test_a_persons_click_counts_with_every_browser(browser: Browser) -> None:
    assert figures.clickers(browser).value == 1


@pytest.mark.parametrize("habit", sorted(HABITS.keys() - {"three to five tabs at once"}))
def test_a_persons_click_counts_however_they_click(habit: str) -> None:
    assert figures.with_habit(habit).value == 1


def test_most_people_count_who_open_three_tabs_and_more_at_once() -> None:
    assert figures.with_habit("three to five tabs at once").value >= 0.65


def test_a_person_counts_soon_after_a_scanner() -> None:
    sweep = SCANNERS["all links within a second, headless browser"]
    assert figures.behind(sweep, 1).value >= 0.95
    assert figures.behind(sweep, 3).value == 1


# -- The simulation itself ---------------------------------------------------------------------------------------------


def test_bursts_begin_when_the_published_ones_did() -> None:
    """A median of 43 s after sending, two thirds of them after 20 to 60 s."""
    assert scanners.median_start(Random(1)) == pytest.approx(43, abs=2)
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


def test_wilsons_interval() -> None:
    """Values that other programs give, too: 0 of 10, and 50 of 100."""
    assert Share(0, 10).interval == pytest.approx((0, 0.2775), abs=1e-3)
    assert Share(50, 100).interval == pytest.approx((0.4038, 0.5962), abs=1e-3)


FIXED_TEXTS = {
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
}
"""User agents that never change: Apple Mail's on a Mac, and the image proxies'."""


def test_the_simulations_user_agents_are_on_no_list_that_the_rules_were_measured_on() -> None:
    lines = (files("fake_useragent") / "data" / "browsers.jsonl").read_text("utf-8").splitlines()
    listed = {str(json.loads(line)["useragent"]) for line in lines}
    listed |= {str(agent) for each in CRAWLER_USER_AGENTS_DATA for agent in each["instances"]}
    for file in (CORPUS / "user-agents").glob("*.yml"):
        listed |= {str(agent) for agents in yaml.safe_load(file.read_text()).values() for agent in agents}
    requests = [request for each in MAIL_CLIENTS.values() for request in each.pixels]
    requests += [request for each in BROWSERS.values() for request in each.requests]
    requests += [request for each in SCANNERS.values() for request in each.requests]
    agents = {request.agent for request in requests}
    assert len(agents) > 50
    assert agents & listed <= FIXED_TEXTS
