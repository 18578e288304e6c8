"""Files of addresses for the suppression list, and what is kept of an erased person's."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.crm import suppression_files
from chalicelib.crm.import_rows import FileTooLong
from chalicelib.crm.suppression_files import MAX_LINES, NoAddress, read_addresses
from chalicelib.model.addresses import parse_address, without_address
from chalicelib.model.suppression import hash_of_address

LINES = {
    "ann@shop.example": "ann@shop.example",
    '"Müller; Jörg";Jörg <joerg@shop.example>;gone': "joerg@shop.example",
    "ann@shop.example,owner@acme.example": "ann@shop.example",
    "7\tann@xn--mller-kva.example\t": "ann@xn--mller-kva.example",
    "mailto:ann@shop.example": "ann@shop.example",
    "@ann on the web; ann@shop.example": "ann@shop.example",
}


@pytest.mark.parametrize("line", LINES)
def test_the_first_address_of_a_line_counts(line: str) -> None:
    assert read_addresses(f"sep=;\r\n{line}\r\n\r\n".encode()) == ([LINES[line]], [])


def test_what_is_no_address_is_reported_by_its_line() -> None:
    found = read_addresses(b"E-Mail\nann@shop.example\nnobody\n\nx@y\n\xe4@shop.example\n")
    assert found.addresses == ["ann@shop.example"]
    assert [each.line for each in found.errors] == [3, 5, 6]


@pytest.mark.parametrize("text", ['"""', "E-Mail\r\n\r\n", "\ufeff\x00"])
def test_a_file_of_nothing_but_a_first_line_without_an_address_is_refused(text: str) -> None:
    with pytest.raises(NoAddress):
        read_addresses(text.encode())


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_blank_piece_of_a_longer_file_is_taken(text: str) -> None:
    assert read_addresses(text.encode()) == ([], [])


def test_a_file_too_long_for_a_request_is_refused() -> None:
    assert len(read_addresses(b"E-Mail\n" + b"a@shop.example\n" * MAX_LINES).addresses) == MAX_LINES
    with pytest.raises(FileTooLong):
        read_addresses(b"a@shop.example\n" * (MAX_LINES + 2))


def test_the_page_sends_no_more_lines_than_a_request_may_have() -> None:
    page = (Path(suppression_files.__file__).parents[1] / "web/static/suppressions.js").read_text()
    (lines,) = re.findall(r"^const LINES = (\d+);", page, re.MULTILINE)
    assert int(lines) <= MAX_LINES


@pytest.mark.parametrize("text", ["a", "@", "a@", "a;"])
def test_a_line_without_end_takes_time_in_proportion_to_its_length(text: str) -> None:
    started = time.process_time()
    read_addresses(b"E-Mail\n" + text.encode() * 100_000)
    assert time.process_time() - started < 2, "a search that begins again at each character would take minutes"


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_addresses(data: bytes) -> None:
    found = read_addresses(b"E-Mail\nann@shop.example\n" + data).addresses
    assert list(map(parse_address, found)) == found


@given(st.emails(), st.binary(min_size=1))
def test_a_hash_is_no_address_and_the_same_in_every_spelling(address: str, key: bytes) -> None:
    hashed = hash_of_address(key, address)
    assert hashed == hash_of_address(key, address.lower()) != hash_of_address(key + b"x", address)
    assert "@" not in hashed
    assert address.lower() not in hashed


def test_a_mail_services_words_lose_the_recipient_and_keep_the_sender() -> None:
    words = "Email address is not verified: Ann+x@Shop.example, news@acme.example"
    assert without_address(words, "ann+x@shop.example") == (
        "Email address is not verified: <the recipient>, news@acme.example"
    )
