"""Times as text, fixed width so that text order is time order; and time zones by name."""

from datetime import UTC, datetime
from typing import overload
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def time_text(moment: datetime) -> str:
    """An aware time as ISO 8601 in UTC with milliseconds: 2026-12-01T09:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@overload
def time_from(text: str) -> datetime: ...
@overload
def time_from(text: str | None) -> datetime | None: ...
def time_from(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def zone_from(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ValueError for any other."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not the IANA name of a time zone, such as Europe/Berlin") from None
