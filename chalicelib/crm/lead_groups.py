"""Which entities, stages, tags and custom fields the leads have, for forms to offer; from a sample of the leads."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.model.lead import Lead
from chalicelib.store.leads import Leads

LOOKED_AT = 2_000
"""There is no list of stages and tags; this many leads, in the table's order, which is as good as random, show all but
rare ones for a megabyte read."""
_SAMPLES, _SAMPLE_LENGTH = 2, 40


@dataclass(frozen=True, slots=True)
class NameInUse:
    """A stage or a tag."""

    name: str
    leads: int
    """How many of those looked at have it."""


@dataclass(frozen=True, slots=True)
class FieldInUse:
    """A custom field."""

    name: str
    leads: int
    samples: list[str]
    """One or two of its values."""


@dataclass(frozen=True, slots=True)
class Group:
    """One entity among the leads looked at; names with the number of their leads, the most frequent first."""

    entity: str
    leads: int
    stages: list[NameInUse]
    tags: list[NameInUse]
    fields: list[FieldInUse]


@dataclass(frozen=True, slots=True)
class Groups:
    groups: list[Group]
    looked_at: int
    is_whole: bool
    """False when there are more leads than were looked at: there may be further names."""


def list_groups(leads: Leads) -> Groups:
    """Look at some two thousand leads, the most frequent entity first."""
    sample, is_whole = leads.sample(LOOKED_AT)
    by_entity = defaultdict[str, list[Lead]](list)
    for lead in sample:
        by_entity[lead.entity].append(lead)
    groups = [_group(entity, members) for entity, members in by_entity.items()]
    return Groups(sorted(groups, key=lambda group: -group.leads), len(sample), is_whole)


def stages_in_use(leads: Leads, entity: str) -> list[str]:
    """The stages of an entity's leads, all but rare ones, the most frequent first."""
    return [stage.name for group in list_groups(leads).groups if group.entity == entity for stage in group.stages]


def _group(entity: str, members: Sequence[Lead]) -> Group:
    values = defaultdict[str, list[str]](list)
    for lead in members:
        for name, value in lead.fields.items():
            values[name].append(str(value)[:_SAMPLE_LENGTH])
    fields = [FieldInUse(name, len(texts), list(dict.fromkeys(texts))[:_SAMPLES]) for name, texts in values.items()]
    return Group(
        entity,
        len(members),
        _in_use(lead.stage for lead in members),
        _in_use(tag for lead in members for tag in lead.tags),
        sorted(fields, key=lambda field: (-field.leads, field.name)),
    )


def _in_use(names: Iterable[str]) -> list[NameInUse]:
    return [NameInUse(name, leads) for name, leads in Counter(names).most_common()]
