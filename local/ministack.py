"""The local engine as seen from outside: how ministack is started, and clients for it."""

import os
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.children import Child
from local.ports import LOOPBACK

REGION = "eu-central-1"
ACCOUNT = "000000000000"
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
"""ministack's administrator, whose key everybody knows."""
ENVIRONMENT = {name.upper(): value for name, value in CREDENTIALS.items()}
"""The same, as the SDK reads it from a process's environment."""
STREAM_SHARD = "local"
WORKERS_PER_FUNCTION = 4


@dataclass(frozen=True, slots=True)
class Ministack:
    """A running ministack."""

    port: int
    child: Child
    scratch: Path
    """Where each of its workers unpacks the code: some 20 MB each."""

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def client(self, service: str) -> Any:
        """A boto3 client with an administrator's rights."""
        return client(service, self.endpoint)

    def stop(self) -> None:
        """Stop it and its workers, after it has saved its state."""
        self.child.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)


def client(service: str, endpoint: str) -> Any:
    """A boto3 client for a ministack that listens there, with an administrator's rights."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        **CREDENTIALS,
        config=Config(retries={"max_attempts": 2, "mode": "standard"}, s3={"addressing_style": "path"}),
    )


def start(port: int, folder: Path, log: Path, extra: dict[str, str] | None = None) -> Ministack:
    """Start ministack with its state in a folder and wait until it answers. `extra` is added to its environment."""
    scratch = folder / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    child = Child("ministack", ["local.engine"], log, environment(port, folder, scratch) | (extra or {}))
    engine = Ministack(port, child, scratch)
    try:
        child.wait_until(lambda: answers(f"{engine.endpoint}/_ministack/health"), seconds=60)
    except BaseException:
        engine.stop()
        raise
    return engine


def state_file(folder: Path) -> Path:
    """Where ministack saves; the file's time is the moment of which it tells (local/saving.py)."""
    return folder / "state.json"


def saved_at(folder: Path) -> float | None:
    """Of which moment the saved state is, in seconds since the epoch; None when nothing was saved."""
    file = state_file(folder)
    return file.stat().st_mtime if file.exists() else None


def environment(port: int, folder: Path, scratch: Path) -> dict[str, str]:
    """Everything ministack is told, and, as its functions inherit it, all they see beside the template's own."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    return own | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        **ENVIRONMENT,
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "STATE_FILE": str(state_file(folder)),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(scratch),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",
        "PYTHONUNBUFFERED": "1",
        "WORKERS_PER_FUNCTION": str(WORKERS_PER_FUNCTION),
        # Its stream is one shard, and its events do not name it.
        "UNNAMED_STREAM_SHARD": STREAM_SHARD,
    }


def answers(url: str) -> bool:
    """Whether a GET is answered with 200 right now."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
