"""The JSON API: the list of messages, one message's bytes, and an empty mailbox."""

from dataclasses import asdict

from local.inbox.http_server import Request, Response
from local.inbox.mailbox import Mailbox
from local.inbox.routing import Router


class Programs:
    """`/messages`, `/messages/{id}.eml`, `/messages/{id}.json` and `/health`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/messages", self.list_messages)
        router.add("DELETE", "/messages", self.delete_messages)
        router.add("GET", r"/messages/([^/]+)\.eml", self.get_content)
        router.add("GET", r"/messages/([^/]+)\.json", self.get_envelope)
        router.add("GET", "/health", self.get_health)

    async def list_messages(self, request: Request) -> Response:
        """Oldest first. `?to=` one recipient's alone, `?after=` an id: only those that came later."""
        messages = self._mailbox.listed(to=request.query.get("to"))
        after = request.query.get("after", "")
        return Response.of_json([message.summary() for message in messages if message.message_id > after])

    async def delete_messages(self, _request: Request) -> Response:
        self._mailbox.empty()
        return Response(204)

    async def get_content(self, _request: Request, message_id: str) -> Response:
        message = self._mailbox.find(message_id)
        if message is None:
            return _no_such_message()
        return Response(200, self._mailbox.content_of(message), "message/rfc822")

    async def get_envelope(self, _request: Request, message_id: str) -> Response:
        """The summary and what travelled beside the bytes: envelope, configuration set, tags."""
        message = self._mailbox.find(message_id)
        if message is None:
            return _no_such_message()
        envelope = {"envelope": asdict(message.envelope), "size": message.size}
        return Response.of_json({**message.summary(), **envelope})

    async def get_health(self, _request: Request) -> Response:
        return Response.of_json({"status": "ok", "messages": len(self._mailbox)})


def _no_such_message() -> Response:
    return Response.of_json({"message": "There is no such message."}, 404)
