"""Which entities, stages and tags there are, to choose from."""

from collections import Counter
from dataclasses import dataclass

from chalicelib.store.leads import Leads

LOOKED_AT = 2_000
"""There is no list of stages and tags; this many leads, in the table's order, which is as good as random, show all but
rare ones for a megabyte read."""
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Group:
    """One entity among the leads looked at; names with the number of their leads, the most frequent first."""

    entity: str
    leads: int
    stages: tuple[tuple[str, int], ...]
    tags: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Groups:
    groups: tuple[Group, ...]
    looked_at: int
    is_whole: bool
    """False when there are more leads than were looked at: there may be further names."""


def list_groups(leads: Leads) -> Groups:
    """Look at some two thousand leads, the most frequent entity first."""
    entities: Counter[str] = Counter()
    stages: dict[str, Counter[str]] = {}
    tags: dict[str, Counter[str]] = {}
    looked_at, cursor = 0, None
    while True:
        page, cursor = leads.list_page(limit=_PAGE, cursor=cursor)
        looked_at += len(page)
        for lead in page:
            entities[lead.entity] += 1
            stages.setdefault(lead.entity, Counter())[lead.stage] += 1
            tags.setdefault(lead.entity, Counter()).update(lead.tags)
        if cursor is None or looked_at >= LOOKED_AT:
            break
    found = tuple(
        Group(entity, count, tuple(stages[entity].most_common()), tuple(tags[entity].most_common()))
        for entity, count in entities.most_common()
    )
    return Groups(found, looked_at, cursor is None)
