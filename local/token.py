"""The API token of the local stack: made once, kept beside the state, so that a restart prints the same one."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from local.console import NotReady
from local.ministack import REGION, Ministack

NAME = "local"


def working_token(file: Path, api_url: str, engine: Ministack, table: str) -> str:
    """The token kept in the file if the API takes it, otherwise a fresh one, which is kept there."""
    kept = file.read_text().strip() if file.exists() else ""
    if kept and is_accepted(kept, api_url):
        return kept
    token = create(engine, table)
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


def create(engine: Ministack, table: str) -> str:
    """Ask the project's own command for a token, as an operator would on AWS."""
    environment = dict(os.environ) | {
        "AWS_ENDPOINT_URL": engine.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    command = [sys.executable, "-m", "chalicelib.api.tokens", "create", "--name", NAME, "--table", table]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode:
        raise NotReady(f"No API token could be made:\n{run.stderr[-2000:]}")
    return run.stdout.strip().splitlines()[-1]
