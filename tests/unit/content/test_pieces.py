"""Taking texts apart and putting them together: nothing is lost, and places stay known."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content.errors import SourceError
from chalicelib.content.pieces import Joined, Piece, split, unused


class Cut(NamedTuple):
    start: int
    end: int


cuts = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(tuple)).map(
    lambda found: [Cut(*each) for each in sorted(found)]
)


@given(st.text(min_size=20, max_size=20), cuts)
def test_all_of_a_text_comes_in_order_with_its_places(text: str, cuts: list[Cut]) -> None:
    parts = list(split(text, cuts))
    assert "".join(piece.text for piece, _ in parts) == text
    for piece, cut in parts:
        assert piece.at is not None
        assert text.startswith(piece.text, piece.at)
        assert cut is None or (piece.at, piece.text) == (cut.start, text[cut.start : cut.end])


@given(st.text(min_size=20, max_size=20), cuts, st.text(max_size=5))
def test_places_between_replaced_parts_are_found_both_ways(text: str, cuts: list[Cut], other: str) -> None:
    parts = list(split(text, cuts))
    joined = Joined(Piece(other, piece.at) if cut else piece for piece, cut in parts)
    assert joined.text == "".join(other if cut else piece.text for piece, cut in parts)
    for piece, cut in parts:
        if cut is None and piece.text and piece.at is not None:
            at = joined.offset_of(piece.at)
            assert joined.text.startswith(piece.text, at)
            assert joined.source_of(at) == piece.at


def test_what_was_added_is_said_to_be_at_the_place_before_it_or_at_one_that_follows_up_to_a_limit() -> None:
    joined = Joined([Piece("abc", 10), Piece("<b>"), Piece("def", 50)])
    assert [joined.source_of(at) for at in (0, 2, 3, 5, 6, 8, 9)] == [10, 12, 13, 13, 50, 52, 53]
    assert joined.source_of(3, until=6) == 50
    assert joined.source_of(3, until=5) == 13
    assert Joined([Piece("<b>")]).source_of(1) == 0


def test_a_text_that_becomes_too_long_and_one_without_a_free_character_are_refused() -> None:
    with pytest.raises(SourceError, match="more than 1 KB"):
        Joined([Piece("a" * 1024), Piece("b")], 1024)
    assert unused("ab", range(ord("a"), ord("d")), "letter") == "c"
    with pytest.raises(SourceError, match="every letter; remove one"):
        unused("abc", range(ord("a"), ord("d")), "letter")
