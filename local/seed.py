"""The first things in an empty local stack: the example leads and a draft campaign, through the JSON API."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local.console import NotReady
from local.package import ROOT

LEADS = ROOT / "examples" / "leads.csv"
DRAFT = ROOT / "examples" / "campaign.json"
RULE = ROOT / "examples" / "rule.json"
"""Written by the demo alone: a stack that was only started acts on nobody."""
WEBSITES = ("https://www.acme-realty.example", "https://portal.example.com")
"""Where the examples' links lead. Nobody has these websites; on a local stack the inbox has a page in their place."""


def example(file: Path, inbox_url: str) -> bytes:
    """An example file, its links leading to the inbox's page."""
    content = file.read_bytes()
    for website in WEBSITES:
        content = content.replace(website.encode(), f"{inbox_url}/website".encode())
    return content


def load_examples(api_url: str, token: str, inbox_url: str) -> None:
    """Import the leads and create the draft, unless there already is a lead or a campaign."""
    leads = call(api_url, token, "GET", "/v1/leads?limit=1")
    campaigns = call(api_url, token, "GET", "/v1/campaigns?limit=1")
    if leads["items"] or campaigns["items"]:
        return
    call(api_url, token, "POST", "/v1/leads/import", example(LEADS, inbox_url), "text/csv")
    call(api_url, token, "POST", "/v1/campaigns", example(DRAFT, inbox_url), "application/json")


def pages(ask: Callable[[str, str], Any], path: str) -> Iterator[dict[str, Any]]:
    """Everything in a list of the API, page by page; `ask` takes a method and a path."""
    cursor = ""
    while True:
        page = ask("GET", f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
        yield from page["items"]
        if page["cursor"] is None:
            return
        cursor = f"&cursor={page['cursor']}"


def call(
    api_url: str, token: str, method: str, path: str, body: bytes | None = None, content_type: str | None = None
) -> dict[str, Any]:
    """One request to the JSON API; {} for an empty answer. Raises NotReady with the problem's detail when refused."""
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": content_type} if content_type else {})
    request = urllib.request.Request(api_url + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            raw = response.read()
            answer: dict[str, Any] = json.loads(raw) if raw else {}
            return answer
    except urllib.error.HTTPError as refusal:
        detail = refusal.read().decode(errors="replace")
        raise NotReady(f"The API answers {refusal.code} to {method} {path}: {detail}") from None
