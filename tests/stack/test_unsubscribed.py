"""People who unsubscribe while a slow mail service holds the senders up, on the deployed stack."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from local.client import Api
from local.recipients import request
from local.stack import LocalStack
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]
ENTITY = "leaving"
LEADS = 40
STALL_SECONDS = 2.5
"""For each mail: a message of three leads takes 7.5 s, and one of ten 25 s."""


def arrivals(stack: LocalStack) -> dict[str, datetime]:
    """When the mail service was called for whom."""
    found = json.loads(request("GET", f"{stack.inbox_url}/messages")[2])
    ours = [each for each in found if each["to"].endswith(f"@{ENTITY}.example")]
    stall = timedelta(seconds=STALL_SECONDS)
    return {each["to"]: datetime.fromisoformat(each["received_at"]) - stall for each in ours}


def test_nobody_is_mailed_two_seconds_after_they_unsubscribed(stack: LocalStack, until: Until) -> None:
    marketer = Marketer(stack)
    lines = ["entity,stage,email"] + [f"{ENTITY},New,p{number}@{ENTITY}.example" for number in range(LEADS)]
    marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
    leads = marketer("GET", f"/v1/leads?entity={ENTITY}&limit=100")["items"]
    written = {
        "title": "Leaving",
        "subject": "Hello",
        "from_email": "news@shop.example",
        "text": "Hello",
        "audience": {"entity": ENTITY, "stages": ["New"]},
    }
    path = f"/v1/campaigns/{marketer('POST', '/v1/campaigns', written)['campaign_id']}"
    inbox = Api(stack.inbox_url, "")
    inbox("PUT", "/faults", {"faults": [{"kind": "stall", "seconds": STALL_SECONDS}]})
    left: dict[str, datetime] = {}

    def leave(lead: dict[str, str]) -> None:
        marketer("POST", f"/v1/leads/{lead['lead_id']}/unsubscribe")
        left[lead["email"]] = datetime.now(UTC)

    try:
        marketer("POST", f"{path}/send")
        assert until(lambda: bool(arrivals(stack)))
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(leave, leads))
        assert until(lambda: marketer("GET", path)["status"] == "sent")
    finally:
        inbox("PUT", "/faults", {"faults": []})
    mailed = arrivals(stack)
    late = {address: at - left[address] for address, at in mailed.items()}
    assert {address: by for address, by in late.items() if by > timedelta(seconds=2)} == {}
    stats = marketer("GET", f"{path}/stats")
    assert (stats["sent"], stats["skipped"]) == (len(mailed), LEADS - len(mailed))
    assert stats["skipped"] >= LEADS / 2
