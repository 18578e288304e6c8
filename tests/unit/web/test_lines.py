"""What was found in a text that was changed since (lines.js), run by node."""

import json
from typing import Any

import pytest

from tests.unit.web.node import run

TEXT = "Dear reader,\n\n[shop](https://www.example.com)\n\nRegards"


def found(field: str | None, line: int | None) -> dict[str, Any]:
    return {"code": "one", "field": field, "line": line}


CALLS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], int | str | None]] = [
    # What was found, in which values, which are written now, and the line where it is shown, or "gone".
    (found("markdown", 3), {"markdown": TEXT}, {"markdown": TEXT}, 3),
    (found("markdown", 3), {"markdown": TEXT.replace("\n", "\r\n")}, {"markdown": TEXT}, 3),
    (found("markdown", 3), {"markdown": TEXT}, {"markdown": "New\n\n[a](www.x.de) in the line"}, "gone"),
    (found("markdown", 3), {"markdown": TEXT}, {"markdown": TEXT + "\nThe team"}, 3),
    (found("markdown", 3), {"markdown": TEXT}, {"markdown": "Above\n" + TEXT}, 4),
    (found("markdown", 5), {"markdown": TEXT}, {"markdown": TEXT.replace("reader,\n\n", "")}, 3),
    (found("markdown", 3), {"markdown": TEXT}, {"markdown": None, "html": TEXT}, "gone"),
    (found("markdown", None), {"markdown": TEXT}, {"markdown": TEXT, "subject": "New"}, None),
    (found("markdown", None), {"markdown": TEXT}, {"markdown": TEXT + "."}, "gone"),
    (found("subject", 1), {"subject": "Hello"}, {"subject": "Hello!"}, "gone"),
    (found("html", None), {"html": None, "markdown": None}, {"html": None, "markdown": "Hello"}, "gone"),
    (found("audience.stages", None), {"audience": {"stages": []}}, {"audience": {"stages": ["New"]}}, "gone"),
    (found("audience.stages", None), {"audience": {"stages": []}}, {"audience": {"stages": []}}, None),
    (found(None, None), {"subject": "Hello"}, {"subject": "Hello!"}, None),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers() -> Any:
    calls = json.dumps([call[:3] for call in CALLS])
    return run(
        "lines.js",
        f"console.log(JSON.stringify({calls}.map(([each, ...values]) => module.stillFound([each], ...values))))",
    )


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_findings_go_with_their_lines(answers: Any, number: int) -> None:
    finding, *_, wanted = CALLS[number]
    shown = [{**finding, "line": wanted} if "line" in finding else finding]
    assert answers[number] == ([] if wanted == "gone" else shown)
