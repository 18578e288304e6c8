"""The page's words, times and rates of campaigns (campaign-words.js, and withoutTags of app.js), run by node."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.web import assets
from tests.prerequisites import skip_without

MODULE = Path(assets.__file__).with_name("static") / "campaign-words.js"
WITHOUT_TAGS = "".join(re.findall("^export const withoutTags = .*$", assets.files()["app.js"], re.MULTILINE))
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
CALLS: list[tuple[str, list[Any], Any]] = [
    ("titleOf", [{"title": "", "subject": "Hello"}], "Hello"),
    ("titleOf", [{"title": "", "subject": ""}], "Untitled"),
    ("isMissing", [{"severity": "error", "code": "missing"}], True),
    ("isMissing", [{"severity": "error", "code": "postal_address_missing"}], False),
    ("sentence", ["Email", "has no @"], "Email has no @."),
    ("sentence", ["Name", "must not be empty"], "Name must not be empty."),
    ("sentence", ["Date and time", "is in the past: it is 27 November 2026, 10:00 in UTC"],
     "Date and time is in the past: it is 27 November 2026, 10:00 in UTC."),
    ("sentence", ["Subject", "Write a subject."], "Write a subject."),
    ("sentence", ["", "must not be empty"], "Must not be empty."),
    ("sentence", ["Subject", "lead.frist_name is unknown"], "lead.frist_name is unknown."),
    ("sentence", ["To", "address 1 has no @"], "Address 1 has no @."),
    ("remaining", [{"pending": 1, "total_is_final": True}, "will wait."], "Up to 1 lead will wait."),
    ("remaining", [{"pending": 1_070, "total_is_final": False}, "will wait."],
     "About 1,070 leads, and those not collected yet, will wait."),
    ("remaining", [{"pending": 0}, "will wait."],
     "The recipients will wait."),
    ("reactions", [{"sent": 20, "opened": 9, "clicked": 4, "opened_machine_only": 0, "clicked_without_open": 1}],
     {"not_opened": "10", "opened": "10", "not_clicked": "16", "clicked": "4"}),
    ("reactions", [{"sent": 20, "opened": 9, "clicked": 4, "opened_machine_only": 2, "clicked_without_open": 1}],
     {"not_opened": "about 12", "opened": "about 8", "not_clicked": "16", "clicked": "4"}),
    ("reactions", [{"sent": 20, "opened": 9, "clicked": 1, "opened_machine_only": 2, "clicked_without_open": 1}],
     {"not_opened": "12", "opened": "8", "not_clicked": "19", "clicked": "1"}),
    ("duration", [1], "1 second"),
    ("duration", [119.4], "119 seconds"),
    ("duration", [7_100], "118 minutes"),
    ("duration", [7_200], "2 hours"),
    ("duration", [86_400 * 2], "2 days"),
    # 1 December: Berlin is an hour ahead of UTC, New York five behind. The clocks there change on other days than here.
    ("thereAndHere", ["2026-12-01T09:00", BERLIN, NEW_YORK], "Tue 1 Dec, 09:00 Berlin – 03:00 your time"),
    ("thereAndHere", ["2026-12-01T23:00", "America/Los_Angeles", BERLIN],
     "Tue 1 Dec, 23:00 Los Angeles – Wed 2 Dec, 08:00 your time"),
    ("thereAndHere", ["2026-12-01T09:00", BERLIN, "Europe/Paris"], "Tue 1 Dec, 09:00 your time"),
    ("thereAndHere", ["2027-03-20T09:00", NEW_YORK, BERLIN],
     "Sat 20 Mar 2027, 09:00 New York – 14:00 your time"),
    ("thereAndHere", ["2026-12-01T09:00", "Mars/Base", BERLIN], "2026-12-01, 09:00 (Mars/Base)"),
    ("momentOf", ["2026-10-25T02:30", BERLIN], 1_792_888_200_000),
    ("momentOf", ["2026-03-29T03:00", BERLIN], 1_774_746_000_000),
    ("momentOf", ["2026-07-01T09:00", "Asia/Kolkata"], 1_782_876_600_000),
    ("likelyZones", [BERLIN, None, "UTC"],
     [BERLIN, "UTC", "Europe/London", NEW_YORK, "America/Chicago", "America/Los_Angeles", "Asia/Tokyo",
      "Australia/Sydney"]),
    ("openTimes", [{"lower_quartile_seconds": 4, "median_seconds": 4, "upper_quartile_seconds": 90}],
     "Time to open: half of the opens came within 4 seconds of sending, three quarters within 90 seconds."),
    ("openTimes", [{"lower_quartile_seconds": 4, "median_seconds": 4, "upper_quartile_seconds": 4}],
     "Time to open: three quarters of the opens came within 4 seconds of sending."),
    ("withoutTags", ['{{ lead.first_name | default("Hallo") }}, {% if a %}b{% endif %} {{ lead.city }}'], "Hallo, b …"),
    ("outlook", [None, 100, True], ""),
    ("outlook", [243, 100, False], "240 emails a minute"),
    ("outlook", [0.4, 100, False], "1 email a minute"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers() -> list[Any]:
    """What the module answers to CALLS, and then to a campaign whose mails leave and stop."""
    node = shutil.which("node")
    if node is None:
        skip_without("node", "node is not installed")
    # Node takes a file for an ES module by its ending or its package; a data URL says so itself.
    source = f"data:text/javascript,{quote(MODULE.read_text() + WITHOUT_TAGS)}"
    script = f"""
        const words = await import({json.dumps(source)});
        const now = Date.UTC(2026, 10, 27, 9);
        const answers = {json.dumps([call[:2] for call in CALLS])}.map(([name, given]) =>
            words[name](...given, ...(name === "thereAndHere" ? [now] : [])));
        const pace = words.pace();
        const rates = [];
        const polls = [[0, 0], [4000, 10], [10000, 40], [60000, 240], [90000, 240], [200000, 240], [202000, 0]];
        for (const [at, done] of polls) {{
            pace.note(at, done);
            rates.push(pace.perMinute());
        }}
        console.log(JSON.stringify([...answers, rates, words.outlook(240, 2880, true, now)]));
    """
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "number", range(len(CALLS)), ids=[f"{name}-{number}" for number, (name, *_) in enumerate(CALLS)]
)
def test_the_page_says(answers: list[Any], number: int) -> None:
    assert answers[number] == CALLS[number][2]


def test_the_rate_is_of_the_last_minute_and_unknown_at_first(answers: list[Any]) -> None:
    rates = answers[len(CALLS)]
    assert rates[:2] == [None, None]
    assert [round(rate) for rate in rates[2:5]] == [240, 240, 0]
    assert rates[5:] == [None, None], "nothing was looked at for a minute, and then a retry began"


def test_what_is_left_ends_at_about_a_time(answers: list[Any]) -> None:
    assert answers[-1].startswith("240 emails a minute, done in about 12 minutes (")
