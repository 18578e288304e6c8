"""The scanner sees what html5lib sees, on whatever is thrown at it."""

import time
from contextlib import suppress
from random import Random

import pytest

from chalicelib.content import markup
from chalicelib.content.errors import SourceError
from tests.unit.content.oracle import judge, ours, random_document

TAGS = ("start", "end")


def assert_same_tags(document: str) -> None:
    # html5lib folds line breaks before it looks.
    folded = document.replace("\r\n", "\n").replace("\r", "\n")
    assert [seen for seen in ours(folded) if seen[0] in TAGS] == [seen for seen in judge(document) if seen[0] in TAGS]


@pytest.mark.parametrize("seed", range(8))
def test_random_documents_read_as_in_html5lib(seed: int) -> None:
    random = Random(seed)
    for _ in range(500):
        assert_same_tags(random_document(random))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_200))
def test_200_000_random_documents_read_as_in_html5lib(seed: int) -> None:
    random = Random(seed)
    for _ in range(1_000):
        assert_same_tags(random_document(random))


def test_real_mails_read_as_in_html5lib(real_mails: dict[str, str]) -> None:
    for document in real_mails.values():
        assert_same_tags(document)


def test_tokens_cover_the_document_without_gaps() -> None:
    random = Random(5)
    for _ in range(500):
        document = random_document(random)
        position = 0
        for token in markup.tokens(document):
            assert token.start == position
            position = token.end
        assert position == len(document)


def test_a_cdata_section_is_refused_only_if_its_end_is_uncertain() -> None:
    """Drawing programs write them into SVG."""
    assert list(markup.tokens("<svg><style><![CDATA[a{}]]></style></svg>"))
    assert list(markup.tokens("<svg><![CDATA[a]]></svg>"))
    with pytest.raises(SourceError, match="CDATA"):
        list(markup.tokens("<svg><![CDATA[a > b]]></svg>"))


@pytest.mark.parametrize(
    "document",
    [
        "<a href=x " * 90_000,
        "<a " + " ".join(f"a{number}=1" for number in range(100_000)) + ">",
        "<a " + "a " * 400_000 + ">",
        "<!--" + "-" * 1_000_000,
        "<!--[if mso]>" * 75_000,
        '<a href="' * 100_000,
        "<" * 1_000_000,
        "<script>" + "<!--<script>" * 80_000,
        "<svg>" + "<![CDATA[" * 100_000,
        "<svg>" + "<![CDATA[]]>" * 80_000,
        "<svg><title>" + "<![CDATA[" * 100_000 + "</title>",
        "<title>" * 140_000,
        "<a b=" + " " * 1_000_000 + ">",
        "<a " + "/" * 1_000_000 + ">",
    ],
    ids=lambda document: document[:24].strip(),
)
def test_a_megabyte_of_malice_is_read_in_seconds(document: str) -> None:
    """What test_limits.py compiles is read there."""
    start = time.process_time()
    with suppress(SourceError):
        for token in markup.tokens(document):
            if token.kind == markup.START_TAG:
                markup.attributes(document, token)
    assert time.process_time() - start < 4  # measured 0.02 to 0.4
