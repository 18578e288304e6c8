"""Compares the rows that a test has written with docs/REFERENCE.md: what is not described there fails the test."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from local.tables import TableNames
from tests.documents import ROOT, codes, section, tables

REFERENCE = ROOT / "docs" / "REFERENCE.md"
KEYS = {"leads": ("lead_id",), "deliveries": ("lead_id", "bucket"), "campaigns": ("pk", "sk")}
"""The attributes of a row's key; the pattern of a kind of row is about the first, or the first two, of them."""

Kind = tuple[str, tuple[str, ...], re.Pattern[str]]
Rows = Mapping[str, Sequence[Mapping[str, Any]]]

MOST_IN_A_BATCH = 25
"""Of BatchWriteItem."""


@cache
def kinds() -> list[Kind]:
    """Each documented kind of row: its table, the patterns of its key, and a pattern of its attributes' names."""
    found = []
    for table, pattern, below in re.findall(
        r"^### (\w+): `([^`]+)`\n(.*?)(?=^##|\Z)", section(REFERENCE, "Table attributes"), re.DOTALL | re.MULTILINE
    ):
        (rows,) = tables(below)
        names = [re.sub(r"<[^>]+>", "\0", name) for attributes, _ in rows for name in codes(attributes)]
        either = "|".join(re.escape(name).replace("\0", ".+") for name in names)
        found.append((table, tuple(pattern.split(" / ")), re.compile(either)))
    return found


def rows_of(client: Any, names: TableNames) -> Rows:
    """All rows, by the table's name in docs/REFERENCE.md."""
    pages = client.get_paginator("scan").paginate
    return {table: [row for page in pages(TableName=getattr(names, table)) for row in page["Items"]] for table in KEYS}


def undocumented(rows: Rows) -> list[str]:
    """What the reference does not describe, once per kind of row."""
    return sorted({fault for table in rows for row in rows[table] for fault in _faults(table, row)})


def delete_rows(client: Any, names: TableNames, rows: Rows) -> None:
    for table, key in KEYS.items():
        requests = [{"DeleteRequest": {"Key": {name: row[name] for name in key}}} for row in rows[table]]
        for start in range(0, len(requests), MOST_IN_A_BATCH):
            batch = {getattr(names, table): requests[start : start + MOST_IN_A_BATCH]}
            while batch:
                batch = client.batch_write_item(RequestItems=batch)["UnprocessedItems"]


def _faults(table: str, row: Mapping[str, Any]) -> Iterator[str]:
    key = [row[name]["S"] for name in KEYS[table]]
    for kind_of, patterns, attributes in kinds():
        if kind_of == table and all(map(fnmatchcase, key, patterns)):
            for name in row.keys() - set(KEYS[table]):
                if not attributes.fullmatch(name):
                    yield f"{table}: {' / '.join(patterns)}: {name}"
            return
    yield f"{table}: no row is described like {' / '.join(key)}"
