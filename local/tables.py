"""The template's own tables on any DynamoDB: template.yaml is the one home of their keys and indexes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from local.package import ROOT

CREATED_WITH = (
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "StreamSpecification",
)
"""What CreateTable takes over from CloudFormation as it is."""


@dataclass(frozen=True, slots=True)
class TableNames:
    leads: str
    deliveries: str
    campaigns: str


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads CloudFormation's short forms as opaque values: tables have none that matter to their keys."""


def _opaque(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    return {suffix: node.value}


_Loader.add_multi_constructor("!", _opaque)


def read_template(template: Path = ROOT / "template.yaml") -> dict[str, Any]:
    """The template as it is written, short forms as `{name: value}`."""
    document: dict[str, Any] = yaml.load(template.read_text(), _Loader)  # noqa: S506
    return document


@cache
def table_definitions(template: Path = ROOT / "template.yaml") -> dict[str, dict[str, Any]]:
    """Arguments for CreateTable, without a name, by logical id (`LeadsTable`, ...)."""
    return {
        logical_id: create_arguments(resource["Properties"])
        for logical_id, resource in read_template(template)["Resources"].items()
        if resource.get("Type") == "AWS::DynamoDB::Table"
    }


def create_arguments(properties: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {name: properties[name] for name in CREATED_WITH if name in properties}
    if "StreamSpecification" in arguments:
        arguments["StreamSpecification"] = {"StreamEnabled": True, **arguments["StreamSpecification"]}
    return arguments


def create_tables(dynamodb: Any, prefix: str) -> TableNames:
    """Create all of the template's tables and wait until they stand."""
    definitions = table_definitions()
    for logical_id, arguments in definitions.items():
        dynamodb.create_table(TableName=f"{prefix}-{logical_id}", **arguments)
    for logical_id in definitions:
        waiter = dynamodb.get_waiter("table_exists")
        waiter.wait(TableName=f"{prefix}-{logical_id}", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return TableNames(f"{prefix}-LeadsTable", f"{prefix}-DeliveriesTable", f"{prefix}-CampaignsTable")


def delete_tables(dynamodb: Any, tables: TableNames) -> None:
    for name in (tables.leads, tables.deliveries, tables.campaigns):
        dynamodb.delete_table(TableName=name)
