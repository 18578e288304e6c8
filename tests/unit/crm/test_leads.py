"""What a lead may say, and what a change does to it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.crm.lead_input import InvalidLead, LeadInput, checked
from chalicelib.crm.leads import changed, new_lead
from chalicelib.store.lead_rows import decode, encode

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
ADA = new_lead(
    checked({"entity": "acme", "stage": "New", "email": "ada@example.com", "tags": ["vip"], "fields": {"city": "Rom"}}),
    NOW,
)


def faults(said: LeadInput) -> set[str]:
    with pytest.raises(InvalidLead) as invalid:
        checked(said)
    return {error.field for error in invalid.value.faults}


def test_texts_are_trimmed_and_empty_ones_are_cleared() -> None:
    assert checked({"entity": " acme ", "first_name": "  ", "last_name": None}) == {
        "entity": "acme",
        "first_name": None,
        "last_name": None,
    }


def test_the_same_name_in_two_unicode_forms_is_one() -> None:
    assert checked({"first_name": "Zoe\u0308"}) == checked({"first_name": "Zo\u00eb"})


def test_all_faults_are_named_at_once() -> None:
    said: LeadInput = {
        "entity": "a#b",
        "stage": "",
        "email": "nope",
        "tags": ["a;b"],
        "fields": {"email": "x", "ok": "y"},
    }
    assert faults(said) == {"entity", "stage", "email", "tags", "fields.email"}


@pytest.mark.parametrize("name", ["entity", "stage", "external_id", "first_name", "last_name"])
@pytest.mark.parametrize("text", ["a\nb", "a\rBcc: b", "a\0", "a\u2028b", "a\ud800", "x" * 201])
def test_a_text_is_one_short_line_that_can_be_written_down(name: str, text: str) -> None:
    assert faults({name: text}) == {name}  # type: ignore[misc]


def test_a_custom_value_may_have_lines_but_no_control_characters() -> None:
    assert checked({"fields": {"note": "a\r\nb\tc"}}) == {"fields": {"note": "a\r\nb\tc"}}
    assert faults({"fields": {"note": "a\0b"}}) == {"fields.note"}


def test_custom_fields_are_few_and_small() -> None:
    for fields in ({f"f{number}": 1 for number in range(51)}, {"a": "x" * 17_000}):
        with pytest.raises(InvalidLead, match="fields must not be more"):
            changed(ADA, {"fields": fields}, LATER)


def test_a_new_lead_needs_entity_and_stage() -> None:
    with pytest.raises(InvalidLead, match="entity is required for a new lead; stage is required"):
        new_lead(checked({"email": "ada@example.com"}), NOW)


def test_a_change_that_says_nothing_new_is_none() -> None:
    assert changed(ADA, {"stage": "New", "tags": ["vip"], "fields": {"city": "Rom", "gone": None}}, LATER) is ADA


def test_what_is_not_said_is_left_alone() -> None:
    after = changed(ADA, {"email": None, "fields": {"plan": "Gold"}}, LATER)
    assert (after.email, after.stage, after.tags, after.updated_at) == (None, "New", ("vip",), LATER)
    assert after.fields == {"city": "Rom", "plan": "Gold"}


def test_a_null_removes_a_custom_field_and_null_for_all_removes_all() -> None:
    assert changed(ADA, {"fields": {"city": None}}, LATER).fields == {}
    assert changed(ADA, {"fields": None}, LATER).fields == {}


def test_true_and_one_are_different_values() -> None:
    yes = changed(ADA, {"fields": {"member": True}}, LATER)
    assert changed(yes, {"fields": {"member": 1}}, LATER) is not yes


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="#;"), max_size=30)
values = words | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


@given(words, words, words, st.lists(words.filter(str.strip), max_size=5), st.dictionaries(words, values, max_size=5))
def test_a_lead_comes_back_from_its_row_as_it_was(
    entity: str, stage: str, name: str, tags: list[str], fields: dict[str, str | int | float | bool]
) -> None:
    said: LeadInput = {"entity": entity, "stage": stage, "last_name": name, "tags": tags, "fields": fields}
    try:
        lead = new_lead(checked(said), NOW)
    except InvalidLead:
        return
    assert decode(encode(lead)) == lead
