"""Announces to the topics what became of each message, and lets a test announce anything by hand."""

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from local.inbox.control import answering_invalid
from local.inbox.events import Event, EventWriter
from local.inbox.http_server import Request, Response
from local.inbox.mailbox import KeptMessage, Mailbox, MessageId
from local.inbox.outcomes import outcomes_of
from local.inbox.publisher import Publisher
from local.inbox.routing import Router


class EventKind(StrEnum):
    SEND = "Send"
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    REJECT = "Reject"
    DELIVERY_DELAY = "DeliveryDelay"


class EventOrder(BaseModel):
    """`POST /events`: publish one event about a kept message, `times` times."""

    model_config = ConfigDict(extra="forbid")

    message_id: str
    kind: EventKind
    bounce_type: str = "Permanent"
    bounce_sub_type: str = "General"
    times: int = Field(default=1, ge=1, le=100)


class Announcements:
    """Without a publisher it stays silent, and so it does about messages without a configuration set, as SES."""

    def __init__(self, mailbox: Mailbox, publisher: Publisher | None) -> None:
        self._mailbox = mailbox
        self._publisher = publisher

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/events", answering_invalid(self.post_event))
        router.add("GET", "/events", self.get_events)

    def announce(self, message: KeptMessage, content: bytes) -> None:
        """Queue what follows from accepting a message."""
        if self._publisher is None or not message.envelope.configuration_set:
            return
        writer = _writer(message, content, self._publisher)
        self._publisher.publish(outcomes_of(message, content, writer, datetime.now(UTC)))

    def announce_again(self, since: MessageId) -> None:
        """Queue what follows from this message and all later ones."""
        for message in self._mailbox.listed():
            if message.message_id >= since:
                self.announce(message, self._mailbox.content_of(message))

    async def get_events(self, _request: Request) -> Response:
        """How many events the topic has not taken yet."""
        return Response.of_json({"unpublished": self._publisher.unpublished if self._publisher else 0})

    async def post_event(self, request: Request) -> Response:
        order = EventOrder.model_validate_json(request.body)
        message = self._mailbox.find(order.message_id)
        if message is None:
            return Response.of_json({"message": "There is no such message."}, 404)
        if self._publisher is None:
            return Response.of_json({"message": "Start the inbox with --events-topic to publish events."}, 409)
        writer = _writer(message, self._mailbox.content_of(message), self._publisher)
        self._publisher.publish([_ordered(order, message, writer)] * order.times)
        return Response(202)


def _writer(message: KeptMessage, content: bytes, publisher: Publisher) -> EventWriter:
    return EventWriter(message, content, region=publisher.region, account_id=publisher.account_id)


def _ordered(order: EventOrder, message: KeptMessage, writer: EventWriter) -> Event:
    recipients = list(message.envelope.recipients)
    now = datetime.now(UTC)
    match order.kind:
        case EventKind.SEND:
            return writer.send()
        case EventKind.DELIVERY:
            return writer.delivery(recipients, now)
        case EventKind.BOUNCE:
            return writer.bounce(recipients, now, order.bounce_type, order.bounce_sub_type)
        case EventKind.COMPLAINT:
            return writer.complaint(recipients, now)
        case EventKind.REJECT:
            return writer.reject()
        case EventKind.DELIVERY_DELAY:
            return writer.delivery_delay(recipients, now)
