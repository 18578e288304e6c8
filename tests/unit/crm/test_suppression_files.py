"""Files of addresses for the suppression list, and what is kept of an erased person's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.crm.import_files import MAX_LINES, FileTooLong
from chalicelib.crm.suppression_files import read_addresses
from chalicelib.model.addresses import parse_address, without_address
from chalicelib.model.suppression import hash_of_address

LINES = {
    "ann@shop.example": "ann@shop.example",
    '"Müller; Jörg";Jörg <joerg@shop.example>;gone': "joerg@shop.example",
    "ann@shop.example,owner@acme.example": "ann@shop.example",
    "7\tann@xn--mller-kva.example\t": "ann@xn--mller-kva.example",
    "mailto:ann@shop.example": "ann@shop.example",
}


@pytest.mark.parametrize("line", LINES)
def test_the_first_address_of_a_line_counts(line: str) -> None:
    assert read_addresses(f"sep=;\r\n{line}\r\n\r\n".encode()) == ([LINES[line]], [])


def test_what_is_no_address_is_reported_by_its_line() -> None:
    found = read_addresses(b"E-Mail\nann@shop.example\nnobody\n\nx@y\n\xe4@shop.example\n")
    assert found.addresses == ["ann@shop.example"]
    assert [each.line for each in found.errors] == [3, 5, 6]


def test_a_file_too_long_for_a_request_is_refused() -> None:
    with pytest.raises(FileTooLong):
        read_addresses(b"a@shop.example\n" * (MAX_LINES + 2))


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_addresses(data: bytes) -> None:
    found = read_addresses(data).addresses
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
