"""Delivery ids in answers, and who may see them.

Whoever knows a delivery's id can unsubscribe its lead, and be counted as its opens and clicks. So a token that may only
read sees no id: neither as `delivery_id` nor in a text that holds one, such as a subject with {{ unsubscribe_url }} or
the words of a mail server that quotes the Message-ID.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from chalicelib.api.http.authentication import caller
from chalicelib.api.http.resources import Call
from chalicelib.model.access import Scope
from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import Delivery
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.tracking.delivery_ids import make_delivery_id, without_delivery_id

T = TypeVar("T")


def naming(call: Call, campaign: Campaign) -> Callable[[Delivery], str | None]:
    """The ids of a campaign's deliveries; None for who may not see them, and when the campaign's key was withdrawn."""
    number = campaign.key_number
    key = None if number is None or not _may_see_ids(call) else call.context.keys.key(number)

    def name(delivery: Delivery) -> str | None:
        if key is None or number is None:
            return None
        return make_delivery_id(key, number, campaign.campaign_id, delivery.lead_id)

    return name


def visible(call: Call, shown: T, campaign_id: CampaignId, lead_id: LeadId) -> T:
    """What the caller may see of a delivery, or of what was made of one: a dataclass, with or without the id in it."""
    if _may_see_ids(call):
        return shown

    def hidden(value: Any) -> Any:
        if type(value) is str:  # and no enum's member
            return without_delivery_id(value, campaign_id, lead_id)
        if isinstance(value, Mapping):
            return {name: hidden(each) for name, each in value.items()}
        if isinstance(value, tuple):
            return tuple(map(hidden, value))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: hidden(getattr(value, each.name)) for each in fields(value)})
        return value

    found: T = hidden(shown)
    return found


def _may_see_ids(call: Call) -> bool:
    return caller(call.request).scope is Scope.FULL
