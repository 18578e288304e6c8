"""Compares the rows that a test has written with docs/REFERENCE.md: what is not described there fails the test."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from local.tables import TableNames
from tests.documents import ROOT, codes, section, tables

REFERENCE = ROOT / "docs" / "REFERENCE.md"
KEYS = {"leads": ("lead_id",), "deliveries": ("lead_id", "bucket"), "campaigns": ("pk", "sk")}
"""The attributes of a row's key; the pattern of a kind of row is about the first, or the first two, of them."""

Kind = tuple[str, tuple[str, ...], re.Pattern[str]]


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


def undocumented(client: Any, names: TableNames) -> list[str]:
    """What the three tables hold that the reference does not describe, once per kind of row."""
    found = set()
    for table in KEYS:
        for row in _rows(client, getattr(names, table)):
            found |= set(_faults(table, row))
    return sorted(found)


def _faults(table: str, row: Mapping[str, Any]) -> Iterator[str]:
    key = [row[name]["S"] for name in KEYS[table]]
    for kind_of, patterns, attributes in kinds():
        if kind_of == table and all(map(fnmatchcase, key, patterns)):
            for name in row.keys() - set(KEYS[table]):
                if not attributes.fullmatch(name):
                    yield f"{table}: {' / '.join(patterns)}: {name}"
            return
    yield f"{table}: no row is described like {' / '.join(key)}"


def _rows(client: Any, table: str) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]
