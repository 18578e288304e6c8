"""Bring a package into CloudFormation: on AWS and locally, the same way.

`python -m local.deploy --stack NAME --bucket NAME [--parameter Key=Value ...]` deploys to the AWS account of your
credentials; `make run` uses the same functions for the local stack.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from local.console import NotReady, say, step
from local.package import Package, package

FINGERPRINT_TAG = "package"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
POLL_SECONDS = 0.2


def deploy(
    client: Callable[[str], Any], built: Package, stack: str, bucket: str, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Create or update the stack unless it already is this package with these parameters; its outputs.

    Raises NotReady with CloudFormation's reasons when the stack does not get there.
    """
    cloudformation = client("cloudformation")
    existing = find_stack(cloudformation, stack)
    if existing and existing["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        cloudformation.delete_stack(StackName=stack)
        wait_while_in_progress(cloudformation, stack)
        existing = None
    if existing and is_deployed(existing, built.fingerprint, parameters):
        return outputs_of(existing)
    request = {
        "StackName": stack,
        "TemplateURL": upload(client("s3"), built, bucket),
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())]
        + kept_parameters(existing, built, parameters),
        "Tags": [{"Key": FINGERPRINT_TAG, "Value": built.fingerprint}],
    }
    if existing:
        cloudformation.update_stack(**request)
    else:
        cloudformation.create_stack(**request)
    return outputs_of(settled(cloudformation, stack))


def upload(s3: Any, built: Package, bucket: str) -> str:
    """Put the zip, and the template that names it, into the bucket; the template's address."""
    code_key = f"{built.fingerprint}/deployment.zip"
    s3.upload_file(str(built.code), bucket, code_key)
    template_key = f"{built.fingerprint}/template.yaml"
    template = yaml.safe_dump(with_code_at(built.template, f"s3://{bucket}/{code_key}"), sort_keys=False)
    s3.put_object(Bucket=bucket, Key=template_key, Body=template.encode())
    return f"{s3.meta.endpoint_url}/{bucket}/{template_key}"


def with_code_at(template: Path, address: str) -> dict[str, Any]:
    """The packaged template with its functions' code at another address, as `aws cloudformation package` would."""
    document: dict[str, Any] = yaml.safe_load(template.read_text())
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = address
    return document


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
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    known = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    stands = stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return stands and tags.get(FINGERPRINT_TAG) == fingerprint and known == {**known, **parameters}


def kept_parameters(
    stack: Mapping[str, Any] | None, built: Package, given: Mapping[str, str]
) -> list[dict[str, str | bool]]:
    """What an update must say for parameters to stay as they were: CloudFormation falls back to the defaults."""
    known = {each["ParameterKey"] for each in (stack or {}).get("Parameters", [])}
    declared = yaml.safe_load(built.template.read_text()).get("Parameters", {})
    return [{"ParameterKey": key, "UsePreviousValue": True} for key in sorted(known & set(declared) - set(given))]


def wait_while_in_progress(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    while (found := find_stack(cloudformation, stack)) and found["StackStatus"].endswith("_IN_PROGRESS"):
        time.sleep(POLL_SECONDS)
    return found


def settled(cloudformation: Any, stack: str) -> dict[str, Any]:
    """The stack once nothing is in progress any more. Raises NotReady when that is not what was asked for."""
    found = wait_while_in_progress(cloudformation, stack)
    if found and found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return found
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [
        f"    {event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    status = found["StackStatus"] if found else "gone"
    raise NotReady(f"The stack {stack} is {status}:\n" + "\n".join(reasons))


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.deploy", description="Deploy to AWS.")
    parser.add_argument("--stack", required=True, help="name of the CloudFormation stack")
    parser.add_argument("--bucket", required=True, help="an S3 bucket of yours, in the same region, for the package")
    parser.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE", help="a template parameter")
    options = parser.parse_args()
    parameters = dict(each.split("=", 1) for each in options.parameter)
    with step("Packaging"):
        built = package(Path("build/packages"))
    with step(f"Deploying the stack {options.stack}"):
        outputs = deploy(boto3.client, built, options.stack, options.bucket, parameters)
    for name, value in sorted(outputs.items()):
        say(f"  {name:20} {value}")


if __name__ == "__main__":
    try:
        main()
    except (NotReady, ClientError) as problem:
        sys.exit(f"\n{problem}")
