"""The first things in an empty local stack: the example leads and a draft campaign, through the JSON API."""

from pathlib import Path

from local.client import Api
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


def load_examples(api: Api, inbox_url: str) -> None:
    """Import the leads and create the draft, unless there already is a lead or a campaign."""
    if api("GET", "/v1/leads?limit=1")["items"] or api("GET", "/v1/campaigns?limit=1")["items"]:
        return
    api("POST", "/v1/leads/import", example(LEADS, inbox_url), "text/csv")
    api("POST", "/v1/campaigns", example(DRAFT, inbox_url))
