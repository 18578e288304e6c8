"""What some tests need and not every machine has: they skip without it and say how to get it.

`make test` ends with what was skipped. `.ci/run` names in TESTS_REQUIRE what must not be missing there.
"""

import os
from typing import Literal, NoReturn

import pytest

Prerequisite = Literal["axe-core", "chromium", "corpus", "curl", "dynamodb-local", "html5lib-tests", "node"]


def skip_without(prerequisite: Prerequisite, reason: str) -> NoReturn:
    """Skip this test for this reason, or fail it where TESTS_REQUIRE (names with spaces between) insists."""
    if prerequisite in os.environ.get("TESTS_REQUIRE", "").split():
        pytest.fail(f"{reason}; TESTS_REQUIRE insists on {prerequisite}", pytrace=False)
    pytest.skip(reason)
