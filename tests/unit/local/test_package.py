"""A package is built once per state of the tree, and for the machine that it is to run on."""

import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.console import NotReady
from local.package import Target, add_libraries, fingerprint_of, on_lambda, package, pinned_python, this_machine
from local.stack import DEFAULTS

ELF_MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}
"""e_machine of the ELF header (System V ABI)."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "chalicelib").mkdir()
    (tmp_path / ".chalice").mkdir()
    for name in ("app.py", "requirements.txt", "template.yaml", "chalicelib/facts.py", ".chalice/config.json"):
        (tmp_path / name).write_text("one")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["app.py", "requirements.txt", "template.yaml", "chalicelib/facts.py", ".chalice/config.json", "chalicelib/new.py"],
)
def test_a_change_to_what_is_packaged_is_seen(tree: Path, name: str) -> None:
    before = fingerprint_of(tree, this_machine())
    (tree / name).write_text("two")
    assert fingerprint_of(tree, this_machine()) != before


def test_a_change_to_what_is_not_packaged_is_ignored(tree: Path) -> None:
    before = fingerprint_of(tree, this_machine())
    (tree / "README.md").write_text("two")
    (tree / "chalicelib" / "__pycache__").mkdir()
    (tree / "chalicelib" / "__pycache__" / "facts.pyc").write_text("two")
    assert fingerprint_of(tree, this_machine()) == before


def test_packages_for_different_machines_are_different_packages(tree: Path) -> None:
    targets = [Target("arm64", "3.13"), Target("x86_64", "3.13"), Target("x86_64", "3.14"), Target("x86_64")]
    assert len({fingerprint_of(tree, target) for target in targets}) == len(targets)


def libraries(code: zipfile.ZipFile) -> Iterator[str]:
    return (name for name in code.namelist() if name.endswith(".so"))


@pytest.mark.parametrize("architecture", ELF_MACHINES)
def test_the_zip_holds_libraries_for_lambdas_processor_and_python(architecture: str) -> None:
    built = package(DEFAULTS.builds, on_lambda(architecture))
    abi = f".cpython-{on_lambda(architecture).python or ''}-".replace("3.", "3")
    with zipfile.ZipFile(built.code) as code:
        found = list(libraries(code))
        assert {name.split("/")[0] for name in found} >= {"pydantic_core", "minijinja"}
        for name in found:
            assert abi in name or ".abi3." in name
            (machine,) = struct.unpack_from("<H", code.read(name), 18)
            assert machine == ELF_MACHINES[architecture], name


def test_lambda_can_read_every_file_and_the_zip_is_the_same_whoever_packages_it(tmp_path: Path) -> None:
    """Lambda wants files that everybody may read; a umask of 077 leaves them to their owner alone."""
    zips = []
    for builder, mode in (("open", 0o664), ("private", 0o600)):
        code, library = tmp_path / f"{builder}.zip", tmp_path / builder / "library" / "facts.py"
        with zipfile.ZipFile(code, "w") as app:
            written = zipfile.ZipInfo("app.py")
            written.external_attr = mode << 16
            app.writestr(written, "app")
        library.parent.mkdir(parents=True)
        library.write_text("facts")
        library.chmod(mode)
        os.utime(library, (mode * 1_000_000, mode * 1_000_000))
        add_libraries(code, tmp_path / builder)
        zips.append(code.read_bytes())
        with zipfile.ZipFile(code) as found:
            assert {each.filename: each.external_attr >> 16 & 0o777 for each in found.infolist()} == {
                "app.py": 0o644,
                "library/facts.py": 0o644,
            }
            assert (found.read("app.py"), found.read("library/facts.py")) == (b"app", b"facts")
    assert zips[0] == zips[1]


def test_both_zips_hold_the_same_but_for_the_libraries() -> None:
    contents = []
    for architecture in ELF_MACHINES:
        with zipfile.ZipFile(package(DEFAULTS.builds, on_lambda(architecture)).code) as code:
            names = set(code.namelist())
            assert len(names) == len(code.namelist())
            assert {each.external_attr >> 16 & 0o777 for each in code.infolist()} == {0o644}
            contents.append({name for name in names - set(libraries(code)) if ".dist-info/" not in name})
    assert contents[0] == contents[1]
    assert {"app.py", "chalice/app.py", "chalicelib/settings.py", "pydantic/__init__.py"} <= contents[0]
    assert not [name for name in contents[0] if name.startswith(("boto", "bin/")) or "__pycache__" in name]


def test_what_runs_here_has_libraries_that_load_here(tmp_path: Path) -> None:
    built = package(DEFAULTS.builds, this_machine())
    with zipfile.ZipFile(built.code) as code:
        code.extractall(tmp_path)
    script = "import pydantic_core, minijinja; print(pydantic_core.__file__, minijinja.__file__)"
    run = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.count(str(tmp_path)) == 2


def test_an_unknown_processor_is_refused() -> None:
    with pytest.raises(NotReady, match="Architecture is arm32; Lambda has x86_64 and arm64"):
        on_lambda("arm32")


def test_the_python_is_the_templates(tree: Path) -> None:
    (tree / "template.yaml").write_text("Globals:\n  Function:\n    # a comment\n    Runtime: python3.14\n")
    assert pinned_python(tree) == "3.14"
