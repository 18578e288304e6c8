"""A stack is deleted, and its tables and keys go to another: leads, numbers and links in old mails are all there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.console import NotReady
from local.deploy import deploy, find_stack
from local.destroy import destroy
from local.package import Package, package, this_machine
from local.ports import free_ports
from local.recipients import follow
from local.stack import BUCKET, DEFAULTS, LocalStack, Options, running
from tests.stack.marketer import Marketer

POLL_SECONDS = 0.2
Until = Callable[[Callable[[], bool]], bool]


@pytest.fixture(scope="module")
def built() -> Package:
    return package(DEFAULTS.builds, this_machine())


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack that may be deleted."""
    port, inbox_port, smtp_port = free_ports(3)
    alarms = {"AlarmEmail": "ops@example.com"}
    with running(Options(tmp_path, DEFAULTS.builds, port, inbox_port, smtp_port, alarms)) as started:
        yield started


def test_a_deleted_stacks_tables_and_keys_serve_the_next(own_stack: LocalStack, built: Package, until: Until) -> None:
    client = own_stack.engine.client
    marketer = Marketer(own_stack)
    marketer("POST", "/v1/leads", {"entity": "kept", "stage": "New", "email": "k@kept.example", "first_name": "Kay"})
    campaign = marketer(
        "POST",
        "/v1/campaigns",
        {
            "title": "Kept",
            "subject": "Kept",
            "from_email": "me@kept.example",
            "audience": {"entity": "kept", "stages": ["New"]},
            "html": f'<p>See <a href="{own_stack.inbox_url}/website/kept">this</a></p>',
        },
    )["campaign_id"]
    marketer("POST", f"/v1/campaigns/{campaign}/send")
    assert until(lambda: marketer("GET", f"/v1/campaigns/{campaign}/stats")["sent"] == 1)

    with pytest.raises(ClientError, match="protected against deletion"):
        client("dynamodb").delete_table(TableName=own_stack.outputs["LeadsTable"])
    kept = destroy(client, "leadflip", poll_seconds=POLL_SECONDS)
    assert find_stack(client("cloudformation"), "leadflip") is None
    assert sorted(kept) == ["CampaignsTable", "DeliveriesTable", "KeyRing", "LeadsTable"]

    parameters = {"TrackingUrl": own_stack.tracking_url}
    outputs = deploy(client, built, "next", BUCKET, parameters, kept, poll_seconds=POLL_SECONDS)
    names = ("CampaignsTable", "DeliveriesTable", "LeadsTable", "KeyRingSecret")
    assert {name: outputs[name] for name in names} == {name: own_stack.outputs[name] for name in names}

    api_url = f"{own_stack.engine.endpoint}/_aws/execute-api/{outputs['RestAPIId']}/api"
    marketer = Marketer(replace(own_stack, api_url=api_url))
    (mail,) = marketer.mails("k@kept.example")
    assert follow(mail.links[0])
    assert until(lambda: marketer("GET", f"/v1/campaigns/{campaign}/stats")["clicked"] == 1)
    stats = marketer("GET", f"/v1/campaigns/{campaign}/stats")
    assert (stats["total"], stats["sent"], stats["failed"], stats["clicked"]) == (1, 1, 0, 1)

    with pytest.raises(NotReady, match="stands already"):
        deploy(client, built, "next", BUCKET, parameters, kept, poll_seconds=POLL_SECONDS)
    destroy(client, "next", with_data=True, poll_seconds=POLL_SECONDS)
    assert not set(kept.values()) & set(client("dynamodb").list_tables()["TableNames"])
