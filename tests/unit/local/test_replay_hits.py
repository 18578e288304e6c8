"""A log is read line by line, wherever it lies."""

import gzip
from pathlib import Path

import pytest

from local.console import NotReady
from local.replay_hits import lines_of


def test_a_folder_is_read_whole_and_its_archives_unpacked(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "000001.gz").write_bytes(gzip.compress("ä\nb\n".encode()))
    (tmp_path / "plain.log").write_text("c\n")
    assert list(lines_of(str(tmp_path))) == ["ä\n", "b\n", "c\n"]
    assert list(lines_of(str(tmp_path / "plain.log"))) == ["c\n"]


def test_a_log_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="There is no"):
        list(lines_of(str(tmp_path / "none.log")))
