"""The deployment package: Chalice's template and the app, with the libraries of the machine that it is to run on.

`python -m local.package DIRECTORY [ARCHITECTURE]` leaves `sam.yaml` and `deployment.zip` there, as AWS gets them.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from local import command
from local.console import NotReady

ROOT = Path(__file__).parent.parent
CHALICE_STAGE = "prod"
KEPT_PACKAGES = 6
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's names, and those of wheels."""
DEFAULT_ARCHITECTURE = "arm64"
LAMBDA_GLIBC_MINOR = 34
"""Of glibc 2 in Amazon Linux 2023, which Lambda's Python has since 3.12 (docs.aws.amazon.com/lambda, "runtimes")."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a package is to run."""

    architecture: str
    """Lambda's name for it."""
    python: str | None = None
    """Version of Lambda's Python; None for the interpreter and the system of this very machine."""

    def pip_options(self) -> list[str]:
        """What pip needs to choose wheels for it, whatever it runs on itself."""
        if self.python is None:
            return []
        machine = ARCHITECTURES[self.architecture]
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(17, LAMBDA_GLIBC_MINOR + 1)]
        return [
            f"--python-version={self.python}",
            "--implementation=cp",
            "--only-binary=:all:",
            *(f"--platform={each}" for each in [*platforms, f"manylinux2014_{machine}"]),
        ]


def this_machine() -> Target:
    """Where `make run` runs the functions: on the interpreter of the virtual environment."""
    return Target("arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64")


def on_lambda(architecture: str = DEFAULT_ARCHITECTURE, root: Path = ROOT) -> Target:
    """AWS Lambda with the Python that the template pins. Raises NotReady for an unknown architecture."""
    if architecture not in ARCHITECTURES:
        raise NotReady(f"Architecture is {architecture}; Lambda has {' and '.join(ARCHITECTURES)}.")
    return Target(architecture, pinned_python(root))


@dataclass(frozen=True, slots=True)
class Package:
    """A SAM template beside the zip that its functions share."""

    directory: Path
    fingerprint: str
    """Of all that went into it; equal for equal trees and targets."""

    @property
    def template(self) -> Path:
        return self.directory / "sam.yaml"

    @property
    def code(self) -> Path:
        return self.directory / "deployment.zip"


def package(builds: Path, target: Target, root: Path = ROOT) -> Package:
    """The package of the tree as it is now: the one built earlier when nothing has changed since."""
    fingerprint = fingerprint_of(root, target)
    built = Package(builds / fingerprint, fingerprint)
    builds.mkdir(parents=True, exist_ok=True)
    with alone_in(builds):
        if not built.template.exists():
            with scratch_folder(builds) as fresh:
                build(fresh, target, builds / "libraries", root)
                fresh.rename(built.directory)
            forget_all_but_newest(builds)
    os.utime(built.directory)
    return built


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new folder, gone at the end unless it was renamed."""
    folder = Path(tempfile.mkdtemp(prefix="building-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build(directory: Path, target: Target, libraries: Path, root: Path = ROOT) -> None:
    """Build into a directory; libraries are kept in a folder of their own. Raises NotReady with the tools' own words.

    Chalice takes the runtime, and pip's wheels, from the Python that it runs on. So it packages the app without
    libraries, the template's Globals say what functions run on, and pip is told for which Python it is to choose.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        for name in ("app.py", "template.yaml"):
            shutil.copy(root / name, project)
        shutil.copytree(root / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(root / ".chalice", project / ".chalice", ignore=shutil.ignore_patterns("deploy*"))
        (project / "requirements.txt").touch()
        run_chalice(project, directory.resolve())
    pin(directory / "sam.yaml", target.architecture)
    add_libraries(directory / "deployment.zip", installed(root / "requirements.txt", target, libraries))


def add_libraries(code: Path, folder: Path) -> None:
    """Rewrite Chalice's zip with the libraries, byte for byte the same on every machine and day.

    Every file gets mode 644: Lambda must be able to read it, and both Chalice and pip go by the user's umask (AWS
    knowledge center, "lambda-deployment-package-errors").
    """
    with zipfile.ZipFile(code) as app:
        files = {name: app.read(name) for name in app.namelist()}
    files |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with zipfile.ZipFile(code, "w") as complete:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o100644 << 16
            complete.writestr(member, content, zipfile.ZIP_DEFLATED)


def run_chalice(project: Path, directory: Path) -> None:
    chalice = Path(sys.executable).parent / "chalice"
    command = [str(chalice), "--project-dir", str(project), "package", "--stage", CHALICE_STAGE]
    command += ["--template-format", "yaml", "--merge-template", str(project / "template.yaml"), str(directory)]
    # Chalice turns every route it sees into one of the REST API, and recipients have an HTTP API of their own.
    environment = dict(os.environ) | {"ROUTES": "api", "PYTHONDONTWRITEBYTECODE": "1"}
    # Any region does: what is built has none.
    environment.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    run("chalice package", command, project, environment)


def pin(template: Path, architecture: str) -> None:
    """Have the template's Globals decide what functions run on, and let CloudFormation refuse another architecture."""
    document: dict[str, Any] = yaml.safe_load(template.read_text())
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            del resource["Properties"]["Runtime"], resource["Properties"]["Architectures"]
    document["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
    template.write_text(yaml.safe_dump(document, sort_keys=False))


def installed(requirements: Path, target: Target, libraries: Path) -> Path:
    """A folder with what the requirements name, for the target; the one installed earlier while they are the same."""
    digest = hashlib.sha256(f"{target} {machine_key()}\0".encode() + requirements.read_bytes()).hexdigest()[:16]
    folder = libraries / digest
    if not folder.exists():
        libraries.mkdir(parents=True, exist_ok=True)
        with scratch_folder(libraries) as fresh:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
            command += [f"--target={fresh}", f"--requirement={requirements}", *target.pip_options()]
            run("pip install", command, requirements.parent, dict(os.environ))
            shutil.rmtree(fresh / "bin", ignore_errors=True)
            fresh.rename(folder)
        forget_all_but_newest(libraries)
    os.utime(folder)
    return folder


def run(name: str, command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a tool quietly. Raises NotReady with its own words when it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise NotReady(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def pinned_python(root: Path) -> str:
    """The version of Python that template.yaml names for all functions, such as 3.13."""
    lines = (root / "template.yaml").read_text().splitlines()
    (runtime,) = [line.split(":")[1].strip() for line in lines if line.strip().startswith("Runtime:")]
    return runtime.removeprefix("python")


def machine_key() -> str:
    """What pip's choice for this very machine depends on."""
    return f"{sys.platform} {platform.machine()} {sys.version_info[:2]}"


def fingerprint_of(root: Path, target: Target) -> str:
    """A hash over every file that goes into the package, and where it is to run."""
    digest = hashlib.sha256(f"{target} {machine_key()}\0".encode() + Path(__file__).read_bytes())
    for path in inputs(root):
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def inputs(root: Path) -> Iterator[Path]:
    """Every file that is packaged or says how, in a fixed order."""
    yield from (root / name for name in ("app.py", "requirements.txt", "template.yaml"))
    yield from sorted((root / ".chalice").glob("*.json"))
    for path in sorted((root / "chalicelib").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def forget_all_but_newest(folder: Path) -> None:
    """Remove what was built for earlier states of the tree, some 5 MB each."""
    built = [path for path in folder.iterdir() if path.name != "libraries"]
    for old in sorted(built, key=lambda path: path.stat().st_mtime)[:-KEPT_PACKAGES]:
        shutil.rmtree(old, ignore_errors=True)


def main(directory: str, architecture: str = DEFAULT_ARCHITECTURE) -> None:
    with tempfile.TemporaryDirectory() as libraries:
        build(Path(directory), on_lambda(architecture), Path(libraries))


if __name__ == "__main__":
    command.run(lambda: main(*sys.argv[1:]))
