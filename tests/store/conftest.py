"""The tables on two engines: every store test runs on ministack's DynamoDB and on Amazon's own DynamoDB Local.

DynamoDB Local is skipped where Java or npm is missing. Calls that AWS would refuse fail the test (`aws_rules.py`), and
so do rows that docs/REFERENCE.md does not describe (`documented_rows.py`).
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.store import keys
from local import dynamodb_local, ministack, ports
from local.console import NotReady
from local.package import ROOT
from local.tables import TableNames, create_tables, delete_tables
from tests.prerequisites import skip_without
from tests.store.aws_rules import AwsRules
from tests.store.documented_rows import delete_rows, rows_of, undocumented
from tests.unit.inbox.running_inbox import RunningInbox, started_inbox

NPM_FOLDER = ROOT / ".local" / "npm"
MOST_ROWS_TO_DELETE = 100
"""Of more, deleting the tables is faster."""


@pytest.fixture(scope="session", autouse=True)
def aws_rules() -> AwsRules:
    """In force for every client that boto3 makes after this."""
    rules = AwsRules()
    boto3.setup_default_session()
    rules.watch(boto3.DEFAULT_SESSION)
    return rules


@pytest.fixture(autouse=True)
def _no_call_that_aws_would_refuse(aws_rules: AwsRules) -> Iterator[None]:
    aws_rules.refused.clear()
    yield
    assert aws_rules.refused == []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    for item in items:
        if item.get_closest_marker("one_engine") and item.callspec.params["dynamodb"] == "dynamodb-local":
            item.add_marker("soak")


@pytest.fixture(scope="session", params=["ministack", "dynamodb-local"])
def dynamodb(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, aws_rules: AwsRules
) -> Iterator[Any]:
    """A boto3 client for a DynamoDB that lives as long as the session."""
    folder = tmp_path_factory.mktemp(request.param)
    start = on_ministack if request.param == "ministack" else on_dynamodb_local
    yield from start(folder)


def on_ministack(folder: Path) -> Iterator[Any]:
    (port,) = ports.free_ports(1)
    engine = ministack.start(port, folder, folder / "ministack.log", {"SERVICES": "dynamodb", "PERSIST_STATE": "0"})
    try:
        yield engine.client("dynamodb")
    finally:
        engine.stop()


def on_dynamodb_local(folder: Path) -> Iterator[Any]:
    try:
        dynamodb_local.installed(NPM_FOLDER)
    except NotReady as missing:
        skip_without("dynamodb-local", str(missing))
    with dynamodb_local.running(NPM_FOLDER, folder / "dynamodb-local.log") as client:
        yield client


@pytest.fixture
def few_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 shards of an audience and 8 of a campaign, for stories that go over all of them again and again."""
    monkeypatch.setattr(keys, "AUDIENCE_SHARDS", 4)
    monkeypatch.setattr(keys, "DELIVERY_SHARDS", 8)


@pytest.fixture(scope="session")
def shared_inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with started_inbox(tmp_path_factory.mktemp("inbox")) as inbox:
        yield inbox


@pytest.fixture
def inbox(shared_inbox: RunningInbox) -> Iterator[RunningInbox]:
    """SES and DNS, without identities of one's own: every domain may send."""
    yield shared_inbox
    healthy = {"production_access_enabled": True, "throttle_questions": False, "sent_last_24_hours": 0}
    assert shared_inbox.request("PUT", "/account", healthy | {"identities": None}).status == 200


class TablePool:
    """Empty tables, which go from test to test: making three and deleting them takes longer than most tests.

    Their streams may hold changes of earlier tests.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._free: list[TableNames] = []

    @contextmanager
    def tables(self) -> Iterator[TableNames]:
        mine = self._free.pop() if self._free else create_tables(self._client, f"test-{uuid.uuid4().hex[:12]}")
        yield mine
        rows = rows_of(self._client, mine)
        if sum(map(len, rows.values())) <= MOST_ROWS_TO_DELETE:
            delete_rows(self._client, mine, rows)
            self._free.append(mine)
        else:
            delete_tables(self._client, mine)
        assert undocumented(rows) == [], "describe these rows in docs/REFERENCE.md, Table attributes"


@pytest.fixture(scope="session")
def table_pool(dynamodb: Any) -> TablePool:
    return TablePool(dynamodb)


@pytest.fixture
def tables(table_pool: TablePool) -> Iterator[TableNames]:
    """Empty tables for one test."""
    with table_pool.tables() as mine:
        yield mine
