"""What to ask the audience index for leads, and positions in its lists."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from chalicelib.model.errors import InvalidPosition
from chalicelib.model.lead import LeadFilter, folded
from chalicelib.store import keys
from chalicelib.store.client import Item
from chalicelib.store.statements import Condition, Query, all_of, contains, equals, exists, missing

_MAY_BE_MAILED = (missing("unsubscribed_at"), missing("suppressed"))


def partitions_of(wanted: LeadFilter) -> list[str | None]:
    """The partitions of the audience index to read; None: all of it."""
    if wanted.entity is None or wanted.stage is None:
        return [None]
    return [keys.audience(wanted.entity, wanted.stage, shard) for shard in range(keys.AUDIENCE_SHARDS)]


def queries_of(wanted: LeadFilter, *, only: str | None = None) -> list[Query]:
    """One for each of the partitions."""
    return [in_partition(each, condition_of(wanted), only=only) for each in partitions_of(wanted)]


def condition_of(wanted: LeadFilter) -> Condition:
    conditions = [exists("created_at")]
    named = (("entity", wanted.entity), ("stage", wanted.stage))
    conditions += [equals(name, value) for name, value in named if value is not None]
    if wanted.tag is not None:
        conditions.append(contains("tags", wanted.tag))
    if needle := folded(wanted.q or ""):
        # A lead that was last written by an earlier version has it in lower case, but with accents.
        conditions.append(contains("search_text", needle) | contains("search_text", str(wanted.q).lower()))
    if wanted.status in ("subscribed", "unsubscribed"):
        conditions += _MAY_BE_MAILED if wanted.status == "subscribed" else [exists("unsubscribed_at")]
    elif wanted.status is not None:
        conditions.append(equals(("suppressed", "reason"), wanted.status))
    return all_of(*conditions)


def position_text(number: int, after: Item | None) -> str:
    """The number of a partition, and the index's key behind which to go on; names hold no line break."""
    return f"{number}:" + (f"{after['audience']['S']}\n{after['lead_id']['S']}" if after else "")


def position_from(cursor: str | None, partitions: Sequence[str | None]) -> tuple[int, Item | None]:
    if cursor is None:
        return 0, None
    number, _, after = cursor.partition(":")
    audience, _, lead_id = after.partition("\n")
    is_number = number.isascii() and number.isdigit() and int(number) < len(partitions)
    if not is_number or bool(audience) != bool(lead_id) or (after and partitions[int(number)] not in (None, audience)):
        raise InvalidPosition("This list has no such page.")
    return int(number), keys.in_audience(audience, lead_id) if after else None


def in_audience(tags: Sequence[str]) -> Condition:
    has_all_tags = [contains("tags", tag) for tag in dict.fromkeys(tags)]
    return all_of(*_MAY_BE_MAILED, *has_all_tags)


def queries_of_audience(entity: str, stages: Iterable[str], tags: Sequence[str]) -> Iterator[Query]:
    """A query for each shard of each stage."""
    for stage, shard in product(dict.fromkeys(stages), range(keys.AUDIENCE_SHARDS)):
        yield in_partition(keys.audience(entity, stage, shard), in_audience(tags))


def in_partition(partition: str | None, where: Condition, *, only: str | None = None) -> Query:
    """Of the audience index; None: all partitions."""
    key = None if partition is None else equals("audience", partition)
    return Query(index=keys.AUDIENCE_INDEX, key=key, where=where, only=only)
