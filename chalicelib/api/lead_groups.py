"""GET /v1/lead-groups: what an audience can be chosen from."""

from typing import Annotated

from pydantic import BaseModel, Field

from chalicelib.api.http.answers import Answer, ok
from chalicelib.api.http.resources import Call, Resource
from chalicelib.crm.groups import list_groups

lead_groups = Resource("leads")


class NamedCount(BaseModel):
    name: str
    leads: Annotated[int, Field(description="How many of the leads looked at bear this name.")]


class GroupAnswer(BaseModel):
    entity: str
    leads: int
    stages: list[NamedCount]
    tags: list[NamedCount]


class GroupsAnswer(BaseModel):
    items: list[GroupAnswer]
    cursor: None = None
    looked_at: Annotated[int, Field(description="How many leads were looked at.")]
    is_whole: Annotated[bool, Field(description="False: there are more leads, and perhaps further names.")]


@lead_groups.operation(
    "GET", "/v1/lead-groups", summary="List the entities, stages and tags in use", answers={200: GroupsAnswer}
)
def list_lead_groups(call: Call) -> Answer:
    """The most frequent first, from a look at some two thousand leads."""
    looked = list_groups(call.context.leads)
    items = [
        GroupAnswer(entity=each.entity, leads=each.leads, stages=_named(each.stages), tags=_named(each.tags))
        for each in looked.groups
    ]
    return ok(GroupsAnswer(items=items, looked_at=looked.looked_at, is_whole=looked.is_whole))


def _named(counts: tuple[tuple[str, int], ...]) -> list[NamedCount]:
    return [NamedCount(name=name, leads=count) for name, count in counts]
