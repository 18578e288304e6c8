"""A lead as rows: the lead itself, the identities it owns, and the writes that keep both together.

An identity is a row of its own (keys.identity) whose `owner` is the lead's id. It is written, moved and removed in the
same transaction as the lead, so two leads of one entity can never own the same address or external id.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from chalicelib.model.ids import LeadId, shard_of
from chalicelib.model.lead import FieldValue, Identity, Lead
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, noun_of, to_item
from chalicelib.store.statements import Delete, Put, Statement, Update, equals, missing

_DESCRIBED = (
    *("entity", "stage", "updated_at", "version", "external_id", "email", "first_name", "last_name", "content"),
    *("search_text", "tags", "tracking_opt_out"),
)
"""Attributes that are kept as the lead has them."""
UNSUBSCRIPTION = ("unsubscribed_at", "unsubscribe_source", "unsubscribe_campaign", "unsubscribe_by")


def encode(lead: Lead) -> Item:
    """The row of a lead, unsubscription and suppression included."""
    values = _described(lead) | unsubscription_values(lead.unsubscription)
    values |= {"created_at": lead.created_at, "suppressed": mark_values(lead.suppressed)}
    return keys.lead(lead.lead_id) | to_item(values)


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
        fields=decode_fields(item),
        content=_text(item, "content"),
        tracking_opt_out="tracking_opt_out" in item,
        unsubscription=_unsubscription(item),
        suppressed=decode_mark(item["suppressed"]) if "suppressed" in item else None,
        version=int(item["version"]["N"]),
    )


def decode_fields(item: Mapping[str, Any]) -> dict[str, FieldValue]:
    fields: dict[str, FieldValue] = json.loads(item["fields"]["S"]) if "fields" in item else {}
    return fields


def create(table: str, lead: Lead) -> list[Statement]:
    """The lead and its identities, none of which may exist."""
    put = Put(table, encode(lead)).require(missing("lead_id"))
    return [put, *(_take(table, identity, lead.lead_id) for identity in sorted(lead.identities))]


def update(table: str, before: Lead, after: Lead) -> list[Statement]:
    """The changed lead, over the version it was decided on; identities taken and released."""
    taken, released = after.identities - before.identities, before.identities - after.identities
    return [
        update_of(table, before, after),
        *(_take(table, identity, after.lead_id) for identity in sorted(taken)),
        *(_release(table, identity, after.lead_id) for identity in sorted(released)),
    ]


def update_of(table: str, before: Lead, after: Lead) -> Update:
    """The write of the lead's own row.

    Unsubscription is a fact of its own, and no change of a lead may undo one made meanwhile; suppression is its
    address's. Only with another address, or in another entity, the lead takes over what is known of that.
    """
    values = _described(replace(after, version=before.version + 1))
    update = Update(table, keys.lead(after.lead_id))
    if after.owned_address != before.owned_address:
        values["suppressed"] = mark_values(after.suppressed)
        if not before.unsubscribed:
            update.set(unsubscription_values(after.unsubscription))
    update.set(values).remove(*(name for name, value in values.items() if value is None))
    return update.require(equals("version", before.version))


def delete(table: str, lead: Lead) -> list[Statement]:
    """The lead, unless it changed meanwhile, and its identities."""
    same_version = equals("version", lead.version)
    gone = Delete(table, keys.lead(lead.lead_id)).require(same_version)
    return [gone, *(_release(table, identity, lead.lead_id) for identity in sorted(lead.identities))]


def _described(lead: Lead) -> dict[str, Any]:
    """What a lead is described by; None for what it has not."""
    return {name: getattr(lead, name) or None for name in _DESCRIBED} | {
        "audience": keys.audience(lead.entity, lead.stage, shard_of(lead.lead_id, keys.AUDIENCE_SHARDS)),
        "fields": json.dumps(dict(lead.fields), ensure_ascii=False, separators=(",", ":")) if lead.fields else None,
    }


def unsubscription_values(mark: Mark | None) -> dict[str, Any]:
    """A lead's own mark as attributes of its row; None for what it has not."""
    said = (mark.at, mark.source, mark.campaign_id, mark.by) if mark else (None, None, None, None)
    return dict(zip(UNSUBSCRIPTION, said, strict=True))


def _unsubscription(item: Mapping[str, Any]) -> Mark | None:
    at, source, campaign_id, by = (_text(item, name) for name in UNSUBSCRIPTION)
    return None if at is None else Mark(SuppressionReason.UNSUBSCRIBED, time_from(at), source or "api", campaign_id, by)


def _take(table: str, identity: Identity, owner: LeadId) -> Statement:
    address = identity.value if identity.kind == "email" else None
    row = keys.identity(*identity) | to_item({"owner": owner, "address": address})
    is_free = missing("lead_id")
    return Put(table, row).require(is_free)


def _release(table: str, identity: Identity, owner: LeadId) -> Statement:
    return Delete(table, keys.identity(*identity)).require(equals("owner", owner))


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return None if value is None else value["S"]


def mark_values(mark: Mark | None) -> dict[str, Any] | None:
    return None if mark is None else asdict(mark)


def decode_mark(value: Mapping[str, Any]) -> Mark:
    return noun_of(Mark, from_item(value["M"]))
