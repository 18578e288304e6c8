"""Every patch of local/engine.py is still needed; a ministack that no longer needs one fails here and names it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local import ministack
from tests.unit.local import unpatched_ministack as unpatched

MENDED = "ministack does without {0} now: remove it from local/engine.py, and from unpatched_ministack.py"
CHANGED = "ministack has changed where {0} of local/engine.py patches it; see whether the patch still works: {1}"


def defects_of(folder: Path, *arguments: str) -> dict[str, bool | str]:
    """Those of a ministack with the environment that the engine gets."""
    done = subprocess.run(
        [sys.executable, "-m", unpatched.__name__, *arguments],
        env=ministack.environment(4999, folder, folder),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, bool | str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def defects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool | str]:
    return defects_of(tmp_path_factory.mktemp("ministack"))


@pytest.mark.parametrize("patch", [defect.__name__ for defect in unpatched.DEFECTS])
def test_ministack_still_needs(patch: str, defects: dict[str, bool | str]) -> None:
    assert defects[patch] is not False, MENDED.format(patch)
    assert defects[patch] is True, CHANGED.format(patch, defects[patch])


def test_the_patches_mend_the_defects(tmp_path: Path) -> None:
    assert {name: found for name, found in defects_of(tmp_path, "patched").items() if found is not False} == {}
