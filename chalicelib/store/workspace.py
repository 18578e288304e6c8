"""The workspace: one row of the campaigns table."""

from dataclasses import asdict, replace

from chalicelib.model.errors import Conflict
from chalicelib.model.workspace import Language, Theme, Workspace
from chalicelib.store import keys
from chalicelib.store.client import from_item, to_item
from chalicelib.store.statements import equals, missing
from chalicelib.store.table import TableStore


class Workspaces(TableStore):
    """Where the workspace is kept. Every method may raise StoreUnavailable."""

    def get(self) -> Workspace:
        """As it was last changed; the defaults before the first change."""
        row = self._table.find(keys.workspace())
        if row is None:
            return Workspace()
        values = {name: value for name, value in from_item(row).items() if name not in ("pk", "sk")}
        return Workspace(**values | {"theme": Theme(**values["theme"]), "language": Language(values["language"])})

    def update(self, before: Workspace, after: Workspace) -> Workspace:
        """Write `after` over exactly `before`; the workspace as written. Raises Conflict when it changed meanwhile."""
        newer = replace(after, version=before.version + 1)
        same_version = equals("version", before.version) if before.version else missing("pk")
        if not self._table.transact(self._table.put(keys.workspace() | to_item(asdict(newer))).require(same_version)):
            raise Conflict("The settings were changed meanwhile.")
        return newer
