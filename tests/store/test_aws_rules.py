"""The rules that hold in all store tests find a planted fault of each kind, on a real client before a real engine."""

from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib.store.table import Table
from local.ministack import CREDENTIALS, REGION
from local.tables import create_tables
from tests.store.aws_rules import AwsRules, RefusedByAws, item_bytes, reserved_words

Call = tuple[str, dict[str, Any]]
LEAD = {"lead_id": {"S": "lead_1"}}
CAMPAIGN = {"pk": {"S": "p"}, "sk": {"S": "s"}}


@pytest.fixture(scope="module")
def strict(dynamodb: Any) -> Any:
    """A client that validates nothing by itself, as in production, under rules of its own; and tables it has made."""
    session = boto3.session.Session(region_name=REGION, **CREDENTIALS)
    AwsRules().watch(session)
    config = Config(parameter_validation=False)
    client = session.client("dynamodb", endpoint_url=dynamodb.meta.endpoint_url, config=config)
    return client, create_tables(client, "strict")


def update(expression: str, names: dict[str, str] | None = None, values: dict[str, Any] | None = None) -> Call:
    arguments = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    given = {name: value for name, value in arguments.items() if value is not None}
    return "update_item", {"TableName": "LeadsTable", "Key": LEAD, "UpdateExpression": expression, **given}


def put(table: str, item: dict[str, Any]) -> Call:
    return "put_item", {"TableName": table, "Item": item}


def get(table: str, key: dict[str, Any]) -> Call:
    return "get_item", {"TableName": table, "Key": key}


def writes(count: int) -> list[dict[str, Any]]:
    return [{"Put": {"TableName": "LeadsTable", "Item": {"lead_id": {"S": f"lead_{each}"}}}} for each in range(count)]


ONE = {":one": {"N": "1"}}
FAULTS: dict[str, tuple[Call, str]] = {
    "an argument of the wrong type": (("get_item", {"TableName": "LeadsTable", "Key": "lead_1"}), "Invalid type"),
    "an unknown argument": (("get_item", {"TableName": "LeadsTable", "Key": LEAD, "Limit": 1}), "Unknown parameter"),
    "a value that is none of those": (
        ("get_item", {"TableName": "LeadsTable", "Key": LEAD, "ReturnConsumedCapacity": "SOME"}),
        "none of",
    ),
    "a reserved word": (update("SET status = :one", values=ONE), "reserved words as names: status"),
    "a reserved word within a path": (update("SET #a.owner = :one", {"#a": "x"}, ONE), "reserved words.*owner"),
    "a reserved word in a condition": (
        ("delete_item", {"TableName": "LeadsTable", "Key": LEAD, "ConditionExpression": "attribute_exists(name)"}),
        "reserved words as names: name",
    ),
    "an unused name": (update("SET x = :one", {"#y": "y"}, ONE), "has \\['#y'\\], which no expression uses"),
    "a missing name": (update("SET #x = :one", values=ONE), "ExpressionAttributeNames lacks \\['#x'\\]"),
    "an unused value": (update("REMOVE x", values=ONE), "has \\[':one'\\], which no expression uses"),
    "a missing value": (update("SET x = :one"), "ExpressionAttributeValues lacks \\[':one'\\]"),
    "no names at all": (update("REMOVE x", {}), "ExpressionAttributeNames is empty"),
    "an empty expression": (update(""), "UpdateExpression is empty"),
    "an expression over 4 KB": (update(f"REMOVE {'x' * 4096}"), "4,103 bytes"),
    "an expression with 301 operators": (
        update("SET " + ", ".join(f"a{number} = :one" for number in range(301)), values=ONE),
        "300 operators",
    ),
    "an IN with 101 operands": (
        (
            "scan",
            {
                "TableName": "LeadsTable",
                "FilterExpression": f"x IN ({', '.join([':one'] * 101)})",
                "ExpressionAttributeValues": ONE,
            },
        ),
        "100 operands",
    ),
    "an empty key": (get("LeadsTable", {"lead_id": {"S": ""}}), "key lead_id has 0 bytes"),
    "an empty key of an index": (put("LeadsTable", LEAD | {"address": {"S": ""}}), "key address has 0 bytes"),
    "a partition key over 2 KB": (get("LeadsTable", {"lead_id": {"S": "x" * 2049}}), "2,049 bytes, 1 to 2,048"),
    "a sort key over 1 KB": (get("CampaignsTable", CAMPAIGN | {"sk": {"S": "ü" * 513}}), "1,026 bytes, 1 to 1,024"),
    "an item over 400 KB": (put("LeadsTable", LEAD | {"text": {"S": "x" * 410_000}}), "410,017 bytes"),
    "an update over 400 KB": (update("SET x = :one", values={":one": {"S": "x" * 410_000}}), "410,004 bytes"),
    "101 actions": (("transact_write_items", {"TransactItems": writes(101)}), "is 101, at most 100"),
    "two actions on one item": (("transact_write_items", {"TransactItems": writes(1) * 2}), "two actions on one item"),
    "a fault within a transaction": (
        ("transact_write_items", {"TransactItems": [{"Update": update("SET year = :one", values=ONE)[1]}]}),
        "reserved words as names: year",
    ),
    "a batch of 101 keys": (
        (
            "batch_get_item",
            {"RequestItems": {"LeadsTable": {"Keys": [{"lead_id": {"S": str(each)}} for each in range(101)]}}},
        ),
        "is 101, at most 100",
    ),
    "a batch with one key twice": (
        ("batch_get_item", {"RequestItems": {"LeadsTable": {"Keys": [LEAD, LEAD]}}}),
        "none twice",
    ),
    "a batch of 26 writes": (
        (
            "batch_write_item",
            {"RequestItems": {"LeadsTable": [{"PutRequest": {"Item": each["Put"]["Item"]}} for each in writes(26)]}},
        ),
        "is 26, at most 25",
    ),
    "26 statements": (
        ("batch_execute_statement", {"Statements": [{"Statement": 'SELECT * FROM "LeadsTable"'}] * 26}),
        "is 26, at most 25",
    ),
    "a reserved word in a statement": (
        ("execute_statement", {"Statement": 'SELECT * FROM "LeadsTable" WHERE owner = ?', "Parameters": [{"S": "x"}]}),
        "reserved words as names: owner",
    ),
    "a statement without its parameter": (
        ("execute_statement", {"Statement": 'SELECT * FROM "LeadsTable" WHERE "owner" = ?'}),
        "1 parameters and is given 0",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_refused(strict: Any, fault: str) -> None:
    client, _ = strict
    (operation, arguments), said = FAULTS[fault]
    with pytest.raises(RefusedByAws, match=said):
        getattr(client, operation)(**renamed(arguments))


def test_what_aws_takes_passes(strict: Any) -> None:
    client, tables = strict
    client.put_item(TableName=tables.leads, Item=LEAD | {"x": {"N": "1"}})
    client.update_item(
        TableName=tables.leads,
        Key=LEAD,
        UpdateExpression="SET #s = if_not_exists(#s, :one), y = x + :one REMOVE z",
        ConditionExpression="attribute_exists(lead_id) AND NOT size(x) IN (:one, :two)",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":two": {"N": "2"}},
    )
    longest = {"pk": {"S": "x" * 2048}, "sk": {"S": "x" * 1024}}
    table = Table(client, tables.campaigns)
    assert table.transact(table.put(longest))
    assert client.get_item(TableName=tables.leads, Key=LEAD)["Item"]["y"] == {"N": "2"}


def test_a_fault_is_known_even_when_the_product_has_caught_it(dynamodb: Any, aws_rules: AwsRules) -> None:
    with pytest.raises(RefusedByAws):
        dynamodb.get_item(TableName="any", Key="lead_1")
    assert len(aws_rules.refused) == 1
    aws_rules.refused.clear()


def test_all_reserved_words_are_known() -> None:
    assert len(reserved_words()) == 573
    assert {"ABORT", "BUCKET", "NAME", "OWNER", "STATUS", "ZONE"} <= reserved_words()


def test_an_item_is_as_large_as_dynamodb_counts_it() -> None:
    assert item_bytes({"ab": {"S": "ü"}, "c": {"NULL": True}, "d": {"B": b"123"}}) == 4 + 2 + 4
    assert item_bytes({"l": {"L": [{"S": "a"}, {"BOOL": True}]}}) == 1 + 3 + 2 + 2


def renamed(value: Any) -> Any:
    """The arguments with the names of the tables that the client has made."""
    if isinstance(value, dict):
        return {renamed(name): renamed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [renamed(each) for each in value]
    if isinstance(value, str) and len(value) < 100:
        return value.replace("LeadsTable", "strict-LeadsTable").replace("CampaignsTable", "strict-CampaignsTable")
    return value
