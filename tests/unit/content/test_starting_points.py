"""The starting points and the example campaign: proven, and without findings but those that ask for one's own words."""

import json
import re
from pathlib import Path

import pytest

from chalicelib.content.preflight import AudienceFacts, preflight_findings
from tests.unit.content.made import made_source, proven, rendered
from tests.unit.content.mails import Tracking

ROOT = Path(__file__).parents[3]
MODULE = (ROOT / "chalicelib/web/static/starting-points.js").read_text("utf-8")
POINT = re.compile(
    r'name: (".*"),\s+description: (".*"),\s+subject: (".*"),\s+preview_text: (".*"),\s+markdown: `([^`\\$]*)`'
)
POINTS = {json.loads(found[1]): found for found in POINT.finditer(MODULE)}
MAILS = {name: (json.loads(found[3]), json.loads(found[4]), found[5]) for name, found in POINTS.items()}
EXAMPLE = json.loads((ROOT / "examples" / "campaign.json").read_text("utf-8"))
MAILS["the example"] = (EXAMPLE["subject"], EXAMPLE["preview_text"], EXAMPLE["markdown"])
EXPECTED = {"link_placeholder", "text_part_missing"}


def test_all_are_read_here() -> None:
    assert list(POINTS) == ["Newsletter", "Announcement", "Invitation", "Personal letter"]
    assert MODULE.count("name:") == len(POINTS)


@pytest.mark.parametrize("name", MAILS)
def test_a_starting_point_can_be_sent(name: str) -> None:
    subject, preview_text, markdown = MAILS[name]
    source = made_source(markdown, subject=subject, preview_text=preview_text)
    findings = preflight_findings(source, proven(source), Tracking(), AudienceFacts())
    assert {finding.code for finding in findings} <= EXPECTED
    mail = rendered(source)
    assert "{{" not in f"{mail.subject}{mail.preview_text}{mail.html}{mail.text}"
    assert len(mail.html or "") < 16_000
