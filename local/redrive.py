"""`make redrive QUEUE=...`: messages of a dead-letter queue go back to the queue that they came from.

On AWS `aws sqs start-message-move-task` does the same; the local engine has no such operation. A message is put on its
queue before it is taken off the dead letters: after a crash it is on both, which every consumer here bears.
"""

import argparse
from typing import Any

from local.client import clients_and_outputs
from local.command import run
from local.console import NotReady, say

SUFFIX = "DeadLetters"


def redrive(sqs: Any, dead_letters_url: str, queue_url: str) -> int:
    """Move all messages that are visible now; how many."""
    moved = 0
    # Without waiting SQS asks a part of its servers, and may say that nothing is there ("short polling").
    look = {"QueueUrl": dead_letters_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 2}
    while messages := sqs.receive_message(**look).get("Messages", []):
        for message in messages:
            sqs.send_message(QueueUrl=queue_url, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=dead_letters_url, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.redrive", description="Move dead letters back.")
    parser.add_argument("--queue", required=True, help="the dead-letter queue's name in the template")
    parser.add_argument("--stack", help="a CloudFormation stack on AWS; without it the running local stack")
    given = parser.parse_args()
    client, outputs = clients_and_outputs(given.stack)
    name = given.queue.removesuffix("Url").removesuffix(SUFFIX)
    known = sorted(
        each.removesuffix("Url")
        for each in outputs
        if each.endswith(f"{SUFFIX}Url") and f"{each.removesuffix(f'{SUFFIX}Url')}QueueUrl" in outputs
    )
    if f"{name}{SUFFIX}" not in known:
        raise NotReady(f"{given.queue} is no dead-letter queue whose messages go back. Name one of {', '.join(known)}.")
    moved = redrive(client("sqs"), outputs[f"{name}{SUFFIX}Url"], outputs[f"{name}QueueUrl"])
    say(f"{moved} messages moved from {name}{SUFFIX} to {name}Queue")


if __name__ == "__main__":
    run(main)
