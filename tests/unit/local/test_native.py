"""On a Mac or an ARM machine the local functions do without the libraries that were compiled for Lambda."""

import zipfile
from pathlib import Path

import pytest

from local.native import LAMBDA, runnable_here
from local.package import Package


@pytest.fixture
def built(tmp_path: Path) -> Package:
    package = Package(tmp_path, "fingerprint")
    package.template.write_text("Resources: {}")
    with zipfile.ZipFile(package.code, "w") as code:
        for name in (
            "app.py",
            "html5lib/__init__.py",
            "fast/__init__.py",
            "fast/_fast.abi3.so",
        ):
            code.writestr(name, "")
    return package


def test_lambdas_own_kind_of_machine_takes_the_package_as_it_is(built: Package) -> None:
    assert runnable_here(built, LAMBDA) is built


@pytest.mark.parametrize("machine", [("darwin", "arm64"), ("linux", "aarch64")])
def test_another_machine_leaves_out_what_it_cannot_load(built: Package, machine: tuple[str, str]) -> None:
    native = runnable_here(built, machine)
    assert zipfile.ZipFile(native.code).namelist() == ["app.py", "html5lib/__init__.py"]
    assert native.template.read_text() == "Resources: {}"
    assert native.fingerprint != built.fingerprint
