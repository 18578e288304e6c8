"""`make bench`, a few rounds of everything: it runs whole, prints its table alone, and writes what it printed."""

import json
import subprocess
import sys
from pathlib import Path

from bench.measurements import MEASUREMENTS

ROOT = Path(__file__).parents[2]


def test_a_quick_bench_prints_a_table_and_writes_the_same_as_json(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--quick", "--results", str(results)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr.splitlines() == [f"Measuring {name} ..." for name in MEASUREMENTS]
    rows = json.loads(results.read_text())
    assert [line.split("  ")[0] for line in run.stdout.splitlines()] == [row["name"] for row in rows]
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        assert list(row) == ["name", "value", "unit", "goal", "met", "peer", "peer_value"]
        assert row["value"] >= 0
        assert (row["met"] is None) == (row["goal"] is None)
        assert (row["peer_value"] is None) == (row["peer"] is None)
    beginnings = {row["name"].partition(":")[0].partition(",")[0] for row in rows}
    assert beginnings >= {"cold start of track", "hit", "render", "compile", "send"}
