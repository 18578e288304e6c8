"""Text for spreadsheets is no formula, and is read back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model.csv_text import neutral, without_apostrophe

texts = st.text(st.sampled_from("'=+-@＝ \t\nax1"), max_size=6)


@given(texts)
def test_what_is_made_neutral_is_read_back_as_it_was(text: str) -> None:
    assert without_apostrophe(neutral(text)) == text


@given(texts.filter(lambda text: not text.startswith("'")))
def test_a_file_from_elsewhere_loses_no_character(text: str) -> None:
    assert without_apostrophe(text) == text


@given(texts)
def test_no_neutral_text_begins_like_a_formula(text: str) -> None:
    assert not neutral(text).lstrip(" ").startswith(tuple("=+-@＝\t\n"))


@pytest.mark.parametrize("text", ["O'Hara", "'tis", "", "'", "a=b", "''"])
def test_other_texts_stay(text: str) -> None:
    assert (neutral(text), without_apostrophe(text)) == (text, text)
