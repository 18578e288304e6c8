"""The file with the engine's state: the whole of it or the one before, whenever its writer dies."""

import json
import signal
import subprocess
import sys
from pathlib import Path

WRITER = """
import resource, signal, sys
from pathlib import Path
from local.saving import write

file, characters, most_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
write(file, {"dynamodb": lambda: "x" * characters, "broken": lambda: None}, at=1_000_000_000.5)
"""


def write(file: Path, characters: int, most_bytes: int = 10_000_000) -> int:
    """Have a process of its own write so much state, and die when the file has so many bytes; its exit code."""
    command = [sys.executable, "-c", WRITER, str(file), str(characters), str(most_bytes)]
    return subprocess.run(command, cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL).returncode


def test_a_writer_that_dies_half_way_leaves_the_file_before(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert write(file, 10) == 0
    assert write(file, 1_000_000, most_bytes=500_000) == -signal.SIGXFSZ
    assert json.loads(file.read_text()) == {"dynamodb": "x" * 10}
    assert write(file, 20) == 0
    assert json.loads(file.read_text()) == {"dynamodb": "x" * 20}
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_the_files_time_is_the_moment_that_it_tells_of(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert write(file, 10) == 0
    assert file.stat().st_mtime == 1_000_000_000.5
