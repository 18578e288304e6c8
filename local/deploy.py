"""Bring a package into CloudFormation: on AWS and locally, the same way.

`python -m local.deploy --stack NAME --bucket NAME [--parameter Key=Value ...]` deploys to the AWS account of your
credentials; `make run` uses the same functions for the local stack.
"""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from local import concurrency
from local.cloudformation import (
    POLL_SECONDS,
    Client,
    find_stack,
    message_of,
    outputs_of,
    parameters_of,
    require_quiet,
    settled,
    tags_of,
    wait_while_in_progress,
)
from local.command import run
from local.console import NotReady, say, step
from local.package import DEFAULT_ARCHITECTURE, Package, on_lambda, package
from local.take_over import current_versions, require_same_keys, take_over

FINGERPRINT_TAG = "package"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
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
"""Of the names that CloudFormation makes: `<stack>-<logical id>-<at most this many characters>`."""


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


if __name__ == "__main__":
    run(main)
