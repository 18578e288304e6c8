"""GET /v1/health: does the door answer? Asks no table, so that watching it costs nothing."""

from pydantic import BaseModel

from chalicelib.api.http.answers import Answer, ok
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.lead_models import Moment

health = Resource("health")


class HealthAnswer(BaseModel):
    status: str
    at: Moment


@health.operation("GET", "/v1/health", summary="Is it well?", answers={200: HealthAnswer}, public=True)
def get_health(call: Call) -> Answer:
    return ok(HealthAnswer(status="ok", at=call.context.now()))
