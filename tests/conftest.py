"""What holds for all tests."""

import gc

import pytest
from hypothesis import HealthCheck, settings

# No stopwatch decides whether a property holds: machines are slow at times, and speed is measured by `make bench`.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

LONGEST = (
    *("browser/test_page_looks", "browser/test_marketers_day", "browser/test_page", "browser/test_automation"),
    *("browser/test_editing", "stack/test_engine", "stack/test_restart", "stack/test_runbook", "stack/test_outage"),
    *("stack/test_another_stack", "stack/test_schedule", "stack/test_events", "stack/test_first_campaign"),
)
"""Files whose tests share a stack and take more than 15 s, the longest first: begun last, one worker would wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(f"{item.path.parent.name}/{item.path.stem}", len(rank)))


def pytest_collection_finish() -> None:
    # What collection made stays to the end: no full pass of the garbage collector need visit it again (measured: 6 % of
    # the unit tests' CPU).
    gc.freeze()
