"""Which addresses could be sent to."""

import subprocess
import sys

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.content.errors import AddressInvalid
from chalicelib.content.message import address_header
from chalicelib.model.addresses import MalformedAddress, begins_like, parse_address, search_key, stored_beginnings


@pytest.mark.parametrize(
    "address",
    ["a@b.co", "Ada.Lovelace+news@Example.com", "o'neill@example.org", "x_{1}@mail.brightwater.example", "1@1.example"],
)
def test_an_ordinary_address_stays_as_it_is(address: str) -> None:
    assert parse_address(address) == address


def test_space_around_an_address_is_no_part_of_it() -> None:
    assert parse_address(" ada@example.com\t") == "ada@example.com"


@pytest.mark.parametrize(
    ("domain", "ascii_domain"),
    [
        ("kontor-bücher.example", "xn--kontor-bcher-klb.example"),
        ("Bu\u0308cher.Example", "xn--bcher-kva.example"),
        ("例え\u3002テスト", "xn--r8jz45g.xn--zckzah"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("straße.example", "xn--strae-oqa.example"),  # another domain, of other people, than strasse.example
    ],
)
def test_an_international_domain_is_put_into_its_ascii_form(domain: str, ascii_domain: str) -> None:
    assert parse_address(f"info@{domain}") == f"info@{ascii_domain}"


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
        ("ada@b.c", "no valid domain"),
        ("ada@example.1st", "no valid domain"),
        ("ada@\u2603.example", "no valid domain"),
        (".ada@example.com", "misplaced dot"),
        ("ada..l@example.com", "misplaced dot"),
        ("ada l@example.com", "not allowed"),
        ("ada\n@example.com", "not allowed"),
        ("Ada <ada@example.com>", "not allowed"),
        ('"ada l"@example.com', "not allowed"),
        ("ädä@example.com", "do not accept"),
        ("a" * 65 + "@example.com", "longer than 254 characters, 64 of them before the @"),
        ("a@" + ".".join(["b" * 60] * 5), "longer than 254 characters, 64 of them before the @"),
        ("a@" + "ü" * 100_000 + ".example", "longer than 254 characters, 64 of them before the @"),
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


ATOMS = st.text(st.sampled_from("abcXYZ0189!#$%&'*+-/=?^_`{|}~."), min_size=1, max_size=70)
LABELS = st.text(st.sampled_from("abyzAZ019-_ßüéшжあ中ا"), min_size=1, max_size=12)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ADDRESSES = st.builds("{}@{}".format, ATOMS, DOMAINS) | st.emails() | st.text(max_size=40)


@settings(max_examples=500)
@given(ADDRESSES)
@example("a@b.c")
@example("a@example.1st")
@example("a@" + "b" * 63 + ".example")
def test_what_a_lead_may_have_a_header_takes_and_nothing_else(text: str) -> None:
    try:
        line = "To: " + parse_address(text)
    except MalformedAddress:
        with pytest.raises(AddressInvalid):
            address_header("To", None, text)
    else:
        assert address_header("To", None, text) == line


@settings(max_examples=500)
@given(ADDRESSES)
def test_the_rule_agrees_with_the_library_that_others_check_by(text: str) -> None:
    try:
        address = parse_address(text)
    except MalformedAddress:
        return
    labels = address.rpartition("@")[2].lower().split(".")
    if any(label[2:4] == "--" for label in labels) or labels[-1][-1].isdigit() or labels[-1] in ("arpa", "onion"):
        return  # judged by DNS: we ask for no more than the form of a host name
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        pytest.fail(str(error))
    assert found.ascii_email is not None
    assert found.ascii_email.lower() == address.lower()


@given(st.text(st.sampled_from("abyzAZ019-üéößшжあ中\u00dc\u0308\uff21"), min_size=1, max_size=12))
def test_stored_international_addresses_keep_their_identity(label: str) -> None:
    """They were put into ASCII by the standard library's IDNA 2003, which reads ß as ss (docs/decisions/0012)."""
    domain = f"{label}.example"
    try:
        stored = domain.encode("idna").decode()
        address = parse_address(f"a@{domain}")
    except (UnicodeError, MalformedAddress):
        return
    assert "ß" in label or address.lower() == f"a@{stored}".lower()


def test_the_tables_of_international_domains_are_loaded_for_such_alone() -> None:
    code = (
        "import sys; from chalicelib.model.addresses import parse_address; parse_address('a@b.example')\n"
        "assert 'idna' not in sys.modules; parse_address('a@b\\u00fc.example'); assert 'idna' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(
    st.sampled_from(
        [
            "ann@bücher.example",
            "ann@übung.bücher.zone",
            "x@straße.example",
            "ann@xn.example",
            "ann@例え.jp",
            "ann@zoë.example",
        ]
    ),
    st.integers(0, 30),
)
def test_an_address_is_found_by_every_beginning_in_its_letters_and_as_it_is_stored(written: str, length: int) -> None:
    stored = parse_address(written)
    for beginning in (written[:length], written[:length].upper(), stored[:length]):
        if "SS" not in beginning:  # an upper "ß" is another letter
            assert begins_like(stored, search_key(beginning))
            found = stored_beginnings(search_key(beginning))
            assert found == sorted(found)
            assert sum(stored.startswith(each) for each in found) == 1, "so that none is listed twice"


def test_an_address_is_not_found_by_letters_that_only_its_beginning_has() -> None:
    stored = parse_address("ann@bücher.example")
    assert "ann@xn--bc" in stored_beginnings("ann@bücx")[0]
    assert not any(begins_like(stored, each) for each in ("ann@bc", "ann@büx", "bücher", "ann@bücher.org"))
