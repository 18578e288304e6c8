"""API tokens. The local stack's own is made once and kept beside the state, so that a restart prints the same one.

`python -m local.token --name NAME` makes one more, for the running stack; with `--table NAME`, on AWS.
"""

import argparse
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from local.console import NotReady, say
from local.ministack import CREDENTIALS, REGION

NAME = "local"


def working_token(file: Path, api_url: str, endpoint: str, table: str) -> str:
    """The token kept in the file if the API takes it, otherwise a fresh one, which is kept there."""
    kept = file.read_text().strip() if file.exists() else ""
    if kept and is_accepted(kept, api_url):
        return kept
    token = create(NAME, table, local_access(endpoint))
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


def local_access(endpoint: str) -> dict[str, str]:
    """The environment in which AWS's SDK talks to the local engine instead."""
    keys = {name.upper(): value for name, value in CREDENTIALS.items()}
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": REGION} | keys


def create(name: str, table: str, access: dict[str, str]) -> str:
    """Ask the project's own command for a token, with access to whichever table it is."""
    command = [sys.executable, "-m", "chalicelib.api.tokens", "create", "--name", name, "--table", table]
    environment = dict(os.environ) | access
    run = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode:
        raise NotReady(f"No API token could be made:\n{run.stderr[-2000:]}")
    return run.stdout.strip().splitlines()[-1]


def main() -> None:
    from local.client import running_stack

    parser = argparse.ArgumentParser(prog="python -m local.token", description="Make an API token.")
    parser.add_argument("--name", required=True, help="whose it is")
    parser.add_argument("--table", help="the campaigns table of a stack on AWS; without it the running local stack's")
    given = parser.parse_args()
    if given.table:
        say(create(given.name, given.table, {}))
    else:
        stack = running_stack()
        say(create(given.name, stack.outputs()["CampaignsTable"], local_access(stack.endpoint)))


if __name__ == "__main__":
    try:
        main()
    except NotReady as problem:
        sys.exit(str(problem))
