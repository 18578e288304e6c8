"""The page's files: security headers, caching, and no resources of other hosts."""

import re

import pytest

from chalicelib.model.reasons import FailureReason, SkipReason
from chalicelib.web import assets
from chalicelib.web.routes import blueprint
from tests.api_client import ApiClient, context_of


@pytest.fixture(scope="module")
def api() -> ApiClient:
    client = ApiClient(context_of(None))
    client.app.register_blueprint(blueprint(lambda: client.context))
    return client


def test_the_page_allows_no_inline_code_and_no_other_hosts(api: ApiClient) -> None:
    reply = api("GET", "/")
    policy = reply.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=", reply.body)


def test_files_are_cached_for_ever_and_other_versions_are_not_found(api: ApiClient) -> None:
    reply = api("GET", f"/assets/{assets.version()}/app.js")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in reply.headers["Cache-Control"]
    assert api("GET", "/assets/000000000000/app.js").status == 404
    for name in ("index.html", "..", "routes.py", "none.js"):
        assert api("GET", f"/assets/{assets.version()}/{name}").status == 404


def test_an_address_without_a_trailing_slash_is_redirected(api: ApiClient) -> None:
    event = {
        "httpMethod": "GET",
        "headers": {},
        "body": None,
        "isBase64Encoded": False,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": "/", "path": "/api"},
    }
    answer = api.app(event, None)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (307, "api/")


@pytest.mark.parametrize("name", sorted(assets.files()))
def test_a_file_refers_to_our_own_files_only(name: str) -> None:
    text = assets.files()[name]
    for module in re.findall(r"""(?:from|import\() ?["'](\./[^"']+)["']""", text):
        assert module.removeprefix("./") in assets.files(), module
    for sheet in re.findall(r'style\("([^"]+)"\)', text):
        assert sheet in assets.files(), sheet
    hosts = set(re.findall(r"https?://([^/\"'`\s]+)", text)) - {"www.w3.org", "www.example.com"}
    assert not hosts
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|eval\(", text)


def test_every_file_is_used_by_another() -> None:
    texts = "".join(assets.files().values())
    unused = [
        name
        for name in assets.files()
        if name != assets.PAGE and not re.search(rf"""["'/]{re.escape(name)}["']""", texts)
    ]
    assert unused == [], "delete what no other file of the page loads"


def test_every_reason_of_the_server_has_words_on_the_page() -> None:
    found = re.search(r"const REASONS = {(.*?)};", assets.files()["campaign-words.js"], re.DOTALL)
    assert found is not None
    assert set(re.findall(r"(\w+): \"[^\"]+\"", found[1])) == {*FailureReason, *SkipReason}
