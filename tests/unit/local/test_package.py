"""A package is built once per state of the tree."""

from pathlib import Path

import pytest

from local.package import fingerprint_of


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
    before = fingerprint_of(tree)
    (tree / name).write_text("two")
    assert fingerprint_of(tree) != before


def test_a_change_to_what_is_not_packaged_is_ignored(tree: Path) -> None:
    before = fingerprint_of(tree)
    (tree / "README.md").write_text("two")
    (tree / "chalicelib" / "__pycache__").mkdir()
    (tree / "chalicelib" / "__pycache__" / "facts.pyc").write_text("two")
    assert fingerprint_of(tree) == before
