"""Make a new stack of the tables and the key ring that an old one has left.

The data of a stack outlives it (docs/decisions/0059); `make deploy KEPT=...` gives it to another one.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from local.cloudformation import Client, settled
from local.console import NotReady

KEPT_TYPES = {"AWS::DynamoDB::Table": "TableName", "AWS::SecretsManager::Secret": "Id"}
"""What outlives its stack, and by what CloudFormation knows it when it is imported into another."""


def take_over(
    client: Client, stack: str, template: Mapping[str, Any], kept: Mapping[str, str], poll_seconds: float
) -> dict[str, Any]:
    """Make a stack of nothing but tables and key ring that exist already, by their names in the template.

    CloudFormation imports nothing beside other changes; what else the template has comes with the update that follows.
    Raises NotReady when not all of them are named.
    """
    cloudformation = client("cloudformation")
    resources = {name: each for name, each in template["Resources"].items() if each["Type"] in KEPT_TYPES}
    if set(kept) != set(resources):
        raise NotReady(f"Name all that is to be taken over, and nothing else: {'=... '.join(sorted(resources))}=...")
    identified = [
        {
            "ResourceType": each["Type"],
            "LogicalResourceId": name,
            "ResourceIdentifier": {KEPT_TYPES[each["Type"]]: kept[name]},
        }
        for name, each in resources.items()
    ]
    change = {"StackName": stack, "ChangeSetName": "take-over"}
    cloudformation.create_change_set(
        **change,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": resources}),
        ResourcesToImport=identified,
    )
    while (made := cloudformation.describe_change_set(**change))["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
        time.sleep(poll_seconds)
    if made["ExecutionStatus"] != "AVAILABLE":
        raise NotReady(f"The tables and key ring cannot be taken over: {made.get('StatusReason')}")
    for name, each in resources.items():
        if each["Type"] == "AWS::DynamoDB::Table":
            set_up_table(client("dynamodb"), kept[name], each["Properties"])
    cloudformation.execute_change_set(**change)
    return settled(cloudformation, stack, poll_seconds)


def set_up_table(dynamodb: Any, table: str, wanted: Mapping[str, Any]) -> None:
    """Give a table the settings of the template that a restored one lacks, since an import changes nothing of it.

    A restore to a point in time brings data and indexes, but no stream, time to live, or recovery, and no protection
    (DynamoDB API reference, RestoreTableToPointInTime).
    """
    found = dynamodb.describe_table(TableName=table)["Table"]
    if "StreamSpecification" in wanted and not found.get("StreamSpecification", {}).get("StreamEnabled"):
        update_table(dynamodb, table, StreamSpecification={"StreamEnabled": True, **wanted["StreamSpecification"]})
    if wanted.get("DeletionProtectionEnabled") and not found.get("DeletionProtectionEnabled"):
        update_table(dynamodb, table, DeletionProtectionEnabled=True)
    if "PointInTimeRecoverySpecification" in wanted:
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification=wanted["PointInTimeRecoverySpecification"]
        )
    if "TimeToLiveSpecification" in wanted:
        status = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
        if status == "DISABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted["TimeToLiveSpecification"])


def update_table(dynamodb: Any, table: str, **change: Any) -> None:
    """Change one setting of a table, and wait until it may be changed again."""
    dynamodb.update_table(TableName=table, **change)
    dynamodb.get_waiter("table_exists").wait(TableName=table)


def current_versions(secrets: Any, template: Mapping[str, Any], kept: Mapping[str, str]) -> dict[str, str]:
    """The version that is current of each secret that is taken over, by the secret's ARN."""
    return {
        secret: version
        for name, secret in kept.items()
        if template["Resources"].get(name, {}).get("Type") == "AWS::SecretsManager::Secret"
        for version, stages in secrets.describe_secret(SecretId=secret)["VersionIdsToStages"].items()
        if "AWSCURRENT" in stages
    }


def require_same_keys(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raise NotReady, with the way back, when a secret has another value than before it was taken over."""
    for secret, version in before.items():
        if after[secret] != version:
            raise NotReady(
                "The stack stands, but its key ring got new keys, and links in old mails fail. Put the old keys back: "
                f"aws secretsmanager update-secret-version-stage --secret-id {secret} --version-stage AWSCURRENT "
                f"--move-to-version-id {version} --remove-from-version-id {after[secret]}"
            )
