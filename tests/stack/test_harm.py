"""A campaign to a bad list pauses itself while most of it has not left, on a stack whose account sends slowly."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from local.ports import free_ports
from local.stack import DEFAULTS, Options, running
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]


@pytest.mark.soak
def test_a_campaign_to_a_bad_list_pauses_itself_and_says_why(tmp_path: Path, until: Until) -> None:
    port, inbox_port, smtp_port = free_ports(3)
    with running(Options(tmp_path, DEFAULTS.builds, port, inbox_port, smtp_port)) as stack:
        slowly = json.dumps({"max_send_rate": 25}).encode()
        order = urllib.request.Request(f"{stack.inbox_url}/account", slowly, {"Content-Type": "application/json"})
        order.method = "PUT"
        urllib.request.urlopen(order, timeout=10).close()
        marketer = Marketer(stack)
        simulated = [f"bounce+{n}@simulator.amazonses.com" if n % 4 == 0 else f"p{n}@x.example" for n in range(1000)]
        lines = ["entity,stage,email", *(f"breaker,New,{address}" for address in simulated)]
        marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
        campaign = {
            "title": "A bad list",
            "subject": "Hello",
            "from_email": "news@shop.example",
            "html": "<p>Hello</p>",
            "audience": {"entity": "harm", "stages": ["New"]},
        }
        path = f"/v1/campaigns/{marketer('POST', '/v1/campaigns', campaign)['campaign_id']}"
        marketer("POST", f"{path}/send")
        assert any(until(lambda: bool(marketer("GET", path)["status"] == "paused")) for _ in range(4))
        assert "bounced permanently" in marketer("GET", path)["status_reason"]
        stats = marketer("GET", f"{path}/stats")
        assert 100 <= stats["sent"] < 500
        assert stats["total"] == 1000
