"""Leads as CSV, with the columns that an import reads: an import of the file changes nothing.

Except that CSV has texts only: a custom field that is a number, true or false becomes a text.
"""

import json
from collections.abc import Iterable, Sequence

from chalicelib.crm.leads import LEAD_NAMES
from chalicelib.model import csv_text
from chalicelib.model.csv_text import neutral
from chalicelib.model.lead import FieldValue, Lead


def header(fields: Sequence[str]) -> str:
    """The beginning of a file with these custom fields."""
    return csv_text.BYTE_ORDER_MARK + csv_text.line([*LEAD_NAMES, *map(neutral, fields)])


def lines(leads: Iterable[Lead], fields: Sequence[str]) -> tuple[str, int]:
    """The lines of as many leads as a part of a file may have, and their number."""
    return csv_text.lines(_row(lead, fields) for lead in leads)


def _row(lead: Lead, fields: Sequence[str]) -> list[str]:
    own = [getattr(lead, name) or "" for name in LEAD_NAMES if name != "tags"]
    return [neutral(value) for value in (*own, ";".join(lead.tags), *(_text(lead.fields.get(name)) for name in fields))]


def _text(value: FieldValue | None) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
