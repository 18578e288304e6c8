"""A subscription to a stack's events for as long as somebody listens: a rule on its bus, and a queue of its own."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def subscribed(
    client: Callable[[str], Any], bus_name: str, name: str, detail: dict[str, Any]
) -> Iterator[Callable[[], dict[str, dict[str, Any]]]]:
    """Listen to events whose detail fits; a call reads those that came so far, by event id.

    `client` makes boto3 clients; `name` is the rule's and the queue's, which must not exist. Both are gone afterwards.
    """
    events, sqs = client("events"), client("sqs")
    pattern = json.dumps({"source": ["leadflip.campaigns"], "detail": detail})
    with ExitStack() as to_remove:
        rule = events.put_rule(Name=name, EventBusName=bus_name, EventPattern=pattern)["RuleArn"]
        to_remove.callback(events.delete_rule, Name=name, EventBusName=bus_name)
        _, partition, _, region, account, *_ = rule.split(":")
        arn = f"arn:{partition}:sqs:{region}:{account}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        # From its beginning: a policy that comes later may take a minute, and what is refused meanwhile is lost.
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        queue = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        to_remove.callback(sqs.delete_queue, QueueUrl=queue)
        events.put_targets(Rule=name, EventBusName=bus_name, Targets=[{"Id": "queue", "Arn": arn}])
        to_remove.callback(events.remove_targets, Rule=name, EventBusName=bus_name, Ids=["queue"])
        told: dict[str, dict[str, Any]] = {}

        def read() -> dict[str, dict[str, Any]]:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                event = json.loads(message["Body"])
                told[event["detail"]["event_id"]] = event
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return told

        yield read
