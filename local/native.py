"""Packages on a machine that is not Lambda's: a Mac, or anything with an ARM processor.

Chalice packs libraries compiled for Lambda's Linux on x86_64. Elsewhere they cannot be loaded; but local functions run
on the interpreter of the virtual environment, which has the same pinned versions compiled for this machine. So the zip
goes without them, and everything else in it stays as it is for AWS.
"""

import platform
import sys
import zipfile
from pathlib import Path

from local.package import Package

LAMBDA = ("linux", "x86_64")


def runnable_here(built: Package, machine: tuple[str, str] = (sys.platform, platform.machine())) -> Package:
    """The package itself where Lambda's libraries load, otherwise a copy without the compiled ones."""
    if machine == LAMBDA:
        return built
    native = Package(built.directory / "native", f"{built.fingerprint}-native")
    if not native.code.exists():
        native.directory.mkdir(exist_ok=True)
        native.template.write_text(built.template.read_text())
        unfinished = native.directory / "unfinished.zip"
        copy_without_compiled_libraries(built.code, unfinished)
        unfinished.rename(native.code)
    return native


def copy_without_compiled_libraries(source: Path, target: Path) -> None:
    """Copy a zip, leaving out every top-level package that holds a shared library."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as rest:
        compiled = {name.split("/")[0] for name in whole.namelist() if name.endswith(".so")}
        for entry in whole.infolist():
            if entry.filename.split("/")[0] not in compiled:
                rest.writestr(entry, whole.read(entry))
