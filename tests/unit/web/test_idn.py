"""The page shows international domains as people write them (idn.js, run by node), and none that may deceive."""

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import idna
import pytest

from chalicelib.web import assets
from tests.prerequisites import skip_without

MODULE = Path(assets.__file__).with_name("static") / "idn.js"
READABLE = ["müller.example", "bücher.straße.example", "łódź.pl", "señor-ñandú.es", "例え.jp", "한국.kr", "ß.example"]
DECEIVING = ["раураl.com", "раура.com", "аpple.com", "ελλάδα.gr"]
"""Cyrillic and Latin letters, Cyrillic ones alone, a single one, and Greek ones."""
OTHERS = ["ann@shop.example", "xn--mller-kva@shop.example", "ann@", ""]
OTHERS += [
    f"ann@{domain}" for domain in ("xn--", "xn--.example", "xn--a.example", "xn--ü.example", "xn--zzzzzz999999.example")
]
"""No international domain, or none that an encoder would give."""


def ascii_form(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode("ascii")


def answers(function: str, given: list[str]) -> dict[str, str]:
    """What a function of the module gives for each text."""
    node = shutil.which("node")
    if node is None:
        skip_without("node", "node is not installed")
    script = f"""
        const module = await import({json.dumps(f"data:text/javascript,{quote(MODULE.read_text())}")});
        console.log(JSON.stringify({json.dumps(given)}.map(module[{json.dumps(function)}])));
    """
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    return dict(zip(given, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """What the page shows for each address."""
    given = [f"ann@{ascii_form(domain)}" for domain in [*READABLE, *DECEIVING]] + OTHERS + [ascii_form(READABLE[0])]
    return answers("readable", given)


def test_a_pasted_web_address_is_taken_for_its_domain() -> None:
    wanted = {
        " moebel-süd.de ": "moebel-süd.de",
        "https://www.moebel-süd.de/": "moebel-süd.de",
        "HTTP://shop.example?x=1": "shop.example",
        "www.shop.example/sale": "www.shop.example",
        " ann@shop.example\n": "ann@shop.example",
        "mailto:ann@shop.example": "ann@shop.example",
        "my shop": "my shop",
    }
    assert answers("senderIn", list(wanted)) == wanted


def test_what_is_typed_in_letters_is_compared_and_saved_as_the_api_stores_it() -> None:
    wanted = {f"Ann.Berg@{domain}": f"Ann.Berg@{ascii_form(domain)}" for domain in [*READABLE, *DECEIVING]}
    for unchanged in [*OTHERS, "Ann@Shop.Example", "bücher.example", "ann@bücher .example", "änn@shop.example"]:
        wanted.setdefault(unchanged, unchanged)
    del wanted["ann@xn--ü.example"]  # no encoder takes it
    assert answers("asStored", list(wanted)) == wanted


@pytest.mark.parametrize("domain", READABLE)
def test_a_domain_is_shown_in_its_letters(shown: dict[str, str], domain: str) -> None:
    assert shown[f"ann@{ascii_form(domain)}"] == f"ann@{domain}"


@pytest.mark.parametrize("domain", DECEIVING)
def test_a_domain_that_may_pass_for_another_stays_in_ascii(shown: dict[str, str], domain: str) -> None:
    address = f"ann@{ascii_form(domain)}"
    assert shown[address] == address


@pytest.mark.parametrize("address", OTHERS)
def test_what_is_no_international_domain_stays(shown: dict[str, str], address: str) -> None:
    assert shown[address] == address


def test_a_domain_alone_is_shown_in_its_letters(shown: dict[str, str]) -> None:
    assert shown[ascii_form(READABLE[0])] == READABLE[0]
