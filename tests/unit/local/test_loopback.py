"""Who may ask what listens on this machine: its own pages and programs, and no other page."""

import pytest

from local.loopback import refusal


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:4566"},
        {"host": "localhost"},
        {"host": "1eadf11b.execute-api.localhost:4566"},
        {"host": "127.0.0.1:4566", "origin": "http://127.0.0.1:4566"},
        {"host": "1eadf11b.execute-api.localhost:4566", "origin": "http://1eadf11b.execute-api.localhost:4566"},
        {"host": "localhost:4566", "origin": "null", "sec-fetch-site": "same-origin"},
        {"host": "localhost:4566", "origin": "null", "sec-fetch-site": "cross-site", "sec-fetch-dest": "image"},
    ],
)
def test_own_pages_and_programs_are_answered(headers: dict[str, str]) -> None:
    assert refusal(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example:4566"},
        {"host": "127.0.0.1.rebound.example"},
        {"host": "notlocalhost:4566"},
        {"host": "0.0.0.0:4566"},
        {"host": "rebound.example", "origin": "http://rebound.example", "sec-fetch-site": "same-origin"},
        {"host": "127.0.0.1:4566", "origin": "https://elsewhere.example"},
        {"host": "127.0.0.1:4566", "origin": "http://127.0.0.1:3000"},
        {"host": "127.0.0.1:4566", "origin": "https://127.0.0.1:4566"},
        {"host": "127.0.0.1:4566", "origin": "http://localhost:4566"},
        {"host": "127.0.0.1:4566", "origin": "null"},
        {"host": "127.0.0.1:4566", "origin": "null", "sec-fetch-site": "cross-site"},
        {"host": "127.0.0.1:4566", "origin": "null", "sec-fetch-site": "cross-site", "sec-fetch-dest": "empty"},
        {"host": "127.0.0.1:4566", "origin": ""},
    ],
)
def test_other_pages_are_refused(headers: dict[str, str]) -> None:
    assert refusal(headers) is not None
