"""Reads NDJSON: a JSON object a line, like the body of POST /v1/leads."""

import json
import math
from collections.abc import Iterator
from typing import Any, cast

from chalicelib.crm.import_columns import Faults, Record, resembled
from chalicelib.crm.lead_input import LEAD_NAMES, RESERVED_NAMES, LeadInput


def json_records(text: str, *, as_it_is: bool) -> Iterator[Record]:
    """One for each line that is not blank; `as_it_is`: names that resemble a lead's own are custom fields."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            yield number, [line], [(None, f"is not JSON{where}")]
        else:
            yield number, [line], _input_of_object(value, as_it_is)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _input_of_object(value: Any, as_it_is: bool) -> LeadInput | Faults:
    """A key that a lead does not have is a custom field, as a CSV column is."""
    if not isinstance(value, dict):
        return [(None, "must be an object")]
    own = value.get("fields")
    fields: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    faults: Faults = [] if isinstance(own, dict | None) else [("fields", "must be an object")]
    given = {name: content for name, content in value.items() if name in LEAD_NAMES}
    tags = given.get("tags")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        faults.append(("tags", "must be a list of texts"))
    faults += [(name, "must be text") for name in given if name != "tags" and not isinstance(given[name], str | None)]
    for name in value:
        if name in given or name == "fields":
            continue
        if name in RESERVED_NAMES:
            faults.append((name, "cannot be imported"))
        elif not as_it_is and (known := resembled(name)):
            faults.append((name, f"looks like {known}; if it is a custom field, put it into fields"))
        else:
            fields[name] = value[name]
    for name, content in fields.items():
        if not isinstance(content, str | int | float | None) or content in (math.inf, -math.inf):
            faults.append((name, "must be text, a number, true or false"))
    return faults or cast(LeadInput, {**given, "fields": fields})
