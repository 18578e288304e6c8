"""The deployment package, built by Chalice exactly as for AWS, once per state of the tree.

`python -m local.package DIRECTORY` leaves `sam.yaml` and `deployment.zip` there.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.console import NotReady

ROOT = Path(__file__).parent.parent
CHALICE_STAGE = "prod"
KEPT_PACKAGES = 3


@dataclass(frozen=True, slots=True)
class Package:
    """A SAM template beside the zip that its functions share."""

    directory: Path
    fingerprint: str
    """Of all that went into it; equal for equal trees."""

    @property
    def template(self) -> Path:
        return self.directory / "sam.yaml"

    @property
    def code(self) -> Path:
        return self.directory / "deployment.zip"


def package(builds: Path, root: Path = ROOT) -> Package:
    """The package of the tree as it is now: the one built earlier when nothing has changed since."""
    fingerprint = fingerprint_of(root)
    built = Package(builds / fingerprint, fingerprint)
    builds.mkdir(parents=True, exist_ok=True)
    with alone_in(root / ".chalice"):
        if not built.template.exists():
            fresh = Path(tempfile.mkdtemp(prefix="building-", dir=builds))
            try:
                build(fresh, root)
                fresh.rename(built.directory)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
            forget_all_but_newest(builds)
            forget_all_but_newest(root / ".chalice" / "deployments")  # Chalice's own, which it never tidies
    os.utime(built.directory)
    return built


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here: Chalice builds within the project, where two would collide."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def build(directory: Path, root: Path = ROOT) -> None:
    """Run `chalice package` into a directory. Raises NotReady with Chalice's own words."""
    chalice = Path(sys.executable).parent / "chalice"
    command = [str(chalice), "--project-dir", str(root), "package", "--stage", CHALICE_STAGE]
    command += ["--template-format", "yaml", "--merge-template", str(root / "template.yaml"), str(directory)]
    # Chalice turns every route it sees into one of the REST API, and recipients have their own door.
    environment = dict(os.environ) | {"DOORS": "api"}
    # Any region does: what is built has none.
    environment.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode:
        raise NotReady(f"chalice package failed:\n{run.stdout[-2000:]}{run.stderr[-4000:]}")


def fingerprint_of(root: Path) -> str:
    """A hash over every file that goes into the package, and the interpreter that chooses its wheels."""
    digest = hashlib.sha256(f"{platform.machine()} {sys.version_info[:2]}".encode())
    for path in inputs(root):
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def inputs(root: Path) -> Iterator[Path]:
    """Every file that `chalice package` reads, in a fixed order."""
    yield from (root / name for name in ("app.py", "requirements.txt", "template.yaml"))
    yield from sorted((root / ".chalice").glob("*.json"))
    for path in sorted((root / "chalicelib").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def forget_all_but_newest(folder: Path) -> None:
    """Remove what was built for earlier states of the tree, some 5 MB each."""
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT_PACKAGES]:
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]))
    except NotReady as problem:
        sys.exit(str(problem))
