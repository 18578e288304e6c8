"""Campaigns that were paused by themselves: each at most once for each kind of trouble."""

from typing import Any

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.store import keys
from chalicelib.store.client import to_item, transact


class Breakers:
    """Lives on the campaigns' rows. May raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def trip(self, campaign_id: CampaignId, kind: str, reason: str) -> bool:
        """Pause a campaign that is going; False when it is not, or was paused for this kind of trouble before.

        Who resumes it has decided: the same trouble does not pause it again. `reason` is told to the marketer.
        """
        is_going = "#status IN (:planning, :sending)"
        not_before = "(attribute_not_exists(tripped) OR NOT contains(tripped, :kind))"
        values = {
            ":planning": CampaignStatus.PLANNING.value,
            ":sending": CampaignStatus.SENDING.value,
            ":paused": CampaignStatus.PAUSED.value,
            ":kind": kind,
            ":kinds": {kind},
            ":reason": reason,
        }
        update = {
            "TableName": self._table,
            "Key": keys.campaign(campaign_id),
            "UpdateExpression": "SET #status = :paused, status_reason = :reason REMOVE waiting ADD tripped :kinds",
            "ConditionExpression": f"{is_going} AND {not_before}",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item(values),
        }
        return transact(self._client, [{"Update": update}])
