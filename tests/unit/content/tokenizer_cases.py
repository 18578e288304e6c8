"""The cases that browsers' tokenizers are tested with (html5lib-tests), from the source package of html5lib.

The wheel leaves them out, so pip downloads the source package at first use. Their format:
https://github.com/html5lib/html5lib-tests/blob/master/tokenizer/README.md
"""

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from local.console import NotReady
from local.package import ROOT

PACKAGE = "html5lib==1.1"
_SHA256 = "b2e5b40261e20f354d198eae92afc10d750afb487ed5e50f9c4eaf07c184146f"
_CASES = "html5lib-1.1/html5lib/tests/testdata/tokenizer/"
FOLDER = ROOT / ".local" / "html5lib-tests"

Token = tuple[Any, ...]


class Case(NamedTuple):
    """What a tokenizer makes of a text that it begins to read in this state."""

    name: str
    state: str
    last_start_tag: str
    text: str
    tokens: list[Token]


def cases(folder: Path = FOLDER) -> list[Case]:
    """All cases, one for each of their states. Raises NotReady when they cannot be downloaded."""
    return [case for file, content in sorted(_files(folder).items()) for case in _cases_of(file, json.loads(content))]


def _files(folder: Path) -> dict[str, bytes]:
    archive = folder / "html5lib-1.1.tar.gz"
    if not archive.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
        command += ["--no-binary", "html5lib", "--dest", str(folder), PACKAGE]
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if run.returncode:
            raise NotReady(f"pip could not download the source package of {PACKAGE}:\n{run.stderr[-2000:]}")
    if sha256(archive.read_bytes()).hexdigest() != _SHA256:
        raise NotReady(f"{archive} is not the source package of {PACKAGE}; delete it")
    with tarfile.open(archive) as opened:
        members = [each for each in opened if each.name.startswith(_CASES) and each.name.endswith(".test")]
        return {Path(each.name).stem: found.read() for each in members if (found := opened.extractfile(each))}


def _cases_of(file: str, content: dict[str, Any]) -> Iterator[Case]:
    for number, test in enumerate(content.get("tests", ())):  # "xmlViolationTests" concern XML
        text, output = test["input"], test["output"]
        if test.get("doubleEscaped"):
            text, output = _unescaped(text), _unescaped(output)
        for state in test.get("initialStates", ["Data state"]):
            tokens = [tuple(token) for token in output]
            yield Case(f"{file} {number} {test['description']}", state, test.get("lastStartTag", ""), text, tokens)


def _unescaped(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), value)
    if isinstance(value, list):
        return [_unescaped(each) for each in value]
    return {_unescaped(key): _unescaped(each) for key, each in value.items()} if isinstance(value, dict) else value
