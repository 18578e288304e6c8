"""The template's tables can be made and filled on every engine."""

from typing import Any

from local.tables import TableNames


def test_a_delivery_is_found_by_its_lead(dynamodb: Any, tables: TableNames) -> None:
    item = {"bucket": {"S": "cmp_1#0"}, "lead_id": {"S": "lead_1"}, "claimed_at": {"S": "2026-01-01T00:00:00Z"}}
    dynamodb.put_item(TableName=tables.deliveries, Item={**item, "status": {"S": "sent"}})
    found = dynamodb.query(
        TableName=tables.deliveries,
        IndexName="by_lead",
        KeyConditionExpression="lead_id = :lead",
        ExpressionAttributeValues={":lead": {"S": "lead_1"}},
    )
    assert found["Items"] == [item]


def test_every_test_starts_with_empty_tables(dynamodb: Any, tables: TableNames) -> None:
    assert all(
        dynamodb.scan(TableName=name)["Count"] == 0 for name in (tables.leads, tables.deliveries, tables.campaigns)
    )
