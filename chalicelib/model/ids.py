"""Ids: 12 bytes in hex behind a prefix that a person can tell apart, so that two of them fit into a delivery id."""

import hashlib
import re
import secrets
import time
from typing import NewType

LeadId = NewType("LeadId", str)
CampaignId = NewType("CampaignId", str)
RuleId = NewType("RuleId", str)

ID_BYTES = 12
_TRACE = "anon_"
_LEAD = re.compile(r"lead_[0-9a-f]{24}")
_CAMPAIGN = re.compile(r"cmp_[0-9a-f]{24}")
TEST_CAMPAIGN = CampaignId("cmp_" + "0" * 24)
"""Named by the delivery ids of test sends. No campaign has it: ids begin with the time of their creation."""


def new_lead_id() -> LeadId:
    """A random id, so that leads spread evenly over partitions and shards."""
    return LeadId("lead_" + secrets.token_hex(ID_BYTES))


def new_trace_id() -> LeadId:
    """A random id in the form of a lead's that belongs to no lead: for hits that are counted but not attributed.

    It is stored nowhere together with the lead whose mail carries it.
    """
    return LeadId(_TRACE + secrets.token_hex(ID_BYTES))


def _time_ordered() -> str:
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def is_trace_id(lead_id: LeadId) -> bool:
    return lead_id.startswith(_TRACE)


def new_campaign_id() -> CampaignId:
    """A time-ordered id (48 bits of milliseconds, 48 random bits): campaigns list in the order they were created."""
    return CampaignId(f"cmp_{_time_ordered()}")


def new_rule_id() -> RuleId:
    """A time-ordered id like a campaign's: rules list in the order they were created."""
    return RuleId(f"rule_{_time_ordered()}")


def is_lead_id(text: str) -> bool:
    return _LEAD.fullmatch(text) is not None


def is_campaign_id(text: str) -> bool:
    return _CAMPAIGN.fullmatch(text) is not None


def id_bytes(any_id: LeadId | CampaignId) -> bytes:
    return bytes.fromhex(any_id.partition("_")[2])


def lead_id_from(raw: bytes) -> LeadId:
    return LeadId("lead_" + raw.hex())


def trace_id_from(raw: bytes) -> LeadId:
    return LeadId(_TRACE + raw.hex())


def campaign_id_from(raw: bytes) -> CampaignId:
    return CampaignId("cmp_" + raw.hex())


def shard_of(lead_id: LeadId, shards: int) -> int:
    """The lead's shard out of `shards` (at most 256): the same in every process and release."""
    return hashlib.blake2b(id_bytes(lead_id), digest_size=1).digest()[0] % shards
