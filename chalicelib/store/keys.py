"""Every key of every table, in one place.

Table `leads`        PK lead_id                      GSI audience: audience = entity#stage#shard, lead_id
                                                       (or SUPPRESSED, of suppressions)
                                                     GSI address: address (of identities by e-mail address)
Table `deliveries`   PK bucket = campaign_id#shard   SK lead_id    GSI by_lead: lead_id, claimed_at
Table `campaigns`    PK pk, SK sk                    GSI listing: kind, created_at         TTL expires_at
"""

from chalicelib.model.addresses import address_key
from chalicelib.model.ids import CampaignId, LeadId, RuleId, shard_of
from chalicelib.store.client import Item

AUDIENCE_SHARDS = 16
"""Units of planning work per (entity, stage)."""
DELIVERY_SHARDS = 64
"""Partitions of one campaign: 64,000 writes a second before any of them is hot."""

AUDIENCE_INDEX = "audience"
ADDRESS_INDEX = "address"
BY_LEAD_INDEX = "by_lead"
LISTING_INDEX = "listing"

RULES = "rules"
"""Partition of all rules."""
ACT = "act#"
RESUBSCRIPTION = "resubscribed#"

SUPPRESSION = "suppression#"
SUPPRESSED = "suppressed"
"""Partition of all suppressions in the audience index; an audience's holds two `#`."""


def lead(lead_id: LeadId) -> Item:
    return {"lead_id": {"S": lead_id}}


def audience(entity: str, stage: str, shard: int) -> str:
    """Partition of the audience index. Entity and stage hold no `#` (crm refuses it)."""
    return f"{entity}#{stage}#{shard}"


def in_audience(audience: str, lead_id: str) -> Item:
    """Key of a row of the audience index, which is also the table's."""
    return {"audience": {"S": audience}, "lead_id": {"S": lead_id}}


def identity(entity: str, kind: str, value: str) -> Item:
    """Who owns an address, an external id or a line's content within an entity."""
    return {"lead_id": {"S": f"identity#{entity}#{kind}#{value}"}}


def suppression(written: str) -> Item:
    """What keeps an address from being mailed; `written` may be the hash of an erased person's."""
    return {"lead_id": {"S": SUPPRESSION + address_key(written)}}


def suppressed_address(row: Item) -> str:
    return str(row["lead_id"]["S"]).removeprefix(SUPPRESSION)


def bucket(campaign_id: CampaignId, shard: int) -> str:
    return f"{campaign_id}#{shard}"


def campaign_of_bucket(bucket: str) -> CampaignId:
    return CampaignId(bucket.partition("#")[0])


def delivery(campaign_id: CampaignId, lead_id: LeadId) -> Item:
    return {"bucket": {"S": bucket(campaign_id, shard_of(lead_id, DELIVERY_SHARDS))}, "lead_id": {"S": lead_id}}


def of_row(row: Item) -> Item:
    """Of a row of the campaigns table."""
    return {"pk": row["pk"], "sk": row["sk"]}


def _row(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def campaign(campaign_id: CampaignId) -> Item:
    return _row(campaign_id, "campaign")


def campaign_blob(campaign_id: CampaignId, name: str, chunk: int) -> Item:
    """A piece of something larger than an item may be (400 KB): the author's content, the compiled content."""
    return _row(campaign_id, f"blob#{name}#{chunk}")


def plan_unit(campaign_id: CampaignId, unit: str) -> Item:
    return _row(campaign_id, f"plan#{unit}")


def plan_page(campaign_id: CampaignId, unit: str, page: int) -> Item:
    return _row(campaign_id, f"page#{unit}#{page}")


def plan_progress(campaign_id: CampaignId) -> Item:
    return _row(campaign_id, "progress")


def retry(campaign_id: CampaignId) -> Item:
    return _row(campaign_id, "retry")


def retry_shard(campaign_id: CampaignId, shard: int) -> Item:
    return _row(campaign_id, f"retry#{shard}")


def counters(campaign_id: CampaignId, row: str) -> Item:
    return _row(campaign_id, row)


def recount(campaign_id: CampaignId) -> Item:
    """The last recount."""
    return _row(campaign_id, "recount")


def recount_part(campaign_id: CampaignId, number: int, part: str) -> Item:
    """What a recount has summed, or what the fold added meanwhile."""
    return _row(campaign_id, f"recount#{number}#{part}")


def applied_runs(shard: str) -> Item:
    """Which runs of a stream's shard are in the sums. Rows are named as earlier releases named them."""
    return _row(f"watermark#{shard}", "watermark")


def token(token_hash: str) -> Item:
    return _row(f"token#{token_hash}", "token")


def session(secret_hash: str) -> Item:
    return _row(f"session#{secret_hash}", "session")


def sign_in_link(code_hash: str) -> Item:
    return _row(f"sign-in#{code_hash}", "sign-in")


def idempotency(scope: str, key: str) -> Item:
    return _row(f"idempotency#{scope}#{key}", "idempotency")


def rule(rule_id: RuleId) -> Item:
    return _row(RULES, rule_id)


def act(lead_id: LeadId, rule_id: RuleId, campaign_id: CampaignId) -> Item:
    """What a rule did about one delivery; all acts on a lead share a partition."""
    return _row(acts_of(lead_id), f"{ACT}{rule_id}#{campaign_id}")


def resubscription(lead_id: LeadId, at: str) -> Item:
    """Who resubscribed the lead at a time (`time_text`); in the partition of the acts on it."""
    return _row(acts_of(lead_id), f"{RESUBSCRIPTION}{at}")


def erasure(lead_id: LeadId) -> Item:
    """That the lead was erased; in the partition of the acts on it."""
    return _row(acts_of(lead_id), "erased")


def acts_of(lead_id: LeadId) -> str:
    return f"lead#{lead_id}"


def workspace() -> Item:
    """Its partition key is named in the policy of `track`, which may read this row and no other of its table."""
    return _row("workspace", "workspace")


def sending_account() -> Item:
    """What the account may send, and how much of it was taken."""
    return _row("rate", "account")


def rate_positions(rate: float, row: int) -> Item:
    """The positions of about one second, for one rate; each in a partition of its own."""
    return _row(f"rate#{rate:g}#{row}", "positions")
