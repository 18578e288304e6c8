"""Pages of lists: `limit` and an opaque `cursor` that belongs to one list with its filters."""

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable
from typing import ClassVar, Generic, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from chalicelib.api.http.answers import AnswerModel
from chalicelib.api.http.requests import RequestModel
from chalicelib.model.errors import InvalidPosition

T = TypeVar("T", bound=BaseModel)
_CHECK_BYTES = 6


class PageQuery(RequestModel):
    """Base of every list's parameters."""

    NO_FILTERS: ClassVar[Collection[str]] = ("limit", "cursor")
    """Parameters that may differ from page to page."""

    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of items.")
    cursor: str | None = Field(default=None, max_length=2_000, description="The `cursor` of the previous page.")

    def position(self) -> str | None:
        """The store's own start of this page. Raises InvalidPosition for a cursor of another list, or a mangled one."""
        if self.cursor is None:
            return None
        try:
            raw = base64.b64decode(self.cursor + "=" * (-len(self.cursor) % 4), altchars=b"-_", validate=True)
            position = raw[_CHECK_BYTES:].decode()
        except (binascii.Error, ValueError):
            raise InvalidPosition("The cursor is mangled.") from None
        if raw[:_CHECK_BYTES] != self._check(position):
            raise InvalidPosition("The cursor is mangled, or of a list with other filters.")
        return position

    def page(self, items: Iterable[object], following: str | None) -> dict[str, object]:
        """What a Page is made of: its items, and the store's start of the next one."""
        return {"items": list(items), "cursor": self.cursor_to(following)}

    def cursor_to(self, position: str | None) -> str | None:
        """The opaque form of the store's start of the next page."""
        if position is None:
            return None
        return base64.urlsafe_b64encode(self._check(position) + position.encode()).decode().rstrip("=")

    def link_to(self, position: str | None) -> dict[str, str]:
        """The header that names the next part of a file (RFC 8288), relative to the requested address; or none."""
        cursor = self.cursor_to(position)
        if cursor is None:
            return {}
        said = self.model_dump(mode="json", exclude={"cursor"}, exclude_unset=True)
        return {"Link": f'<?{urlencode(said | {"cursor": cursor}, doseq=True)}>; rel="next"'}

    def _check(self, position: str) -> bytes:
        # Against mistakes, not against forgery: a token may read every page anyway.
        filters = self.model_dump_json(exclude=set(self.NO_FILTERS))
        text = f"{type(self).__qualname__}\n{filters}\n{position}"
        return hashlib.blake2b(text.encode(), digest_size=_CHECK_BYTES).digest()


class DelimiterQuery(RequestModel):
    """Of a CSV file."""

    delimiter: Literal[",", ";"] = Field(
        default=",", description="Between columns. Excel expects the semicolon where numbers have a decimal comma."
    )


class Page(AnswerModel, Generic[T]):
    """One page of a list; `cursor` is null on the last."""

    items: list[T]
    cursor: str | None
