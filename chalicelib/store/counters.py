"""Sums of facts per campaign. Only the fold and recounts write them.

Rows of one campaign: `counters` (the totals and failures by reason), `counters#links` (per link, and clicks kept out by
reason), `counters#delays` (time to open), and one `counters#hours#<day>` per day, so that the row that every batch
writes stays small.

A recount may have to replace more rows than a transaction can hold. So it writes a new generation of all rows but the
first, `counters/<generation>#links` and so on, and then replaces `counters`, which names the generation. Every addition
also writes `counters`, on condition that its basis (generation, fences, running recount) is still what was read.
"""

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from chalicelib.model.ids import CampaignId
from chalicelib.store import keys
from chalicelib.store.applied_runs import AppliedRuns
from chalicelib.store.client import Item, from_item, packed, to_item
from chalicelib.store.statements import Query, Statement, begins_with, equals, missing
from chalicelib.store.table import TableStore

Sums = Mapping[str, int]
"""Fact names and their sums, e.g. {"sent": 3, "link/1/clicked": 2, "hour/2026-11-23T10/opened": 1}."""

_NO_SUMS = ("pk", "sk", "folds", "generation", "fences", "recount")
"""Attributes of these rows that are not sums."""


@dataclass(frozen=True, slots=True)
class CampaignCounters:
    sums: Sums
    folds: int
    """How often something was added or replaced: the same number means that nothing changed in between."""


class Addition(NamedTuple):
    """What one change adds to its campaign's sums."""

    created_at: float
    bucket: int
    delta: Sums


@dataclass(frozen=True, slots=True)
class Basis:
    """What additions to a campaign's sums depend on. It changes when a recount begins and when it ends."""

    generation: str = ""
    """Which rows are current; empty before the first recount that repaired something."""
    fences: tuple[int, ...] = ()
    """Per bucket, epoch seconds: what was created before was in the recounted sums; empty for no recount."""
    recount: int = 0
    """The running recount, for which additions are written down; 0 for none."""

    def takes(self, created_at: float, bucket: int) -> bool:
        """Whether something created then is still to be added: it is not in the recounted sums already."""
        return not self.fences or created_at >= self.fences[bucket]

    @classmethod
    def from_item(cls, item: Item) -> Self:
        values = from_item(item)
        least, *above = map(int, values.get("fences", "0").split(","))
        return cls(values.get("generation", ""), tuple(least + each for each in above), values.get("recount", 0))

    def to_item(self) -> Item:
        """Fences as the least one and the distances from it: at most 300 bytes, since every batch writes the row."""
        if not self.fences:
            return {}
        least = min(self.fences)
        text = ",".join(map(str, [least, *(each - least for each in self.fences)]))
        return to_item({"generation": self.generation, "fences": text})


def rows_of(names: Iterable[str]) -> dict[str, list[str]]:
    """Fact names by the row they are kept in; `counters` is always among the rows."""
    rows: dict[str, list[str]] = {"counters": []}
    for name in names:
        # Together, since a reader compares their totals (analytics/sums.py), and one row is read at one moment.
        if name.startswith(("link/", "kept_out/")):
            row = "counters#links"
        elif name.startswith("hour/"):
            row = f"counters#hours#{name[5:15]}"
        elif name.startswith("delay/"):
            row = "counters#delays"
        else:
            row = "counters"
        rows.setdefault(row, []).append(name)
    return rows


class Counters(TableStore):
    """The sums, in the campaigns table. Every method may raise StoreUnavailable."""

    def find(self, campaign_id: CampaignId) -> CampaignCounters:
        """All sums of a campaign, read consistently; empty before the first fold."""
        first = self._table.find(keys.counters(campaign_id, "counters")) or {}
        others = begins_with("sk", _sort_key("counters#", Basis.from_item(first).generation))
        sums: dict[str, int] = {}
        for item in [first, *self._table.query(Query(key=equals("pk", campaign_id) & others, consistent=True))]:
            sums |= {name: value for name, value in _sums(item).items() if value}
        return CampaignCounters(sums, int(first["folds"]["N"]) if first else 0)

    def find_totals(self, campaign_ids: Collection[CampaignId]) -> dict[CampaignId, Sums]:
        """The totals alone of many campaigns, 100 a call, eventually consistent; absent before the first fold."""
        wanted = [keys.counters(each, "counters") for each in sorted(set(campaign_ids))]
        return {CampaignId(item["pk"]["S"]): _sums(item) for item in self._table.find_many(wanted)}

    def read(self, shard: str, campaign_ids: Collection[CampaignId]) -> tuple[AppliedRuns, dict[CampaignId, Basis]]:
        """Which of this shard's records are in the sums, and each campaign's basis; one consistent call."""
        wanted = [keys.counters(each, "counters") for each in sorted(campaign_ids)]
        found = self._table.find_many([keys.applied_runs(shard), *wanted], consistent=True)
        rows = {row["pk"]["S"]: row for row in found}
        mark = rows.get(keys.applied_runs(shard)["pk"]["S"])
        applied = AppliedRuns.from_text(mark["applied"]["S"]) if mark else AppliedRuns()
        return applied, {each: Basis.from_item(rows.get(each, {})) for each in campaign_ids}

    def add(
        self,
        shard: str,
        *,
        before: AppliedRuns,
        after: AppliedRuns,
        expires_at: int,
        additions: Mapping[CampaignId, Sequence[Addition]],
        bases: Mapping[CampaignId, Basis],
    ) -> bool:
        """Add a run's differences and note the run (unless `after` is `before`), all or nothing.

        False when what was read has changed: another invocation has added records of this shard, or a recount of one
        of the campaigns has begun or ended. At most 99 rows (see `rows_of`), one more for a campaign with a running
        recount. `expires_at`: epoch seconds after which notes may vanish.
        """
        statements: list[Statement] = [] if after == before else [self._note(shard, before, after, expires_at)]
        for campaign_id, added in additions.items():
            basis, sums = bases[campaign_id], Counter[str]()
            for addition in added:
                sums.update(addition.delta)
            for row, names in rows_of(name for name, number in sums.items() if number).items():
                statements.append(self._add_row(campaign_id, row, {name: sums[name] for name in names}, basis))
            if basis.recount:
                key = keys.recount_part(campaign_id, basis.recount, f"added#{secrets.token_hex(8)}")
                part = key | to_item({"added": packed(added), "expires_at": expires_at})
                statements.append(self._table.put(part))
        return self._table.transact(*statements)

    def _note(self, shard: str, before: AppliedRuns, after: AppliedRuns, expires_at: int) -> Statement:
        row = keys.applied_runs(shard) | to_item({"applied": after.to_text(), "expires_at": expires_at})
        is_first, same_before = missing("pk"), equals("applied", before.to_text())
        return self._table.put(row).require(is_first if before == AppliedRuns() else same_before)

    def _add_row(self, campaign_id: CampaignId, row: str, sums: Sums, basis: Basis) -> Statement:
        update = self._table.update(keys.counters(campaign_id, _sort_key(row, basis.generation))).add(sums)
        if row == "counters":
            same_generation = equals("generation", basis.generation) if basis.generation else missing("generation")
            same_recount = equals("recount", basis.recount) if basis.recount else missing("recount")
            update.add(folds=1).require(same_generation, same_recount)
        return update

    def replace(
        self,
        campaign_id: CampaignId,
        before: CampaignCounters,
        sums: Sums,
        fences: Sequence[int],
        also: Sequence[Statement] = (),
    ) -> bool:
        """Put these sums in place of `before`, with what else to write; False when something was added meanwhile.

        Rows of a replaced generation, or of one that was never put in place, are left unread.
        """
        basis = Basis(secrets.token_hex(4), tuple(fences))
        rows = {
            row: keys.counters(campaign_id, _sort_key(row, basis.generation))
            | to_item({name: sums[name] for name in names})
            for row, names in rows_of(sums).items()
        }
        first = rows.pop("counters") | basis.to_item() | to_item({"folds": before.folds + 1})
        for row in rows.values():
            self._table.write(self._table.put(row))
        same_sums = equals("folds", before.folds) if before.folds else missing("pk")
        return self._table.transact(self._table.put(first).require(same_sums), *also)


def _sums(row: Item) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in row.items() if name not in _NO_SUMS}


def _sort_key(row: str, generation: str) -> str:
    """Of a row of a generation; `counters` itself belongs to none."""
    return row if row == "counters" or not generation else row.replace("counters", f"counters/{generation}", 1)
