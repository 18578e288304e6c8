"""The workspace: one row of the campaigns table."""

from dataclasses import asdict, replace

from chalicelib.model.errors import Conflict
from chalicelib.model.workspace import Workspace
from chalicelib.store import keys
from chalicelib.store.client import from_item, noun_of, to_item
from chalicelib.store.statements import equals, missing
from chalicelib.store.table import Table, TableStore


def read_workspace(table: Table) -> Workspace:
    """From the campaigns table; the defaults before the first change."""
    row = table.find(keys.workspace())
    return Workspace() if row is None else noun_of(Workspace, from_item(row))


class Workspaces(TableStore):
    """Where the workspace is kept. Every method may raise StoreUnavailable."""

    def get(self) -> Workspace:
        """As it was last changed; the defaults before the first change."""
        return read_workspace(self._table)

    def update(self, before: Workspace, after: Workspace) -> Workspace:
        """Write `after` over exactly `before`; the workspace as written. Raises Conflict when it changed meanwhile."""
        newer = replace(after, version=before.version + 1)
        same_version = equals("version", before.version) if before.version else missing("pk")
        if not self._table.transact(self._table.put(keys.workspace() | to_item(asdict(newer))).require(same_version)):
            raise Conflict("The settings were changed meanwhile.")
        return newer
