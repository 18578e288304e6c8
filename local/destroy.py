"""`make destroy`: delete a stack on AWS. Its tables and signing keys stay, unless they are to go as well.

They are kept because links in mails live as long as their key, and because `make deploy KEPT=...` can give them to
another stack (docs/OPERATIONS.md).
"""

import argparse
from collections.abc import Mapping
from typing import Any

import boto3

from local.cloudformation import POLL_SECONDS, Client, find_stack, require_quiet, wait_while_in_progress
from local.command import run
from local.console import NotReady, say, step
from local.take_over import KEPT_TYPES, update_table

RECOVERY_DAYS = 7


def destroy(client: Client, stack: str, with_data: bool = False, poll_seconds: float = POLL_SECONDS) -> dict[str, str]:
    """Delete the stack, and its tables and key ring too if asked to; what those are called, by name in the template.

    A deleted key ring can be restored for a week, tables cannot. Raises NotReady when there is no such stack, or
    CloudFormation's reasons when it stays.
    """
    cloudformation = client("cloudformation")
    found = find_stack(cloudformation, stack)
    if found is None:
        raise NotReady(f"There is no stack {stack} in this account and region.")
    require_quiet(found)
    kept = kept_by(cloudformation, stack)
    cloudformation.delete_stack(StackName=stack)
    remains = wait_while_in_progress(cloudformation, stack, poll_seconds)
    if remains:
        raise NotReady(f"The stack {stack} is {remains['StackStatus']}: {remains.get('StackStatusReason')}")
    if with_data:
        for name, (kind, physical) in kept.items():
            with step(f"Deleting {name}"):
                delete(client, kind, physical)
    return {name: physical for name, (_, physical) in kept.items()}


def kept_by(cloudformation: Any, stack: str) -> Mapping[str, tuple[str, str]]:
    """Type and physical name of the stack's resources that outlive it, by their names in the template."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] in KEPT_TYPES and each.get("PhysicalResourceId")
    }


def delete(client: Client, kind: str, physical: str) -> None:
    if kind == "AWS::DynamoDB::Table":
        dynamodb = client("dynamodb")
        update_table(dynamodb, physical, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=physical)
    else:
        client("secretsmanager").delete_secret(SecretId=physical, RecoveryWindowInDays=RECOVERY_DAYS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.destroy", description="Delete a stack on AWS.")
    parser.add_argument("--stack", required=True, help="name of the CloudFormation stack")
    parser.add_argument(
        "--data", choices=["keep", "delete"], default="keep", help="what becomes of its tables and signing keys"
    )
    options = parser.parse_args()
    with step(f"Deleting the stack {options.stack}"):
        kept = destroy(boto3.client, options.stack, with_data=options.data == "delete")
    if options.data == "keep":
        say("Kept, and paid for until they are deleted:")
        for name, physical in sorted(kept.items()):
            say(f"  {name:16} {physical}")
        pairs = " ".join(f"{name}={physical}" for name, physical in sorted(kept.items()))
        say(f"Give them to a new stack: make deploy BUCKET=... STAGE=... KEPT='{pairs}'")


if __name__ == "__main__":
    run(main)
