"""Leads as CSV, with the columns that an import reads: an import of the file changes nothing.

Except that CSV has texts only: a custom field that is a number, true or false becomes a text. The column
`mailing_status` says whether a lead may be mailed, or why not; imports ignore it.
"""

import json
from collections.abc import Iterable, Sequence

from chalicelib.crm.lead_input import EXPORTED_STATUS, LEAD_NAMES
from chalicelib.model import csv_text
from chalicelib.model.csv_text import neutral
from chalicelib.model.lead import FieldValue, Lead


def header(fields: Sequence[str], delimiter: str) -> str:
    """The beginning of a file with these custom fields."""
    return csv_text.BYTE_ORDER_MARK + csv_text.line([*LEAD_NAMES, EXPORTED_STATUS, *map(neutral, fields)], delimiter)


def lines(leads: Iterable[Lead], fields: Sequence[str], delimiter: str) -> tuple[str, int]:
    """The lines of as many leads as a part of a file may have, and their number."""
    return csv_text.lines((_row(lead, fields) for lead in leads), delimiter)


def _row(lead: Lead, fields: Sequence[str]) -> list[str]:
    own = [getattr(lead, name) or "" for name in LEAD_NAMES if name != "tags"]
    own += [";".join(lead.tags), ";".join(lead.mailing_status)]
    return [neutral(value) for value in (*own, *(_text(lead.fields.get(name)) for name in fields))]


def _text(value: FieldValue | None) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
