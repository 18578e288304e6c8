"""What the columns of a table mean: where the header is, which columns look like a lead's own, and where each one goes.

Without a mapping a column goes where its name says, and names that are probably mistakes refuse the file. With one, it
goes where the mapping says, and nowhere if the mapping does not name it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any, cast

from chalicelib.crm.import_rows import MAX_COLUMNS, Row, Unread, UnreadableFile
from chalicelib.crm.import_sheet import NOT_CALCULATED, column_letters
from chalicelib.crm.lead_input import (
    EXPORTED_STATUS,
    LEAD_NAMES,
    LONGEST_NAME,
    MAX_FIELDS,
    RESERVED_NAMES,
    LeadInput,
    line_faults,
)
from chalicelib.model.csv_text import without_apostrophe
from chalicelib.model.errors import Fault
from chalicelib.model.field_names import field_named, letters

IGNORE = "ignore"
"""The target of a column that is not imported."""
_ROWS_BEFORE_HEADER = 20

Faults = list[tuple[str | None, str]]
Record = tuple[int, list[str], LeadInput | Faults]
"""The line's number, its cells as far as they could be told, and what it says or what is wrong with it."""

_FAILED_FORMULAS = {
    **dict.fromkeys(
        ("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#BEZUG!", "#NV", "#WERT!", "#ZAHL!"),
        "is an error of the spreadsheet: {}",
    ),
    NOT_CALCULATED: "is a formula that was never calculated: open the file in a spreadsheet program and save it",
}
"""What cells show in their place, in English and German, and the reason to refuse them: as a lead's name they would be
in its mails."""

_OURS = {"importline", "importerror", "mailingstatus"}
"""What the page adds to lines with errors, and an export to leads. Not imported."""


class UnexpectedColumns(UnreadableFile, problem="unexpected-columns", title="The file has unexpected columns"):
    """The header looks like a mistake, but may be intended; nothing was imported."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(
            f"Column {faults[0].field} {faults[0].reason}. Expected are {', '.join(LEAD_NAMES)}; every other column "
            "becomes a custom field. Send the file with ?address=none if it is meant as it is.",
            tuple(faults),
        )


# -- Without a mapping -------------------------------------------------------------------------------------------------


def columns_by_name(header: list[str], *, as_it_is: bool, has_entity: bool) -> list[str]:
    """The header's names, the lead's own in lower case; an unnamed column is "". Raises UnreadableFile.

    Names are compared by their first 64 characters, the longest that a name may be. `has_entity`: lines without an
    entity get one, so the column may be missing.
    """
    _check_width(len(header))
    columns = [name.lower() if name.lower() in LEAD_NAMES else name for name in map(without_apostrophe, header)]
    counts = Counter(name[:LONGEST_NAME] for name in columns)
    faults = [Fault(name, "is there twice") for name, count in counts.items() if name and count > 1]
    reserved = RESERVED_NAMES.difference(LEAD_NAMES, [EXPORTED_STATUS])
    faults += [Fault(name, "cannot be imported") for name in columns if name.lower() in reserved]
    faults += [Fault(name[:64], "is longer than 64 characters") for name in columns if len(name) > LONGEST_NAME]
    if "entity" not in columns and not has_entity:
        faults.append(Fault("entity", "is required"))
    doubts = [] if as_it_is else _doubts(columns)
    if faults:
        first = f"Column {faults[0].field} {faults[0].reason}."
        alone = len(columns) == 1 and any(separator in columns[0] for separator in ";\t")
        raise UnreadableFile("The columns must be separated by commas." if alone else first, (*faults, *doubts))
    if doubts:
        raise UnexpectedColumns(doubts)
    return columns


def _check_width(width: int) -> None:
    if width > MAX_COLUMNS:
        raise UnreadableFile(f"The header has {width:,} columns; at most {MAX_COLUMNS} are read.")


def _doubts(columns: list[str]) -> list[Fault]:
    """What in a valid header is probably a mistake."""
    similar = [(name[:64], known) for name in columns if (known := resembled(name))]
    faults = [Fault(name, f"looks like {known}, and would become a custom field") for name, known in similar]
    if "email" not in columns and "email" not in dict(similar).values():
        faults.append(Fault("email", "is missing, and leads without an address cannot be mailed"))
    return faults


@lru_cache(maxsize=1024)
def resembled(name: str) -> str | None:
    """The lead's own name that this one spells with other case, spaces or punctuation: `E-Mail` is like email."""
    return None if name in LEAD_NAMES else _BY_LETTERS.get(letters(name))


_BY_LETTERS = {name.replace("_", ""): name for name in LEAD_NAMES}


# -- With a mapping ----------------------------------------------------------------------------------------------------


def column_names(header: Sequence[str], width: int) -> list[str]:
    """A different name for each of so many columns: the header's own, `Phone (2)`, or the letter of an unnamed one."""
    _check_width(width)
    names: dict[str, None] = {}
    for number in range(width):
        written = without_apostrophe(header[number]) if number < len(header) else ""
        name = " ".join(written.split()) or f"Column {column_letters(number)}"
        unique, count = name, 1
        while unique in names:
            count += 1
            unique = f"{name} ({count})"
        names[unique] = None
    return list(names)


def columns_by_mapping(names: list[str], mapping: Mapping[str, str]) -> list[str]:
    """Where each column goes: a lead's own name, a custom field's, or "" for nowhere. Raises UnreadableFile."""
    faults = [Fault(name[:64], "is mapped, but is not in the file") for name in mapping if name not in names]
    targets = [mapping.get(name, IGNORE).strip() for name in names]
    for name, target in zip(names, targets, strict=True):
        if not target or line_faults(target, LONGEST_NAME):
            faults.append(Fault(name[:64], "must go to a name of 1 to 64 characters"))
        elif target not in LEAD_NAMES and target.lower() in RESERVED_NAMES:
            faults.append(Fault(name[:64], f"cannot go to {target}, which cannot be imported"))
    taken = Counter(target for target in targets if target != IGNORE)
    faults += [
        Fault(name[:64], f"goes to {each}, and so does another column")
        for name, each in zip(names, targets, strict=True)
        if taken[each] > 1
    ]
    if faults:
        raise UnreadableFile(f"Column {faults[0].field} {faults[0].reason}.", tuple(faults))
    return ["" if target == IGNORE else target for target in targets]


def find_header(rows: Sequence[Row]) -> int:
    """The line of the header; 0 if there is none. It is among the first lines, and above the first address.

    It is the line with most names that leads are known to have, else the first one as wide as most.
    """
    first = [(number, row) for number, row in rows[:_ROWS_BEFORE_HEADER] if not isinstance(row, Unread)]
    above = list(takewhile(lambda line: not any("@" in cell for cell in line[1]), first))
    known = {number: len({_target(cell) for cell in row} - {None}) for number, row in above}
    best = max(known, key=lambda number: known[number], default=0)
    if known.get(best):
        return best
    widths = Counter(sum(map(bool, row)) for _, row in first)
    usual = max(widths, key=lambda width: widths[width], default=0)
    return next((number for number, row in above if sum(map(bool, row)) >= usual), 0)


def _target(name: str) -> str | None:
    """Where a column goes by its name in English or German."""
    return IGNORE if letters(name) in _OURS else field_named(name)


def suggestions(names: Sequence[str], samples: Sequence[Sequence[str]]) -> list[str]:
    """Where each column probably goes, by its name in English or German, or because it has addresses."""
    targets = [_target(name) for name in names]
    if "first_name" in targets and "last_name" not in targets:
        targets = [
            "last_name" if letters(name) == "name" else target for name, target in zip(names, targets, strict=True)
        ]
    if "email" not in targets:
        has_addresses = (any(cells) and all("@" in cell for cell in cells if cell) for cells in samples)
        at = next((at for at, has in enumerate(has_addresses) if has and not targets[at]), None)
        if at is not None:
            targets[at] = "email"
    suggested: list[str] = []
    for name, target, cells in zip(names, targets, samples, strict=True):
        own = name[:LONGEST_NAME].strip()
        may_be_field = own.lower() not in RESERVED_NAMES and any(cells) and not line_faults(own, LONGEST_NAME)
        wanted = target or (own if may_be_field else IGNORE)
        has_room = target or sum(each not in LEAD_NAMES and each != IGNORE for each in suggested) < MAX_FIELDS
        suggested.append(wanted if wanted not in suggested and has_room else IGNORE)
    return suggested


# -- Cells -------------------------------------------------------------------------------------------------------------


def input_of_cells(columns: list[str], cells: list[str], *, is_mapped: bool) -> LeadInput | Faults:
    """What a line says about its lead. In a mapped table, cells at the end of a line may be missing."""
    if is_mapped:
        cells = cells + [""] * (len(columns) - len(cells))
        if any(cells[len(columns) :]):
            return [(None, f"has values beyond the {len(columns)} columns of the header")]
        cells = cells[: len(columns)]
    if len(cells) != len(columns):
        return [(None, f"has {len(cells)} cells where the header has {len(columns)}")]
    failed = [(name, cell) for name, cell in zip(columns, cells, strict=True) if name and cell in _FAILED_FORMULAS]
    if failed:
        return [(name, _FAILED_FORMULAS[cell].format(cell)) for name, cell in failed]
    given: dict[str, Any] = {}
    fields: dict[str, str | None] = {}
    for name, cell in zip(columns, map(without_apostrophe, cells), strict=True):
        if name == "tags":
            separator = "," if is_mapped and ";" not in cell else ";"
            given[name] = [tag for tag in map(str.strip, cell.split(separator)) if tag]
        elif name in LEAD_NAMES:
            given[name] = cell or None
        elif name and name != EXPORTED_STATUS:
            fields[name] = cell or None
        elif cell and not name and not is_mapped:
            return [(None, "has a value in a column without a name")]
    if is_mapped and not (given.get("email") or given.get("external_id")):
        values = [value for value in (*given.values(), *fields.values()) if value]
        if len(values) < 2:
            return [(None, "has a single value and no address: it looks like a note, not a lead")] if values else []
    return cast(LeadInput, {**given, "fields": fields})
