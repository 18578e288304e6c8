"""The page's session on a real engine: begun with a token, good for our own page alone, ended with its token."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.model.access import Scope
from chalicelib.store.access import LINK_LIFETIME, SESSION_LIFETIME
from chalicelib.web.routes import blueprint
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """Our page in somebody's browser, which keeps the cookie."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api
        self.cookie = ""

    def sign_in(self, token: str, headers: dict[str, str] | None = None) -> Reply:
        reply = self.api("POST", "/session", urlencode({"token": token}), FORM | (headers or OUR_PAGE))
        if reply.status == 201:
            self.cookie = reply.headers["Set-Cookie"].partition(";")[0]
        return reply

    def follow(self, code: str, headers: dict[str, str] | None = None) -> Reply:
        """A sign-in link, as the page does it."""
        reply = self.api("POST", "/session", urlencode({"code": code}), FORM | (headers or OUR_PAGE))
        if reply.status == 201:
            self.cookie = reply.headers["Set-Cookie"].partition(";")[0]
        return reply

    def __call__(self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        return self.api(method, url, body, {"Cookie": self.cookie} | (OUR_PAGE if headers is None else headers))


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    client = ApiClient(context_of(dynamodb, tables))
    client.app.register_blueprint(blueprint(lambda: client.context))
    return client


@pytest.fixture
def browser(api: ApiClient) -> Browser:
    return Browser(api)


def token(api: ApiClient, scope: Scope = Scope.FULL) -> tuple[str, str]:
    issued, secret = api.context.tokens.issue("Dana", scope, api.context.now())
    return issued.token_id, secret


LEAD = {"entity": "acme", "stage": "New", "email": "ann@example.com"}


def test_a_session_may_what_its_token_may(api: ApiClient, browser: Browser) -> None:
    told = browser.sign_in(token(api)[1]).json
    assert (told["name"], told["scope"]) == ("Dana", "full")
    assert browser("GET", "/v1/leads").status == 200
    assert browser("POST", "/v1/leads", LEAD).status == 201


def test_the_cookie_is_for_the_browser_alone(api: ApiClient, browser: Browser) -> None:
    cookie = browser.sign_in(token(api)[1]).headers["Set-Cookie"]
    assert re.fullmatch(r"leadflip_session=[A-Za-z0-9_-]{43}; Max-Age=43200; HttpOnly; SameSite=Strict", cookie)
    https = browser.sign_in(token(api)[1], OUR_PAGE | {"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]
    assert https.endswith("; HttpOnly; SameSite=Strict; Secure")


def test_the_table_keeps_no_secret(api: ApiClient, browser: Browser, dynamodb: Any, tables: TableNames) -> None:
    secret = token(api)[1]
    browser.sign_in(secret)
    rows = str(dynamodb.scan(TableName=tables.campaigns)["Items"])
    assert secret not in rows
    assert browser.cookie.partition("=")[2] not in rows
    assert "expires_at" in rows


def test_a_reading_token_makes_a_reading_session(api: ApiClient, browser: Browser) -> None:
    browser.sign_in(token(api, Scope.READ)[1])
    assert browser("GET", "/v1/leads").status == 200
    assert browser("POST", "/v1/leads", LEAD).status == 403


def test_an_unknown_token_begins_nothing(browser: Browser) -> None:
    reply = browser.sign_in("lf_" + "a" * 43)
    assert (reply.status, "Set-Cookie" in reply.headers) == (401, False)


def test_revoking_the_token_ends_its_sessions(api: ApiClient, browser: Browser) -> None:
    token_id, secret = token(api)
    code = api.context.sessions.make_link(secret, api.context.now())
    browser.sign_in(secret)
    token(api)
    api.context.tokens.revoke(token_id)
    assert browser.follow(code).status == 401
    assert browser("GET", "/v1/leads").status == 401


def test_signing_out_ends_the_session_also_for_who_kept_the_cookie(api: ApiClient, browser: Browser) -> None:
    browser.sign_in(token(api)[1])
    reply = browser("DELETE", "/session")
    assert (reply.status, "Max-Age=0" in reply.headers["Set-Cookie"]) == (204, True)
    assert browser("GET", "/v1/leads").status == 401


def test_signing_in_again_ends_the_earlier_session(api: ApiClient, browser: Browser) -> None:
    secret = token(api)[1]
    browser.sign_in(secret)
    kept = Browser(api)
    kept.cookie = browser.cookie
    assert browser.sign_in("lf_" + "a" * 43, OUR_PAGE | {"Cookie": browser.cookie}).status == 401
    assert kept("GET", "/v1/leads").status == 200
    code = api.context.sessions.make_link(secret, api.context.now())
    assert browser.follow(code, OUR_PAGE | {"Cookie": browser.cookie}).status == 201
    assert (browser("GET", "/v1/leads").status, kept("GET", "/v1/leads").status) == (200, 401)


def test_a_session_ends_by_itself_however_much_it_is_used(api: ApiClient, browser: Browser) -> None:
    began = api.context.now()
    browser.sign_in(token(api)[1])
    api.context.now = lambda: began + SESSION_LIFETIME - timedelta(minutes=1)
    assert browser("GET", "/v1/leads").status == 200
    api.context.now = lambda: began + SESSION_LIFETIME + timedelta(minutes=1)
    assert browser("GET", "/v1/leads").status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example", "Host": "api.example"},
        {},
    ],
)
def test_no_other_page_can_do_anything_with_the_session(
    api: ApiClient, browser: Browser, headers: dict[str, str]
) -> None:
    browser.sign_in(token(api)[1])
    assert browser("POST", "/v1/leads", LEAD, headers).status == 403
    assert browser("DELETE", "/session", None, headers).status == 403
    assert browser("POST", "/v1/leads", LEAD).status == 201


def test_no_other_page_can_sign_somebody_in(api: ApiClient, browser: Browser) -> None:
    assert browser.sign_in(token(api)[1], {"Sec-Fetch-Site": "cross-site"}).status == 403


def test_a_browser_without_fetch_metadata_is_known_by_its_origin(api: ApiClient, browser: Browser) -> None:
    browser.sign_in(token(api)[1])
    ours = {"Origin": "https://api.example", "Host": "api.example"}
    assert browser("POST", "/v1/leads", LEAD, ours).status == 201


def test_the_page_knows_who_is_signed_in(api: ApiClient, browser: Browser) -> None:
    assert 'data-session="null"' in browser("GET", "/").body
    browser.sign_in(token(api)[1])
    assert "&quot;name&quot;: &quot;Dana&quot;" in browser("GET", "/").body


def test_a_sign_in_link_begins_one_session(api: ApiClient, browser: Browser, dynamodb: Any, tables: TableNames) -> None:
    code = api.context.sessions.make_link(token(api)[1], api.context.now())
    assert code not in str(dynamodb.scan(TableName=tables.campaigns)["Items"])
    assert browser.follow(code, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert browser.follow(code).json["name"] == "Dana"
    assert browser("GET", "/v1/leads").status == 200
    again = browser.follow(code)
    assert (again.status, again.json["detail"]) == (401, "This sign-in link has been used or has expired.")
    assert browser.follow("a" * 43).status == 401


def test_a_sign_in_link_is_good_for_minutes(api: ApiClient, browser: Browser) -> None:
    made = api.context.now()
    early, late = (api.context.sessions.make_link(token(api)[1], made) for _ in range(2))
    api.context.now = lambda: made + LINK_LIFETIME - timedelta(seconds=1)
    assert browser.follow(early).status == 201
    api.context.now = lambda: made + LINK_LIFETIME
    assert browser.follow(late).status == 401
