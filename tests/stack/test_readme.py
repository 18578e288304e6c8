"""What a newcomer does first works as it is written: the README's curl example, and the links of the example mail."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local.package import ROOT
from local.recipients import follow, load_images, request
from local.run import announced
from local.seed import DRAFT, LEADS, example
from local.stack import LocalStack
from tests.prerequisites import skip_without
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]
ENTITY = "newcomer"


@pytest.fixture(scope="module")
def marketer(stack: LocalStack) -> Marketer:
    return Marketer(stack)


def commands(title: str) -> str:
    """The first block of commands under this heading of the README."""
    found = re.search(
        rf"^## {title}\n.*?^```bash\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return found[1]


def test_the_first_campaign_with_curl_shows_its_numbers(
    stack: LocalStack, marketer: Marketer, until: Until, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        skip_without("curl", "curl is not installed (Debian: apt-get install curl)")
    folder = tmp_path / ".local"
    folder.mkdir()
    with announced(stack, folder):
        script = commands("Your first campaign with curl")
        run = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert (run.returncode, run.stderr) == (0, "")
    stats = json.loads(run.stdout.splitlines()[-1])
    assert {name: stats[name] for name in ("total", "sent", "failed", "pending")} == {
        "total": 1, "sent": 1, "failed": 0, "pending": 0,
    }  # fmt: skip
    (mail,) = marketer.mails("ann@example.com")
    assert mail.subject == "Hello Ann"
    load_images(mail)
    (link,) = mail.links
    assert request("GET", follow(link))[0] == 200
    (campaign,) = (each for each in marketer("GET", "/v1/campaigns?q=Hello")["items"] if each["title"] == "Hello")

    def counted() -> bool:
        now = marketer("GET", f"/v1/campaigns/{campaign['campaign_id']}/stats")
        return (now["opened"], now["clicked"]) == (1, 1)

    assert until(counted)


def test_every_link_of_the_example_mail_leads_to_a_page(stack: LocalStack, marketer: Marketer, until: Until) -> None:
    leads = csv.DictReader(io.StringIO(example(LEADS, stack.inbox_url).decode()))
    lead = next(each for each in leads if each["email"] and each["entity"] == "acme-realty")
    fields = {name: lead[name] for name in ("city", "plan", "portal_url")}
    marketer("POST", "/v1/leads", {"entity": ENTITY, "stage": "New", "email": "ida@newcomer.example", "fields": fields})
    draft = json.loads(example(DRAFT, stack.inbox_url))
    draft["audience"] = {"entity": ENTITY, "stages": ["New"]}
    campaign = f"/v1/campaigns/{marketer('POST', '/v1/campaigns', draft)['campaign_id']}"
    marketer("POST", f"{campaign}/send")
    assert until(lambda: marketer("GET", campaign)["status"] == "sent")
    (mail,) = marketer.mails("ida@newcomer.example")
    assert len(mail.links) == 3
    for link in mail.links:
        status, _, page = request("GET", follow(link))
        assert (status, b"Your website would be here" in page) == (200, True), link
