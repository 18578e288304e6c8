"""How often the verdict on a user agent is right, on published lists of crawlers, browsers and mail programs.

The rules were written with one half of each list in view, chosen by a hash of the agent. What counts is the other half,
whose misses nobody reads: these tests say how many there are and never which. No list of mail programs was in view.
"""

import json
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files

import pytest
import yaml  # type: ignore[import-untyped]
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

from chalicelib.tracking.agents import machine_reason
from tests.corpus import CORPUS, NO_CORPUS
from tests.prerequisites import skip_without

Agents = Iterable[str]


def crawlers() -> Agents:
    """From the package crawler-user-agents."""
    return (agent for each in CRAWLER_USER_AGENTS_DATA for agent in each["instances"])


def browsers() -> Agents:
    """From the package fake-useragent: what it has seen on the web."""
    lines = (files("fake_useragent") / "data" / "browsers.jsonl").read_text("utf-8").splitlines()
    return (json.loads(line)["useragent"] for line in lines)


@cache
def matomo(kind: str) -> Agents:
    """From the test data of Matomo's detector in the package device-detector, those of a kind (a pattern)."""
    entries = [
        entry
        for each in (files("device_detector") / "tests" / "fixtures" / "upstream").iterdir()
        if each.name.endswith(".yml")
        for entry in each.read_text("utf-8").split("\n-\n")[1:]
        if re.search(kind, entry, re.IGNORECASE)
    ]
    return [_agent_of(entry) for entry in entries]


def _agent_of(entry: str) -> str:
    """The rest of its first line, unless that is quoted or goes on: reading 17 MB of YAML would take 5 s."""
    line = entry.partition("user_agent: ")[2].partition("\n")[0]
    return str(yaml.load(entry, yaml.CSafeLoader)["user_agent"]) if line[0] in "'\"|>" else line


matomo_crawlers = partial(matomo, r"\n  bot:")
matomo_browsers = partial(matomo, r"\n    type: browser\n")
matomo_mail = partial(matomo, r"\n    type: pim\n|\n    type: mobile app\n    name: [^\n]*(?:mail|outlook)")


def corpus(name: str) -> Agents:
    """A list kept beside the repository, whose labels often differ from ours (docs/decisions/0022)."""
    file = CORPUS / "user-agents" / f"{name}.yml"
    if not file.exists():
        skip_without("corpus", NO_CORPUS)
    return (str(agent) for listed in yaml.safe_load(file.read_text()).values() for agent in listed)


def counts(agents: Agents, wanted: Callable[[str], bool] = lambda _: True, *, click: bool) -> tuple[int, int]:
    """How many of these agents are taken for machines, and how many there are."""
    verdicts = [machine_reason(agent, click=click) is not None for agent in set(agents) if wanted(agent)]
    return sum(verdicts), len(verdicts)


def held_back(agent: str) -> bool:
    return sha256(agent.encode()).digest()[0] % 2 == 1


@pytest.mark.parametrize("click", [True, False], ids=["click", "open"])
@pytest.mark.parametrize(
    ("listed", "at_least"),
    [(crawlers, 0.98), (matomo_crawlers, 0.965), (partial(corpus, "crawlers"), 0.90)],
    ids=["package", "matomo", "corpus"],
)
def test_nearly_all_crawlers_are_recognised(listed: Callable[[], Agents], at_least: float, click: bool) -> None:
    """Their lists also name image proxies, which are persons' when they load an image."""
    machines, all_of_them = counts(listed(), held_back, click=click)
    assert all_of_them > 250
    assert machines / all_of_them >= at_least


@pytest.mark.parametrize("click", [True, False], ids=["click", "open"])
@pytest.mark.parametrize(
    ("listed", "at_most"),
    [(browsers, 0.002), (matomo_browsers, 0.002), (partial(corpus, "browsers"), 0.042)],
    ids=["package", "matomo", "corpus"],
)
def test_hardly_any_browser_is_taken_for_a_machine(listed: Callable[[], Agents], at_most: float, click: bool) -> None:
    machines, all_of_them = counts(listed(), held_back, click=click)
    assert all_of_them > 250
    assert machines / all_of_them <= at_most


def test_no_mail_program_that_loads_an_image_is_taken_for_a_machine() -> None:
    machines, all_of_them = counts(matomo_mail(), click=False)
    assert all_of_them >= 25
    assert machines == 0


def test_most_mail_programs_that_follow_a_link_are_persons() -> None:
    """Those that name a browser or a device; links of the others open in a browser."""
    machines, all_of_them = counts(matomo_mail(), click=True)
    assert machines / all_of_them <= 0.1
