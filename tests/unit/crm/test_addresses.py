"""Which addresses could be sent to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.crm.addresses import MalformedAddress, parse_address


@pytest.mark.parametrize(
    "address",
    ["a@b.co", "Ada.Lovelace+news@Example.com", "o'neill@example.org", "x_{1}@mail.brightwater.example", "1@1.example"],
)
def test_an_ordinary_address_stays_as_it_is(address: str) -> None:
    assert parse_address(address) == address


def test_space_around_an_address_is_no_part_of_it() -> None:
    assert parse_address(" ada@example.com\t") == "ada@example.com"


def test_an_international_domain_is_put_into_its_ascii_form() -> None:
    assert parse_address("info@kontor-bücher.example") == "info@xn--kontor-bcher-klb.example"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ada.example.com", "no @"),
        ("ada@b@example.com", "more than one @"),
        ("@example.com", "nothing before"),
        ("ada@", "no valid domain"),
        ("ada@localhost", "no valid domain"),
        ("ada@127.0.0.1", "no valid domain"),
        ("ada@example..com", "no valid domain"),
        ("ada@-example.com", "no valid domain"),
        ("ada@example.com.", "no valid domain"),
        ("ada@" + "ü" * 70 + ".example", "no valid domain"),
        (".ada@example.com", "misplaced dot"),
        ("ada..l@example.com", "misplaced dot"),
        ("ada l@example.com", "not allowed"),
        ("ada\n@example.com", "not allowed"),
        ("Ada <ada@example.com>", "not allowed"),
        ('"ada l"@example.com', "not allowed"),
        ("ädä@example.com", "do not accept"),
        ("a" * 65 + "@example.com", "too long"),
        ("a@" + ".".join(["b" * 60] * 5), "too long"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason(address: str, reason: str) -> None:
    with pytest.raises(MalformedAddress, match=reason):
        parse_address(address)


@given(st.text(max_size=80) | st.emails())
def test_an_accepted_address_is_one_safe_ascii_line_and_stable(text: str) -> None:
    try:
        address = parse_address(text)
    except MalformedAddress:
        return
    assert address.isascii()
    assert address.isprintable()
    assert not set(address) & set(' <>,;:"()[]\\')
    assert parse_address(address) == address
