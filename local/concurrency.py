"""What fits into an account: how many functions it may run at once, and how fast it may send."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.console import NotReady

MAILS_PER_SECOND = 13
"""Of one execution of `send`, by docs/COST.md: 74 ms a mail."""
LEFT_AT_LEAST = 10
"""What AWS insists on leaving without a reserve in an account with the smallest limit; 100 in others, by its API
reference ("PutFunctionConcurrency")."""
LEFT_IN_OTHER_ACCOUNTS = 100
SOURCE_TYPE = "AWS::Lambda::EventSourceMapping"
RESERVES = ("TrackConcurrency", "ApiConcurrency")
MORE = (
    "aws service-quotas request-service-quota-increase"
    " --service-code lambda --quota-code L-B99A9384 --desired-value 1000"
)


def advice(
    client: Callable[[str], Any], template: Mapping[str, Any], before: Mapping[str, str], after: Mapping[str, str]
) -> list[str]:
    """What fits into the account, in lines; `before` and `after` are the stack's parameters.

    Raises NotReady when AWS would refuse the reserves that are asked for.
    """
    defaults = {name: str(each.get("Default", "")) for name, each in template["Parameters"].items()}
    wanted = {**defaults, **after}
    lines = []
    try:
        lines += _of_executions(client("lambda").get_account_settings()["AccountLimit"], template, before, wanted)
        if not wanted["SmtpSecret"]:
            rate = client("sesv2").get_account()["SendQuota"]["MaxSendRate"]
            lines += _of_sending(rate, int(wanted["SendConcurrency"]))
    except ClientError as error:
        lines.append(f"What fits into this account cannot be said: {error}")
    return lines


def _of_executions(
    limit: Mapping[str, int], template: Mapping[str, Any], before: Mapping[str, str], wanted: Mapping[str, str]
) -> list[str]:
    at_once, reserved = limit["ConcurrentExecutions"], _reserved(wanted)
    free = limit["UnreservedConcurrentExecutions"] + _reserved(before)
    if reserved and free - reserved < LEFT_AT_LEAST:
        raise NotReady(
            f"TrackConcurrency and ApiConcurrency would reserve {reserved} of {free} executions, and AWS refuses to "
            f"leave fewer than {LEFT_AT_LEAST}. Deploy without them, or ask AWS for more, which is free: {MORE}"
        )
    busy = sum(_most(source, wanted) for source in _queue_sources(template))
    lines = [f"This account may run {at_once} functions at once; the queues' functions take up to {busy} of them."]
    if at_once < busy + reserved + LEFT_AT_LEAST:
        lines.append(f"When all are busy, recipients may meet errors. Ask AWS for more, which is free: {MORE}")
    elif reserved and free - reserved < LEFT_IN_OTHER_ACCOUNTS:
        lines.append(f"AWS may refuse these reserves: in most accounts it wants {LEFT_IN_OTHER_ACCOUNTS} left without.")
    elif not reserved and free > LEFT_IN_OTHER_ACCOUNTS:
        lines.append(f"{' and '.join(RESERVES)} may reserve up to {free - LEFT_IN_OTHER_ACCOUNTS} of them together.")
    return lines


def _of_sending(rate: float, senders: int) -> list[str]:
    needed = max(2, math.ceil(rate / MAILS_PER_SECOND))
    if needed <= senders:
        return []
    return [
        f"SES lets this account send {rate:g} mails a second; SendConcurrency={senders} sends about "
        f"{senders * MAILS_PER_SECOND}. SendConcurrency={needed} would use it all."
    ]


def _reserved(parameters: Mapping[str, str]) -> int:
    return sum(int(parameters.get(name) or 0) for name in RESERVES)


def _queue_sources(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What feeds functions from queues: their own events, and those that are resources of their own."""
    own = [each["Properties"] for each in template["Resources"].values() if each["Type"] == SOURCE_TYPE]
    functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    events = [event for each in functions for event in each["Properties"].get("Events", {}).values()]
    own += [event["Properties"] for event in events if event["Type"] == "SQS"]
    return [each for each in own if "ScalingConfig" in each]


def _most(source: Mapping[str, Any], parameters: Mapping[str, str]) -> int:
    most = source["ScalingConfig"]["MaximumConcurrency"]
    return int(parameters[most["Ref"]] if isinstance(most, dict) else most)
