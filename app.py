"""Leadflip Campaigns: the table of contents. Routes first, then one thin function per event source."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice import Chalice, Response
from chalice.app import CaseInsensitiveMapping, DynamoDBEvent, Request, SQSEvent

from chalicelib.settings import served_routes

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from chalicelib.sqs import Failures

app = Chalice(app_name="leadflip")


@app.middleware("http")
def accept_anything(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Chalice answers 400 for a GIF to a request without `Accept: image/gif`; mail clients send anything."""
    request.headers = CaseInsensitiveMapping({**request.headers, "accept": "*/*"})
    return get_response(request)


if "track" in served_routes():
    from chalicelib.tracking.routes import routes as tracking_routes

    app.register_blueprint(tracking_routes)

if "api" in served_routes():
    from chalicelib.api.http.registry import register as register_api
    from chalicelib.web.routes import routes as web_routes

    register_api(app)
    app.register_blueprint(web_routes)


@app.lambda_function(name="track")
def track(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Handles the HTTP API's requests with the tracking routes above."""
    from chalicelib.tracking.routes import http_api

    return http_api(app).answer(event, context)


@app.on_sqs_message(queue_arn="placeholder", name="launch")
def launch(event: SQSEvent) -> "Failures":
    from chalicelib.sending.launch import launch_campaigns
    from chalicelib.wiring.workers import workers

    return launch_campaigns(event.to_dict(), workers().launch)


@app.on_sqs_message(queue_arn="placeholder", name="plan")
def plan(event: SQSEvent) -> "Failures":
    from chalicelib.sending.plan import plan_pages
    from chalicelib.wiring.workers import workers

    made = workers()
    return plan_pages(event.to_dict(), event.context, made.plan, made.recount, made.eraser)


@app.on_sqs_message(queue_arn="placeholder", name="send")
def send(event: SQSEvent) -> "Failures":
    from chalicelib.sending.send import send_deliveries
    from chalicelib.wiring.workers import workers

    return send_deliveries(event.to_dict(), event.context, workers().send)


@app.on_sqs_message(queue_arn="placeholder", name="replay_hits")
def replay_hits(event: SQSEvent) -> "Failures":
    from chalicelib.tracking.replay import replay_parked
    from chalicelib.wiring.recipients import recipients

    made = recipients()
    return replay_parked(event.to_dict(), made.keys, made.deliveries, made.leads, made.campaigns)


@app.on_sqs_message(queue_arn="placeholder", name="feedback")
def feedback(event: SQSEvent) -> "Failures":
    from chalicelib.sending.feedback import apply_feedback
    from chalicelib.wiring.workers import workers

    return apply_feedback(event.to_dict(), workers().feedback)


@app.on_dynamodb_record(stream_arn="placeholder", name="fold")
def fold(event: DynamoDBEvent) -> dict[str, Any]:
    from chalicelib.analytics.fold import fold_batch
    from chalicelib.wiring.workers import workers

    made = workers()
    lifecycle, shard = made.lifecycle, made.settings.unnamed_stream_shard
    return fold_batch(event.to_dict(), made.counters, lifecycle.advance, lifecycle.protect, made.burst_rule, shard)


@app.on_dynamodb_record(stream_arn="placeholder", name="candidates")
def candidates(event: DynamoDBEvent) -> None:
    from chalicelib.automation.publish import enqueue_candidates
    from chalicelib.settings import burst_rule
    from chalicelib.wiring.workers import candidates_queue

    enqueue_candidates(event.to_dict(), candidates_queue(), burst_rule())


@app.on_sqs_message(queue_arn="placeholder", name="publish")
def publish(event: SQSEvent) -> dict[str, Any]:
    from chalicelib.automation.publish import publish_candidates
    from chalicelib.wiring.workers import workers

    return publish_candidates(event.to_dict(), workers().publisher)


@app.on_sqs_message(queue_arn="placeholder", name="automate")
def automate(event: SQSEvent) -> "Failures":
    from chalicelib.automation.automate import automate_events
    from chalicelib.wiring.workers import workers

    return automate_events(event.to_dict(), workers().automation)
