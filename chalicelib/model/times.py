"""Times as text: fixed width, so that text order is time order."""

from datetime import UTC, datetime
from typing import overload


def time_text(moment: datetime) -> str:
    """An aware time as ISO 8601 in UTC with milliseconds: 2026-12-01T09:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@overload
def time_from(text: str) -> datetime: ...
@overload
def time_from(text: str | None) -> datetime | None: ...
def time_from(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
