"""Reads a file of addresses for the suppression list: a list, or a CSV file of whatever columns and delimiter."""

import re
from typing import NamedTuple

from chalicelib.crm.import_files import MAX_BYTES, MAX_LINES, FileTooLong, LineError
from chalicelib.model.addresses import MalformedAddress, parse_address

_ADDRESS = re.compile(r"""[^\s,;:<>"'()]+@[^\s,;:<>"'()]*""")


class AddressFile(NamedTuple):
    addresses: list[str]
    errors: list[LineError]


def read_addresses(data: bytes) -> AddressFile:
    """The first address of each line. The first line may be a header. Raises FileTooLong.

    Addresses are ASCII, so whatever is not UTF-8 in other columns does no harm.
    """
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    if len(data) > MAX_BYTES or len(lines) > MAX_LINES + 1:
        raise FileTooLong(f"More than {MAX_LINES} lines or {MAX_BYTES} bytes: send it in pieces.")
    found = AddressFile([], [])
    for number, line in enumerate(lines, 1):
        written = _ADDRESS.search(line)
        if written is None:
            if line.strip() and number > 1:
                found.errors.append(LineError(number, "email", "has no address"))
            continue
        try:
            found.addresses.append(parse_address(written[0]))
        except MalformedAddress as error:
            found.errors.append(LineError(number, "email", str(error)))
    return found
