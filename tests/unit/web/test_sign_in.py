"""Signing in with whatever a form and its headers may hold: refused, never an error of ours."""

from base64 import b64encode
from typing import Any

import pytest
from chalice.app import Request
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.web.routes import begin_session
from chalicelib.web.session import is_from_our_page
from tests.api_client import context_of


class EmptyTable:
    """A DynamoDB client over a table without rows."""

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        return {}


CONTEXT = context_of(EmptyTable())


def sign_in(body: bytes) -> int:
    event = {
        "headers": {"sec-fetch-site": "same-origin"},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/session", "path": "/api/session"},
    }
    return begin_session(Request(event, None), CONTEXT).status_code


@pytest.mark.parametrize("body", [b"token=%ff", b"token=\xff", b"token=%C3%A9", b"token", b"", b"&&=", b"token=%"])
def test_a_token_of_any_bytes_is_refused_as_unknown(body: bytes) -> None:
    assert sign_in(body) == 401


@given(st.binary(max_size=200))
@example(b"token=%ff\xff")
def test_no_form_is_an_error_of_ours(body: bytes) -> None:
    assert sign_in(b"token=" + body) == 401


@given(st.text(max_size=50))
@example("http://[")
@example("http://[::1")
def test_an_origin_that_is_no_address_is_not_ours(origin: str) -> None:
    assert not is_from_our_page("POST", {"origin": origin, "host": "localhost:4566"})
