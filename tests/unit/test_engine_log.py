"""Which lines of a stack's log a stack test fails for."""

import logging

import pytest

from chalicelib.model.errors import StoreError, StoreUnavailable
from chalicelib.telemetry import logger
from tests.stack.engine_log import unexpected_exceptions

FRAMES = (
    'Traceback (most recent call last):\n  File "/x/code/chalicelib/fold.py", line 1, in fold\n    raise it\n    ^^^^\n'
)
CAUSE = "The above exception was the direct cause of the following exception:"


@pytest.mark.parametrize(
    ("text", "is_defect"),
    [
        (FRAMES + "RuntimeError: no such thing", True),
        (FRAMES + "chalicelib.model.errors.StoreUnavailable: away", False),
        (FRAMES + "chalicelib.model.errors.StoreError: ValidationException", True),
        (f"{FRAMES}KeyError: 'a'\n\n{CAUSE}\n\n{FRAMES}chalicelib.model.errors.StoreUnavailable: away", False),
        (f"{FRAMES}KeyError: 'a'\n\n{CAUSE}\n\n{FRAMES}RuntimeError: no such thing", True),
        (FRAMES.replace("/code/", "/site-packages/") + "ConnectionResetError: the engine's own", False),
        ("ESM: failed processing (errorType=Runtime.HandlerError errorMessage=Worker process died)", False),
    ],
)
def test_what_a_function_raised(text: str, is_defect: bool) -> None:
    found = list(unexpected_exceptions(f"before\n{text}\n\nafter\n"))
    assert len(found) == is_defect
    assert all(each.startswith("Traceback") for each in found)


@pytest.mark.parametrize(
    ("error", "level", "is_defect"),
    [
        (RuntimeError("no such thing"), logging.ERROR, True),
        (StoreError("ValidationException"), logging.ERROR, True),
        (StoreUnavailable("away"), logging.ERROR, False),
        (RuntimeError("dealt with"), logging.WARNING, False),
    ],
)
def test_what_a_function_logged(error: Exception, level: int, is_defect: bool) -> None:
    """In the form that the product's own logger gives it."""
    record = logging.LogRecord("leadflip", level, "file.py", 1, "failed", (), (type(error), error, None))
    line = logger().registered_formatter.format(record)
    assert len(list(unexpected_exceptions(f"before\n{line}\nafter\n"))) == is_defect
