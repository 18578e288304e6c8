"""What a search finds in a lead."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead, LeadFilter, folded

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
JURGEN = Lead(
    LeadId("lead_1"),
    "acme",
    "New",
    NOW,
    NOW,
    first_name="Jürgen",
    last_name="Groß",
    fields={"company": "Café Łódź", "seats": 12},
)


@pytest.mark.parametrize("q", ["jurgen", "JÜRGEN G", "gross", "cafe", "12", None, ""])
def test_a_search_ignores_case_and_accents_and_looks_in_custom_fields_too(q: str | None) -> None:
    assert LeadFilter(q=q).matches(JURGEN)


@pytest.mark.parametrize("q", ["ann@bücher.example", "bucher", "xn--bcher-kva"])
def test_an_international_domain_is_found_in_letters_and_as_it_is_sent_to(q: str) -> None:
    assert LeadFilter(q=q).matches(replace(JURGEN, email="ann@xn--bcher-kva.example"))


def test_a_search_does_not_find_what_is_not_there() -> None:
    assert not LeadFilter(q="jorgen").matches(JURGEN)


@given(st.text(), st.text(), st.text())
def test_a_part_of_a_text_is_found_however_it_is_cut(before: str, part: str, after: str) -> None:
    assert folded(part) in folded(before + part + after)
