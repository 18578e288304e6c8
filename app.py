"""Leadflip Campaigns: the table of contents. Doors first, then one thin function per event source."""

from collections.abc import Callable
from typing import Any

from chalice import Chalice, Response
from chalice.app import CaseInsensitiveMapping

from chalicelib.settings import doors

app = Chalice(app_name="leadflip")


@app.middleware("http")
def accept_anything(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Chalice answers 400 for a GIF to a request without `Accept: image/gif`; mail clients send all sorts."""
    request.headers = CaseInsensitiveMapping({**request.headers, "accept": "*/*"})
    return get_response(request)


if "track" in doors():
    from chalicelib.tracking.routes import routes as tracking_routes

    app.register_blueprint(tracking_routes)

if "api" in doors():
    from chalicelib.api.http.registry import register as register_api
    from chalicelib.web.routes import routes as web_routes

    register_api(app)
    app.register_blueprint(web_routes)


@app.lambda_function(name="track")
def track(event: dict[str, Any], context: Any) -> Any:
    """The HTTP API's requests, for the same routes as above."""
    from chalicelib.tracking.routes import answer

    return answer(event, context, app)


@app.on_sqs_message(queue_arn="placeholder", name="launch")
def launch(event: Any) -> Any:
    from chalicelib.sending.handlers import launch_campaigns

    return launch_campaigns(event.to_dict())


@app.on_sqs_message(queue_arn="placeholder", name="plan")
def plan(event: Any) -> Any:
    from chalicelib.sending.handlers import plan_pages

    return plan_pages(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn="placeholder", name="send")
def send(event: Any) -> Any:
    from chalicelib.sending.handlers import send_deliveries

    return send_deliveries(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn="placeholder", name="replay_hits")
def replay_hits(event: Any) -> Any:
    from chalicelib.tracking.replay import replay_parked

    return replay_parked(event.to_dict())


@app.on_sqs_message(queue_arn="placeholder", name="feedback")
def feedback(event: Any) -> Any:
    from chalicelib.sending.feedback_handler import apply_feedback

    return apply_feedback(event.to_dict())


@app.on_dynamodb_record(stream_arn="placeholder", name="fold")
def fold(event: Any) -> Any:
    from chalicelib.analytics.fold import fold_batch
    from chalicelib.campaigns.lifecycle import deployed_lifecycle

    lifecycle = deployed_lifecycle()
    return fold_batch(event.to_dict(), lifecycle.advance, lifecycle.protect)


@app.on_dynamodb_record(stream_arn="placeholder", name="candidates")
def candidates(event: Any) -> Any:
    from chalicelib.automation.candidates import enqueue_candidates

    return enqueue_candidates(event.to_dict())


@app.on_sqs_message(queue_arn="placeholder", name="publish")
def publish(event: Any) -> Any:
    from chalicelib.automation.publish import publish_candidates

    return publish_candidates(event.to_dict())


@app.on_sqs_message(queue_arn="placeholder", name="automate")
def automate(event: Any) -> Any:
    from chalicelib.automation.automate import automate_events

    return automate_events(event.to_dict())
