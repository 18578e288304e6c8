"""Bring a package into CloudFormation: on AWS and locally, the same way.

`python -m local.deploy --stack NAME --bucket NAME [--parameter Key=Value ...]` deploys to the AWS account of your
credentials; `make run` uses the same functions for the local stack.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from local import concurrency
from local.console import NotReady, say, step
from local.package import DEFAULT_ARCHITECTURE, Package, on_lambda, package

FINGERPRINT_TAG = "package"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
POLL_SECONDS = 3.0
"""AWS throttles those who ask more often, and takes minutes anyway."""
STANDING = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
NEVER_STOOD = (
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "CREATE_FAILED",
    "REVIEW_IN_PROGRESS",
    "IMPORT_ROLLBACK_COMPLETE",
)
LONGEST_FUNCTION_NAME = 64
LONGEST_SUFFIX = 13
"""Of the names that CloudFormation makes: `<stack>-<logical id>-<at most so many characters>`."""
KEPT_TYPES = {"AWS::DynamoDB::Table": "TableName", "AWS::SecretsManager::Secret": "Id"}
"""What outlives its stack, and by what CloudFormation knows it when it is imported into another."""

Client = Callable[[str], Any]


def deploy(
    client: Client,
    built: Package,
    stack: str,
    bucket: str,
    parameters: Mapping[str, str],
    kept: Mapping[str, str] | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> dict[str, str]:
    """Create or update the stack unless it already is this package with these parameters; its outputs.

    `kept` names the tables and key ring that a new stack takes over, by their names in the template. Raises NotReady
    with CloudFormation's reasons when the stack does not get there.
    """
    cloudformation = client("cloudformation")
    template = yaml.safe_load(built.template.read_text())
    require_short_name(stack, template)
    existing = find_stack(cloudformation, stack)
    if existing and existing["StackStatus"] in NEVER_STOOD:
        # A stack that began with a whole package has its tag, one that began with an import has none yet.
        if not kept and FINGERPRINT_TAG not in tags_of(existing):
            raise NotReady(
                f"The stack {stack} was to take over tables and a key ring, and has not ({existing['StackStatus']}). "
                "Run this again with the same KEPT, or, to begin with empty tables and new keys, delete the stack "
                f"first: aws cloudformation delete-stack --stack-name {stack}"
            )
        cloudformation.delete_stack(StackName=stack)
        wait_while_in_progress(cloudformation, stack, poll_seconds)
        existing = None
    if existing:
        require_changeable(existing)
        if kept:
            raise NotReady(f"The stack {stack} stands already, with its tables: deploy it without KEPT.")
    if existing and is_deployed(existing, built.fingerprint, parameters):
        return outputs_of(existing)
    url = upload(client("s3"), built, bucket)
    key_versions: dict[str, str] = {}
    if kept:
        key_versions = current_versions(client("secretsmanager"), template, kept)
        existing = take_over(client, stack, template, kept, poll_seconds)
    request = {
        "StackName": stack,
        "TemplateURL": url,
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())]
        + kept_parameters(existing, template, parameters),
        "Tags": [{"Key": FINGERPRINT_TAG, "Value": built.fingerprint}],
    }
    if existing:
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            # After a failed update CloudFormation has gone back to the package from before it by itself.
            if "No updates are to be performed" not in str(error):
                raise
            return outputs_of(existing)
    else:
        cloudformation.create_stack(**request)
    outputs = outputs_of(settled(cloudformation, stack, poll_seconds))
    if kept:
        require_same_keys(key_versions, current_versions(client("secretsmanager"), template, kept))
    return outputs


def require_short_name(stack: str, template: Mapping[str, Any]) -> None:
    """Raise NotReady for a name with which function names would be cut, and their logs forbidden by their policies."""
    functions = [name for name, each in template["Resources"].items() if each["Type"] == "AWS::Serverless::Function"]
    longest = LONGEST_FUNCTION_NAME - LONGEST_SUFFIX - 2 - max(map(len, functions))
    if len(stack) > longest:
        raise NotReady(f"The stack's name {stack} has {len(stack)} characters; {longest} is the most. Name it shorter.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", stack):
        raise NotReady(f"The stack's name {stack} may hold letters, digits and hyphens only, a letter first.")


def require_quiet(stack: Mapping[str, Any]) -> None:
    """Raise NotReady, with what to do, while CloudFormation is at work on the stack."""
    name, status = stack["StackName"], stack["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        raise NotReady(f"The stack {name} is being changed ({status}). Wait until that is over, then run this again.")


def require_changeable(stack: Mapping[str, Any]) -> None:
    """Raise NotReady, with what to do, while CloudFormation would refuse to update the stack."""
    require_quiet(stack)
    name, status = stack["StackName"], stack["StackStatus"]
    if status == "UPDATE_ROLLBACK_FAILED":
        command = f"aws cloudformation continue-update-rollback --stack-name {name}"
        raise NotReady(f"The stack {name} is stuck half way back ({status}). Free it, then run this again: {command}")
    if status not in STANDING:
        raise NotReady(f"The stack {name} is {status}: look at its events in CloudFormation's console.")


def upload(s3: Any, built: Package, bucket: str) -> str:
    """Put the zip, and the template that names it, into the bucket; the template's address.

    The template goes as JSON, since CloudFormation's YAML has no aliases, and Chalice's has. Raises NotReady where the
    bucket will not do.
    """
    require_usable(s3, bucket)
    code_key, template_key = f"{built.fingerprint}/deployment.zip", f"{built.fingerprint}/template.json"
    template = json.dumps(with_code_at(built.template, f"s3://{bucket}/{code_key}"), separators=(",", ":"))
    try:
        s3.put_object(Bucket=bucket, Key=code_key, Body=built.code.read_bytes())
        s3.put_object(Bucket=bucket, Key=template_key, Body=template.encode())
    except ClientError as error:
        raise NotReady(f"The package cannot be put into the bucket {bucket}: {message_of(error)}") from error
    return f"{s3.meta.endpoint_url}/{bucket}/{template_key}"


def require_usable(s3: Any, bucket: str) -> None:
    """Raise NotReady unless the bucket is there, open to us, and in our region: Lambda takes code from no other."""
    region = s3.meta.region_name
    try:
        answer = s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            raise NotReady(
                f"There is no bucket {bucket}. Make it: aws s3 mb s3://{bucket} --region {region}"
            ) from error
        if status == 403:
            raise NotReady(f"Your credentials may not use the bucket {bucket}, or it is somebody else's.") from error
        raise
    home = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", region)
    if home != region:
        raise NotReady(f"The bucket {bucket} is in {home}, and you deploy to {region}. Name a bucket in {region}.")


def with_code_at(template: Path, address: str) -> dict[str, Any]:
    """The packaged template with its functions' code at another address, as `aws cloudformation package` would."""
    document: dict[str, Any] = yaml.safe_load(template.read_text())
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = address
    return document


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


def find_stack(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def is_deployed(stack: Mapping[str, Any], fingerprint: str, parameters: Mapping[str, str]) -> bool:
    """Whether the stack stands, made from this very package with these parameters."""
    known = parameters_of(stack)
    stands = stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return stands and tags_of(stack).get(FINGERPRINT_TAG) == fingerprint and known == {**known, **parameters}


def kept_parameters(
    stack: Mapping[str, Any] | None, template: Mapping[str, Any], given: Mapping[str, str]
) -> list[dict[str, str | bool]]:
    """What an update must say for parameters to stay as they were: CloudFormation falls back to the defaults."""
    names = set(parameters_of(stack)) & set(template.get("Parameters", {})) - set(given)
    return [{"ParameterKey": key, "UsePreviousValue": True} for key in sorted(names)]


def wait_while_in_progress(cloudformation: Any, stack: str, poll_seconds: float) -> dict[str, Any] | None:
    while (found := find_stack(cloudformation, stack)) and found["StackStatus"].endswith("_IN_PROGRESS"):
        time.sleep(poll_seconds)
    return found


def settled(cloudformation: Any, stack: str, poll_seconds: float) -> dict[str, Any]:
    """The stack once nothing is in progress any more. Raises NotReady when that is not what was asked for."""
    found = wait_while_in_progress(cloudformation, stack, poll_seconds)
    if found and found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        return found
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [
        f"    {event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    status = found["StackStatus"] if found else "gone"
    raise NotReady(f"The stack {stack} is {status}:\n" + "\n".join(reasons))


def parameters_of(stack: Mapping[str, Any] | None) -> dict[str, str]:
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in (stack or {}).get("Parameters", [])}


def tags_of(stack: Mapping[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in stack.get("Tags", [])}


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def message_of(error: ClientError) -> str:
    return f"{error.response['Error'].get('Message')} ({error.response['Error'].get('Code')})"


def advice_on(error: BotoCoreError | ClientError) -> str:
    """One line that says what is wrong with the way to AWS, and what to do."""
    if isinstance(error, NoRegionError):
        return "No AWS region is set. Name yours: export AWS_DEFAULT_REGION=eu-central-1"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "No AWS credentials were found. Sign in with `aws configure` or `aws sso login`, or set AWS_PROFILE."
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached: {error}. Check the network, and the spelling of the region."
    if not isinstance(error, ClientError):
        return str(error)
    code = error.response["Error"].get("Code", "")
    if code.startswith("ExpiredToken") or code == "RequestExpired":
        return "Your AWS credentials have expired. Sign in again, for example with `aws sso login`."
    if code in ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return f"AWS does not know your credentials ({code}). Sign in again, or check AWS_PROFILE."
    return f"AWS refused {error.operation_name}: {message_of(error)}"


def pairs(texts: list[str]) -> dict[str, str]:
    """`Key=Value` texts as a dictionary. Raises NotReady for one without an equals sign."""
    wrong = [each for each in texts if "=" not in each]
    if wrong:
        raise NotReady(f"{wrong[0]} is not Key=Value.")
    return dict(each.split("=", 1) for each in texts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.deploy", description="Deploy to AWS.")
    parser.add_argument("--stack", required=True, help="name of the CloudFormation stack")
    parser.add_argument("--bucket", required=True, help="an S3 bucket of yours, in the same region, for the package")
    parser.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE", help="a template parameter")
    parser.add_argument(
        "--kept", action="append", default=[], metavar="NAME=ID", help="a table or key ring that a new stack takes over"
    )
    options = parser.parse_args()
    given, kept = pairs(options.parameter), pairs(options.kept)
    existing = find_stack(boto3.client("cloudformation"), options.stack)
    parameters = parameters_of(existing) | given
    with step("Packaging"):
        # A parameter that is not given stays as it is, and the zip's libraries must be for the processor it names.
        architecture = parameters.get("Architecture", DEFAULT_ARCHITECTURE)
        built = package(Path("build/packages"), on_lambda(architecture))
    template = yaml.safe_load(built.template.read_text())
    for line in concurrency.advice(boto3.client, template, parameters_of(existing), parameters):
        say(f"  {line}")
    with step(f"Deploying the stack {options.stack}"):
        outputs = deploy(boto3.client, built, options.stack, options.bucket, given, kept)
    for name, value in sorted(outputs.items()):
        say(f"  {name:28} {value}")


def run(main: Callable[[], None]) -> None:
    """Run a command; what goes wrong on the way to AWS is one line on stderr and exit code 1."""
    try:
        main()
    except NotReady as problem:
        sys.exit(f"\n{problem}")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"\n{advice_on(error)}")


if __name__ == "__main__":
    run(main)
