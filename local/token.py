"""API tokens. The local stack's own is made once and kept beside the state, so that a restart prints the same one.

`python -m local.token --name NAME` makes one more, for the running stack; with `--table NAME`, on AWS.
"""

import argparse
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.model.access import Scope
from chalicelib.model.errors import LeadflipError
from chalicelib.store.access import Tokens
from local.command import run
from local.console import NotReady, say

NAME = "local"


def working_token(file: Path, api_url: str, dynamodb: Any, table: str) -> str:
    """The token kept in the file if the API takes it, otherwise a fresh one, which is kept there."""
    kept = file.read_text().strip() if file.exists() else ""
    if kept and is_accepted(kept, api_url):
        return kept
    token = create(NAME, table, dynamodb)
    file.touch(mode=0o600)
    file.write_text(token + "\n")
    return token


def is_accepted(token: str, api_url: str) -> bool:
    request = urllib.request.Request(f"{api_url}/v1/campaigns?limit=1", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30):
            return True
    except urllib.error.HTTPError as refusal:
        if refusal.code == 401:
            return False
        raise NotReady(f"The API answers {refusal.code} to {request.full_url}; see `make logs`") from None


def create(name: str, table: str, dynamodb: Any) -> str:
    """Make a token in this table, by the caller's own rights on it."""
    try:
        return Tokens(dynamodb, table).issue(name, Scope.FULL, datetime.now(UTC))[1]
    except LeadflipError as error:
        raise NotReady(f"No API token could be made: {error}") from None


def main() -> None:
    from local.client import client_and_name

    parser = argparse.ArgumentParser(prog="python -m local.token", description="Make an API token.")
    parser.add_argument("--name", required=True, help="whose it is")
    parser.add_argument("--table", help="the campaigns table of a stack on AWS; without it the running local stack's")
    given = parser.parse_args()
    dynamodb, table = client_and_name("dynamodb", given.table, "CampaignsTable")
    say(create(given.name, table, dynamodb))


if __name__ == "__main__":
    run(main)
