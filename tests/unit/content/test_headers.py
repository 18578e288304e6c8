"""Header fields are folded and encoded as mail servers and mail apps expect it."""

import re
from email.header import decode_header, make_header
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content.message import MAX_LINE, address_header, text_header

ENCODED_WORD = re.compile(r"=\?utf-8\?[BQ]\?[^?\s]*\?=")
ADDRESS = "zoe@mail.example"

plain_words = st.lists(st.text("abcxyz.,!0", min_size=1, max_size=74), min_size=1, max_size=40).map(" ".join)
latin = st.text("abcdeXYZ019_=?.,!- \u00e9", min_size=1, max_size=120)
texts = (
    latin | st.text(st.sampled_from("aé名 ") | st.characters(exclude_categories=("C", "Z")), max_size=300) | plain_words
)


def read(name: str, header: str) -> str:
    """A header's text as the standard library reads it."""
    return str(make_header(decode_header(header.replace("\r\n", "").removeprefix(f"{name}: "))))


@given(texts)
def test_no_line_of_a_subject_is_longer_than_encoded_words_allow(text: str) -> None:
    """A line with an encoded word has at most 76 characters (RFC 2047, 2); some servers cut or refuse longer ones."""
    assert max(map(len, text_header("Subject", text).split("\r\n"))) <= MAX_LINE == 76


@given(texts.map(lambda text: re.sub(r'["\\]', "", text)), st.integers(1, 40))
def test_no_line_with_a_display_name_is_longer_than_encoded_words_allow(name: str, length: int) -> None:
    header = address_header("Reply-To", name, "z" * length + "@mail.example")
    assert max(map(len, header.split("\r\n"))) <= MAX_LINE


@given(texts)
def test_an_encoded_word_has_at_most_75_characters(text: str) -> None:
    """RFC 2047, 2: mail apps need not decode a longer one, and would show its code."""
    for word in ENCODED_WORD.findall(text_header("Subject", text)):
        assert len(word) <= 75


@given(texts)
def test_a_subject_reads_back_as_it_was_written(text: str) -> None:
    assert read("Subject", text_header("Subject", text)) == text.strip()


@given(plain_words.filter(lambda text: len(text) > MAX_LINE))
def test_a_long_subject_of_plain_words_is_folded_and_not_encoded(text: str) -> None:
    """The usual long subject: it stays readable for whatever reads the raw mail, filters among them."""
    header = text_header("Subject", text)
    assert "=?" not in header
    for line, following in pairwise(header.split("\r\n")):
        assert len(line) + 1 + len(following.split()[0]) > MAX_LINE, "lines are filled"
    assert header.replace("\r\n", "") == f"Subject: {text}"


@pytest.mark.parametrize("text", ["a" * 75, "two  spaces " * 8, "x " * 40 + "y" * 75])
def test_a_long_subject_that_folding_would_change_or_not_shorten_is_encoded(text: str) -> None:
    header = text_header("Subject", text)
    assert "=?" in header
    assert read("Subject", header) == text.strip()


def test_a_subject_that_just_fits_is_one_line() -> None:
    text = ("a " * 40)[: MAX_LINE - len("Subject: ")]
    assert text_header("Subject", text) == f"Subject: {text}"
    assert "\r\n" in text_header("Subject", f"{text}b")


@pytest.mark.parametrize("length", range(8, 60))
def test_an_address_moves_to_the_next_line_only_if_it_does_not_fit(length: int) -> None:
    header = address_header("To", "x" * length, ADDRESS)
    assert ("\r\n" in header) == (len(header.replace("\r\n", "")) > MAX_LINE)


@pytest.mark.parametrize(("text", "encoding"), [("Ein Gruß aus Ulm an alle", "q"), ("名前", "b")])
def test_text_is_encoded_the_shorter_way(text: str, encoding: str) -> None:
    """Q leaves Latin letters readable; B is shorter for every other script."""
    header = text_header("Subject", text)
    assert f"=?utf-8?{encoding}?" in header
    assert read("Subject", header) == text
