"""Stacks as CloudFormation tells of them: found, waited for, read."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.console import NotReady

POLL_SECONDS = 3.0
"""AWS throttles those who ask more often, and takes minutes anyway."""

Client = Callable[[str], Any]


def find_stack(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def require_quiet(stack: Mapping[str, Any]) -> None:
    """Raise NotReady, with what to do, while CloudFormation is at work on the stack."""
    name, status = stack["StackName"], stack["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        raise NotReady(f"The stack {name} is being changed ({status}). Wait until that is over, then run this again.")


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
