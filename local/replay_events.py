"""`make replay-events CAMPAIGN=...`: all that has happened to a campaign's deliveries, published once more.

For what `candidates` gave up (StreamDeadLetters). Events that were published before come again with their ids, so that
consumers know them; a rule does not act a second time.
"""

import argparse
from collections.abc import Iterator
from typing import Any

from chalicelib.automation.publish import (
    ENTRIES_PER_CALL,
    Candidate,
    CandidatesMessage,
    Finish,
    candidates_between,
)
from chalicelib.model.delivery import BurstRule
from chalicelib.model.ids import CampaignId
from chalicelib.model.times import time_text
from chalicelib.sqs import Queue, groups
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from local.client import clients_and_outputs
from local.command import run
from local.console import NotReady, say


def happened(dynamodb: Any, outputs: dict[str, str], campaign_id: CampaignId) -> Iterator[Candidate | Finish]:
    """A campaign's milestones from its deliveries. Raises NotReady when there is no such campaign."""
    campaign = Campaigns(dynamodb, outputs["CampaignsTable"]).find(campaign_id)
    if campaign is None:
        raise NotReady(f"There is no campaign {campaign_id}.")
    for delivery in Deliveries(dynamodb, outputs["DeliveriesTable"], BurstRule()).iter_campaign(campaign_id):
        yield from candidates_between(None, delivery)
    if campaign.completed_at is not None:
        yield Finish(campaign_id, time_text(campaign.completed_at))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.replay_events", description="Publish events once more.")
    parser.add_argument("--campaign", required=True, help="the campaign's id")
    parser.add_argument("--stack", help="a CloudFormation stack on AWS; without it the running local stack")
    given = parser.parse_args()
    client, outputs = clients_and_outputs(given.stack)
    wanted = list(happened(client("dynamodb"), outputs, CampaignId(given.campaign)))
    messages = (CandidatesMessage(tuple(group)) for group in groups(wanted, ENTRIES_PER_CALL))
    Queue(client("sqs"), outputs["CandidatesQueueUrl"]).put(messages)
    say(f"{len(wanted)} events are published within seconds; those that were published before keep their ids")


if __name__ == "__main__":
    run(main)
