"""A lead as rows: the lead itself, the identities it owns, and the writes that keep both together.

An identity is a row of its own (keys.identity) whose `owner` is the lead's id. It is written, moved and removed in the
same transaction as the lead, so two leads of one entity can never own the same address or external id.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Identity, Lead
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.model.times import time_from, time_text
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, to_item

Action = dict[str, Any]
"""One action of a DynamoDB transaction."""


def encode(lead: Lead) -> Item:
    """The row of a lead, unsubscription and suppression included."""
    item: Item = {"lead_id": {"S": lead.lead_id}, "created_at": {"S": time_text(lead.created_at)}, **_described(lead)}
    item |= _unsubscription(lead)
    if lead.suppressed is not None:
        item["suppressed"] = encode_mark(lead.suppressed)
    return item


def _unsubscription(lead: Lead) -> Item:
    texts = {
        "unsubscribed_at": time_text(lead.unsubscribed_at) if lead.unsubscribed_at else None,
        "unsubscribe_source": lead.unsubscribe_source,
        "unsubscribe_campaign": lead.unsubscribe_campaign,
    }
    return {name: {"S": text} for name, text in texts.items() if text is not None}


def decode(item: Mapping[str, Any]) -> Lead:
    """The lead of a row. By hand, because the sender decodes hundreds a second."""
    return Lead(
        lead_id=LeadId(item["lead_id"]["S"]),
        entity=item["entity"]["S"],
        stage=item["stage"]["S"],
        created_at=time_from(item["created_at"]["S"]),
        updated_at=time_from(item["updated_at"]["S"]),
        external_id=_text(item, "external_id"),
        email=_text(item, "email"),
        first_name=_text(item, "first_name"),
        last_name=_text(item, "last_name"),
        tags=tuple(tag["S"] for tag in item["tags"]["L"]) if "tags" in item else (),
        fields=json.loads(item["fields"]["S"]) if "fields" in item else {},
        content=_text(item, "content"),
        tracking_opt_out="tracking_opt_out" in item,
        unsubscribed_at=time_from(_text(item, "unsubscribed_at")),
        unsubscribe_source=_text(item, "unsubscribe_source"),
        unsubscribe_campaign=_text(item, "unsubscribe_campaign"),
        suppressed=decode_mark(item["suppressed"]) if "suppressed" in item else None,
        version=int(item["version"]["N"]),
    )


def create_actions(table: str, lead: Lead) -> list[Action]:
    """The lead and its identities, none of which may exist."""
    lead_is_new = "attribute_not_exists(lead_id)"
    put: Action = {"Put": {"TableName": table, "Item": encode(lead), "ConditionExpression": lead_is_new}}
    return [put, *(_take(table, identity, lead.lead_id) for identity in sorted(lead.identities))]


def update_actions(table: str, before: Lead, after: Lead) -> list[Action]:
    """The changed lead, over the version it was decided on; identities taken and released.

    Unsubscription is a fact of its own, and no change of a lead may undo one made meanwhile; suppression is its
    address's. Only with another address, or in another entity, the lead takes over what is known of that.
    """
    taken, released = after.identities - before.identities, before.identities - after.identities
    return [
        {"Update": {"TableName": table, **update_of(before, after)}},
        *(_take(table, identity, after.lead_id) for identity in sorted(taken)),
        *(_release(table, identity, after.lead_id) for identity in sorted(released)),
    ]


def update_of(before: Lead, after: Lead) -> dict[str, Any]:
    """The arguments of the one UpdateItem that writes what the lead is described by."""
    described = _described(replace(after, version=before.version + 1))
    sometimes: tuple[str, ...] = _SOMETIMES
    if after.owned_address != before.owned_address:
        sometimes = (*_SOMETIMES, "suppressed")
        if after.suppressed is not None:
            described["suppressed"] = encode_mark(after.suppressed)
        if not before.unsubscribed:
            described |= _unsubscription(after)
    values: dict[str, Any] = {f":{name}": value for name, value in described.items()}
    values[":decided_on"] = {"N": str(before.version)}
    expression, names = _update_expression(frozenset(described), sometimes)
    return {
        "Key": keys.lead(after.lead_id),
        "UpdateExpression": expression,
        "ConditionExpression": "version = :decided_on",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def delete_actions(table: str, lead: Lead) -> list[Action]:
    """The lead, unless it changed meanwhile, and its identities."""
    delete: Action = {
        "Delete": {
            "TableName": table,
            "Key": keys.lead(lead.lead_id),
            "ConditionExpression": "version = :decided_on",
            "ExpressionAttributeValues": {":decided_on": {"N": str(lead.version)}},
        }
    }
    return [delete, *(_release(table, identity, lead.lead_id) for identity in sorted(lead.identities))]


_SOMETIMES = (
    *("external_id", "email", "first_name", "last_name", "tags", "fields", "content", "search_text"),
    "tracking_opt_out",
)


def _described(lead: Lead) -> Item:
    item: Item = {
        "entity": {"S": lead.entity},
        "stage": {"S": lead.stage},
        "audience": {"S": keys.audience_of(lead.entity, lead.stage, lead.lead_id)},
        "updated_at": {"S": time_text(lead.updated_at)},
        "version": {"N": str(lead.version)},
    }
    said = (lead.first_name, lead.last_name, lead.email, lead.external_id)
    texts = {
        "external_id": lead.external_id,
        "email": lead.email,
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "content": lead.content,
        "search_text": " ".join(word for word in said if word).lower(),
        "fields": json.dumps(dict(lead.fields), ensure_ascii=False, separators=(",", ":")) if lead.fields else None,
    }
    item.update({name: {"S": text} for name, text in texts.items() if text})
    if lead.tags:
        item["tags"] = {"L": [{"S": tag} for tag in lead.tags]}
    if lead.tracking_opt_out:
        item["tracking_opt_out"] = {"BOOL": True}
    return item


@cache
def _update_expression(present: frozenset[str], sometimes: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    absent = [name for name in sometimes if name not in present]
    changes = "SET " + ", ".join(f"#{name} = :{name}" for name in sorted(present))
    if absent:
        changes += " REMOVE " + ", ".join(f"#{name}" for name in absent)
    return changes, {f"#{name}": name for name in (*present, *absent)}


def _take(table: str, identity: Identity, owner: LeadId) -> Action:
    identity_is_free = "attribute_not_exists(lead_id)"
    row = {**keys.identity(*identity), "owner": {"S": owner}}
    if identity.kind == "email":
        row["address"] = {"S": identity.value}
    return {"Put": {"TableName": table, "Item": row, "ConditionExpression": identity_is_free}}


def _release(table: str, identity: Identity, owner: LeadId) -> Action:
    return {
        "Delete": {
            "TableName": table,
            "Key": keys.identity(*identity),
            "ConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": {"S": owner}},
        }
    }


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return None if value is None else value["S"]


def encode_mark(mark: Mark) -> dict[str, Any]:
    said = {"reason": mark.reason.value, "at": mark.at, "source": mark.source, "campaign_id": mark.campaign_id}
    return {"M": to_item(said)}


def decode_mark(value: Mapping[str, Any]) -> Mark:
    values = from_item(value["M"])
    reason, at = SuppressionReason(values["reason"]), time_from(values["at"])
    return Mark(reason, at, values["source"], values.get("campaign_id"))
