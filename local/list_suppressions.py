"""`make list-suppressions`: puts suppressions that an earlier release wrote on the suppression list.

They have always kept their addresses from being mailed; only the list cannot see them until they are written again.
"""

import argparse
from typing import Any

from chalicelib.store import keys
from chalicelib.store.statements import Query, begins_with, exists, missing
from chalicelib.store.table import Table
from local.client import client_and_name
from local.command import run
from local.console import say


def list_suppressions(dynamodb: Any, leads_table: str) -> int:
    """How many were missing. May be repeated."""
    table = Table(dynamodb, leads_table)
    unlisted = begins_with("lead_id", keys.SUPPRESSION) & missing("audience")
    listed = 0
    for row in table.query(Query(key=None, where=unlisted, only="lead_id")):
        update = table.update({"lead_id": row["lead_id"]}).set(audience=keys.SUPPRESSED).add(version=1)
        listed += table.write(update.require(exists("lead_id")))
    return listed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.list_suppressions", description="Complete the list.")
    parser.add_argument("--table", help="the leads table of a stack on AWS; without it the running local stack's")
    given = parser.parse_args()
    found = list_suppressions(*client_and_name("dynamodb", given.table, "LeadsTable"))
    say(f"{found} suppressions were not on the list, and are now.")


if __name__ == "__main__":
    run(main)
