"""Reads a file of addresses for the suppression list: a list, or a CSV file of whatever columns and delimiter."""

import re
from typing import NamedTuple

from chalicelib.crm.import_files import LineError
from chalicelib.crm.import_rows import FileTooLong
from chalicelib.model.addresses import MalformedAddress, parse_address
from chalicelib.model.errors import Fault, InvalidFields

MAX_LINES = 1_000
"""An address takes two requests to the table, more if leads have it: 3,000 took 31 s on a busy machine, and a request
has 29."""
_BETWEEN = re.compile(r"""[\s,;:<>"'()]+""")


class NoAddress(InvalidFields, problem="no-address", title="The file has no email address"):
    """Nothing is there but a first line without an address."""


class AddressFile(NamedTuple):
    addresses: list[str]
    errors: list[LineError]


def read_addresses(data: bytes) -> AddressFile:
    """The first address of each line. The first line may be a header. Raises FileTooLong, NoAddress.

    Addresses are ASCII, so whatever is not UTF-8 in other columns does no harm.
    """
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    if len(lines) > MAX_LINES + 1:
        raise FileTooLong(f"The file has more than {MAX_LINES:,} lines; send it in pieces.")
    found = AddressFile([], [])
    for number, line in enumerate(lines, 1):
        written = next((part for part in _BETWEEN.split(line) if "@" in part[1:]), None)
        if written is None:
            if line.strip() and number > 1:
                found.errors.append(LineError(number, "email", "has no address"))
            continue
        try:
            found.addresses.append(parse_address(written))
        except MalformedAddress as error:
            found.errors.append(LineError(number, "email", str(error)))
    if not (found.addresses or found.errors) and any(map(str.strip, lines)):
        raise NoAddress([Fault("body", "has no email address")])
    return found
