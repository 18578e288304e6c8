"""A client of the JSON API and reader of the inbox, for tests on a running stack."""

import json
import time
from typing import Any

from chalicelib.model.ids import CampaignId
from chalicelib.store.counters import Counters
from local.client import Api
from local.recipients import Mail, request
from local.stack import LocalStack
from tests.recounting import Recounter


class Marketer:
    """Somebody with a token."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack

    def __call__(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        api = Api(self.stack.api_url, self.stack.token)
        return api(method, path, body.encode() if isinstance(body, str) else body, content_type)

    def recount(self, path: str) -> Any:
        """Have the campaign at `path` recounted, and wait for the end: as a rule a quarter of a minute."""
        self("POST", f"{path}/recount")
        deadline = time.monotonic() + 120
        while (job := self("GET", f"{path}/recount"))["state"] == "running":
            assert time.monotonic() < deadline, job
            time.sleep(0.5)
        return job

    def under_way(self, queue: str) -> int:
        """How many messages wait, or are with a function; `queue`: the name of the stack's output."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url, client = self.stack.outputs[queue], self.stack.engine.client("sqs")
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(number) for number in found["Attributes"].values())

    def has_settled(self, path: str) -> bool:
        """Whether nothing of the campaign is being sent, and its numbers are those that its deliveries add up to."""
        client, tables, campaign_id = (
            self.stack.engine.client("dynamodb"),
            self.stack.outputs,
            CampaignId(path.rsplit("/", 1)[1]),
        )
        sums = Recounter(client, tables["DeliveriesTable"], tables["CampaignsTable"]).sums(campaign_id)
        is_counted = dict(Counters(client, tables["CampaignsTable"]).find(campaign_id).sums) == sums
        return is_counted and not self("GET", f"{path}/deliveries?status=sending")["items"]

    def mails(self, to: str) -> list[Mail]:
        status, _, body = request("GET", f"{self.stack.inbox_url}/messages?to={to}")
        assert status == 200
        ids = [message["id"] for message in json.loads(body)]
        return [Mail.read(request("GET", f"{self.stack.inbox_url}/messages/{each}.eml")[2]) for each in ids]
