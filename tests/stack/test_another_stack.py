"""A stack is deleted, and its tables and keys go to another: leads, numbers and links in old mails are all there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from local.cloudformation import find_stack
from local.console import NotReady
from local.deploy import deploy
from local.destroy import destroy
from local.package import Package, package, this_machine
from local.ports import free_ports
from local.recipients import follow, load_images
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


def send_a_campaign(stack: LocalStack, until: Until) -> str:
    """The id of a campaign that one lead has got."""
    marketer = Marketer(stack)
    marketer("POST", "/v1/leads", {"entity": "kept", "stage": "New", "email": "k@kept.example", "first_name": "Kay"})
    campaign = marketer(
        "POST",
        "/v1/campaigns",
        {
            "title": "Kept",
            "subject": "Kept",
            "from_email": "me@kept.example",
            "audience": {"entity": "kept", "stages": ["New"]},
            "html": f'<p>See <a href="{stack.inbox_url}/website/kept">this</a></p>',
        },
    )["campaign_id"]
    marketer("POST", f"/v1/campaigns/{campaign}/send")
    assert until(lambda: marketer("GET", f"/v1/campaigns/{campaign}/stats")["sent"] == 1)
    return str(campaign)


def marketer_of(stack: LocalStack, outputs: dict[str, str]) -> Marketer:
    """Of a second stack on the same engine."""
    return Marketer(replace(stack, api_url=f"{stack.engine.endpoint}/_aws/execute-api/{outputs['RestAPIId']}/api"))


def test_a_deleted_stacks_tables_and_keys_serve_the_next_and_so_do_restored_ones(
    own_stack: LocalStack, built: Package, until: Until
) -> None:
    """A restored table has neither stream nor protection; without a stream nothing would ever be counted."""
    client = own_stack.engine.client
    dynamodb = client("dynamodb")
    campaign = send_a_campaign(own_stack, until)
    (mail,) = Marketer(own_stack).mails("k@kept.example")
    with pytest.raises(ClientError, match="protected against deletion"):
        dynamodb.delete_table(TableName=own_stack.outputs["LeadsTable"])
    kept = destroy(client, "leadflip", poll_seconds=POLL_SECONDS)
    assert find_stack(client("cloudformation"), "leadflip") is None
    assert sorted(kept) == ["CampaignsTable", "DeliveriesTable", "KeyRing", "LeadsTable"]

    parameters = {"TrackingUrl": own_stack.tracking_url}
    outputs = deploy(client, built, "next", BUCKET, parameters, kept, poll_seconds=POLL_SECONDS)
    names = ("CampaignsTable", "DeliveriesTable", "LeadsTable", "KeyRingSecret")
    assert {name: outputs[name] for name in names} == {name: own_stack.outputs[name] for name in names}
    assert follow(mail.links[0])
    marketer = marketer_of(own_stack, outputs)
    assert until(lambda: marketer("GET", f"/v1/campaigns/{campaign}/stats")["clicked"] == 1)
    stats = marketer("GET", f"/v1/campaigns/{campaign}/stats")
    assert (stats["total"], stats["sent"], stats["failed"]) == (1, 1, 0)
    with pytest.raises(NotReady, match="stands already"):
        deploy(client, built, "next", BUCKET, parameters, kept, poll_seconds=POLL_SECONDS)

    assert destroy(client, "next", poll_seconds=POLL_SECONDS) == kept
    for name, table in kept.items():
        if name != "KeyRing":
            restored = f"restored-{name}"
            dynamodb.restore_table_to_point_in_time(
                SourceTableName=table, TargetTableName=restored, UseLatestRestorableTime=True
            )
            assert "LatestStreamArn" not in dynamodb.describe_table(TableName=restored)["Table"]
            kept[name] = restored
    misspelt = kept | {"LeadsTable": "restored-Leads"}
    with pytest.raises(NotReady, match="cannot be taken over"):
        deploy(client, built, "third", BUCKET, parameters, misspelt, poll_seconds=POLL_SECONDS)
    with pytest.raises(NotReady, match="with the same KEPT"):
        deploy(client, built, "third", BUCKET, parameters, poll_seconds=POLL_SECONDS)
    outputs = deploy(client, built, "third", BUCKET, parameters, kept, poll_seconds=POLL_SECONDS)
    load_images(mail)
    marketer = marketer_of(own_stack, outputs)
    assert until(lambda: marketer("GET", f"/v1/campaigns/{campaign}/stats")["opened"] == 1)
    assert marketer("GET", f"/v1/campaigns/{campaign}/stats")["clicked"] == 1

    resources = yaml.safe_load(built.template.read_text())["Resources"]
    for name in ("CampaignsTable", "DeliveriesTable", "LeadsTable"):
        wanted, table = resources[name]["Properties"], kept[name]
        found = dynamodb.describe_table(TableName=table)["Table"]
        assert found["DeletionProtectionEnabled"]
        stream, wanted_stream = found.get("StreamSpecification", {}), wanted.get("StreamSpecification", {})
        assert stream.get("StreamViewType") == wanted_stream.get("StreamViewType")
        backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
        expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        assert expiry.get("AttributeName") == wanted.get("TimeToLiveSpecification", {}).get("AttributeName")
    destroy(client, "third", with_data=True, poll_seconds=POLL_SECONDS)
    assert not set(kept.values()) & set(dynamodb.list_tables()["TableNames"])
