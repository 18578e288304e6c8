"""From method and path to a handler; the parts of the inbox add their routes here."""

import re
from collections.abc import Awaitable, Callable

from local.inbox.http_server import Request, Response
from local.loopback import refusal

RouteHandler = Callable[..., Awaitable[Response]]


class Router:
    """Tries its routes in the order in which they were added; HEAD is answered as GET."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], RouteHandler]] = []

    def add(self, method: str, pattern: str, handler: RouteHandler) -> None:
        """Route `pattern`, a regular expression for the whole path; its groups follow the request as arguments."""
        self._routes.append((method, re.compile(pattern), handler))

    async def answer(self, request: Request) -> Response:
        """The handler's answer; 403 to other machines' pages, 404 for an unknown path, 405 for a wrong method."""
        if why := refusal(request.headers):
            return Response(403, f"{why}\n".encode())
        wanted = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            if method == wanted:
                return await handler(request, *match.groups())
            allowed.append(method)
        if allowed:
            return Response(405, b"That method does nothing here.\n", headers={"Allow": ", ".join(allowed)})
        return Response(404, b"There is nothing here.\n")
