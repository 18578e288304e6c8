"""Reads the project's Markdown documents."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tracked(*patterns: str) -> list[Path]:
    """Files under version control that match one of these patterns, and those that are about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(path for each in set(listed) if (path := ROOT / each).is_file())


def section(document: Path, heading: str) -> str:
    """The text below a heading (without its #), up to the next heading of the same or a higher level."""
    text = document.read_text("utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}\n", text, re.MULTILINE)
    assert found, f"{document.name} has no heading {heading!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def tables(text: str) -> list[list[list[str]]]:
    """The cells of every table of a text, without its head."""
    blocks = re.findall(r"(?:^\|.*\n)+", f"{text}\n", re.MULTILINE)
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in _body(block)] for block in blocks]


def _body(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines()[2:]]


def table(document: Path, heading: str, number: int = 0) -> list[list[str]]:
    """The rows of a table below a heading, of the first one by default."""
    return tables(section(document, heading))[number]


def codes(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def shell_blocks(text: str) -> list[str]:
    """What fenced blocks of commands hold, also those within a list."""
    return re.findall(r"^ *```bash\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
