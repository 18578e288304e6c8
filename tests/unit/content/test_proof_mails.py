"""The proof at launch has no false alarm: whatever compiles is proven, real mails and random documents alike.

Real mails are proven without exception. `EXPLAINED` are the reasons why a random document is not.
"""

import re
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.content.compiled import ContentSource, LinkTracking
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.proof import prove
from tests.unit.content import oracle, test_documents
from tests.unit.content.judged import Signer
from tests.unit.content.mails import source_of
from tests.unit.content.proof_mails import UNSUBSCRIBE_LINKS, random_mail, with_statements, with_values

TRACKING = Signer()
Form = Callable[[str, Random], str]
FORMS: dict[str, Form] = {
    "as they are": lambda html, random: html,
    "with merge tags": with_values,
    "with statements": with_statements,
}


EXPLAINED = {
    "limits": re.compile(r"Leadflip cannot read this HTML because "),
    # html5lib knows the standard in which <select> holds options alone; browsers since 2025 keep what else is in it.
    "select": re.compile(r"browsers show no link"),
    # The compiler takes an end tag for that of the innermost element only, so it rather hides too much.
    "not closed": re.compile(
        r"footer and pixel would be before .<"
        r"(svg|math|select|template|noscript|object|video|audio|canvas|details|dialog|datalist)"
    ),
}
_IN_SELECT = re.compile(r"<select\b", re.IGNORECASE)


def explanation(html: str, reason: str) -> str | None:
    """Why this document is not proven, if that is known."""
    applies = {
        "limits": True,
        "select": _IN_SELECT.search(html),
        "not closed": True,
    }
    return next((name for name, form in EXPLAINED.items() if form.search(reason) and applies[name]), None)


def outcome(source: ContentSource, tracking: LinkTracking | None = TRACKING) -> str:
    """What comes of it: refused by the compiler, proven with as many links as reported, or why it is not proven."""
    try:
        compiled = compile_content(source, tracking)
    except ContentInvalid:
        return "refused"
    proof = prove(source, compiled, tracking)
    if not proof.faults:
        tracked = Counter(link.tracked for link in compiled.links)
        assert (proof.tracked, proof.untracked) == (tracked[True], tracked[False]), source.html
        return "proven"
    explanations = [explanation(source.html or "", fault.reason) for fault in proof.faults]
    assert all(explanations), (proof.faults, source.html)
    return explanations[0] or ""


def assert_real_mails_proven(mails: dict[str, str], form: str) -> None:
    utm = {"source": "news", "campaign": "spring sale"} if form == "with merge tags" else {}
    sources = [source_of(FORMS[form](mail, Random(name)), utm=utm) for name, mail in mails.items()]
    outcomes = Counter(map(outcome, sources))
    # A statement may happen to cut a mail's markup; as they are, all compile.
    assert outcomes["proven"] >= len(mails) * (0.9 if form == "with statements" else 1)
    assert outcomes.keys() <= {"proven", "refused"}


@pytest.mark.parametrize("form", FORMS)
def test_some_real_mails_are_proven(real_mails: dict[str, str], form: str) -> None:
    assert_real_mails_proven(dict(sorted(real_mails.items())[:: max(1, len(real_mails) // 30)]), form)


@pytest.mark.soak
@pytest.mark.parametrize("form", FORMS)
def test_real_mails_are_proven(real_mails: dict[str, str], form: str) -> None:
    assert_real_mails_proven(real_mails, form)


@pytest.mark.soak
def test_real_mails_are_proven_without_tracking(real_mails: dict[str, str]) -> None:
    assert {outcome(source_of(mail), None) for mail in real_mails.values()} == {"proven"}


def test_random_mails_are_proven() -> None:
    assert {outcome(random_mail(Random(f"0 {number}"))) for number in range(60)} == {"proven"}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 11))
def test_2_000_random_mails_are_proven(seed: int) -> None:
    assert {outcome(random_mail(Random(f"{seed} {number}"))) for number in range(200)} == {"proven"}


@pytest.mark.parametrize("tracking", [TRACKING, None], ids=["tracked", "untracked"])
@pytest.mark.parametrize("href", UNSUBSCRIBE_LINKS)
def test_unsubscribe_links_are_proven_however_they_are_written(href: str, tracking: LinkTracking | None) -> None:
    html = f"<p>x <a href='https://x.example/'>x</a> <a href={href}>leave</a></p>"
    assert outcome(source_of(html, utm={"source": "n"}), tracking) == "proven"


HREFS = (
    "https://x.example/\x01", "mailto:a\x7f@b.example", "https://x.example/\x85", "https://x.example/\udce9",
    "tel:\ufffe", "mailto:\ufdd5@x.example", "https://x.example/\ufdd3", "https://x.example/{{ lead.id }}\x7f", "https://x.example/&#1;",
    "https://x.example/&#x80;&#xfdd0;&#xffff;", "https://x.example/\U0001ffff", "&#13;&#10;https://x.example/a&#9;b",
    "&#32;mailto:x&#32;", "https://x.example/\r\na", "mailto:a\rb", "mailto:a\fb", "\u00a0mailto:a", "mailto:&nbsp;",
    " {{ lead.id }} ", "\n{{ lead.id }}\t&#9;x", "#{{ lead.id }}", "&{{ lead.id }};", "&amp{{ lead.id }}",
    "&copy{{ lead.id }}=1",
    "\U000f0000", "\ue000{{ lead.id }}", "https://x.example/\ue000\ue001", "page?{{ lead.id }}", "", " ", "&#0;",
)  # fmt: skip


@pytest.mark.parametrize("href", HREFS)
def test_odd_characters_in_links_are_read_alike(href: str) -> None:
    for base in ("", "<base href=' https://b.example/dir/ '>", "<base href><base href='https://b.example/'>"):
        assert outcome(source_of(f'{base}<a href="{href}">x</a>', utm={"source": "n"})) == "proven"


CLONED = (
    "<p>{a}x<p>y<a>z", "<p>{a}x<p>y</a>z", "{a}x{b}y", "{a}<div>x</a>y", "<b>{a}<p>x</b>y</a>z", "{a}<b>x</a>y</b>",
    "<table>{a}x<tr><td>y</table>z", "{a}x<table><tr><td>{b}y</a></table>z", "<p>{a}x<p>y<p>z<p>{b}w",
    "{a}<div><div><div>x{b}y", "<i>{a}<b><p>x</i>y</b>z</a>w", "<table><tr>{a}x<td>y</td>{b}z</tr></table>",
    "{a}x</p>y</a>", "{a}<button>x{b}y</button>z", "<ul><li>{a}x<li>{b}y</ul>z", "{a}x<h1>y</a>z</h1>",
    "{a}x<!-- c --><p>y<!-- d --><p>z", "<select>x</select>{a}<option>y<p>z",
    "<nobr>{a}x<nobr>y</a>z", "{a}{c}x<p>y", "{c}x<p>y{a}z", "{c}<p>x{c}<p>y",
    "{% if lead.id %}{a}x{% else %}{b}y{% endif %}<p>z", "{a}x<p>{% if lead.id %}{b}y{% endif %}z",
)  # fmt: skip


@pytest.mark.parametrize("html", CLONED)
def test_links_that_browsers_clone_or_move_are_one(html: str) -> None:
    links = {
        "{a}": "<a href=https://a.example/>",
        "{b}": "<a href='https://b.example/'>",
        "{c}": "<a href=mailto:c@c.example>",
    }
    for name, link in links.items():
        html = html.replace(name, link)
    assert outcome(source_of(html)) == "proven"


BOGUS = (
    "</<textarea>",
    "<!<title>",
    "<?<style>",
    "</ <xmp>",
    "<!a <b href='>",
    "<!----!>",
    "<!-->",
    "<!--->",
    "<![CDATA[<b>",
    "<!>",
)


@pytest.mark.parametrize("comment", BOGUS)
def test_links_behind_what_browsers_take_for_comments_are_found(comment: str) -> None:
    assert outcome(source_of(f"{comment}<a href='https://x.example/'>x")) == "proven"


MAKERS: dict[str, Callable[[Random], str]] = {
    "misnested": test_documents.random_document,
    "broken": oracle.random_document,
}


def assert_documents_proven(make: Callable[[Random], str], seed: int, count: int) -> None:
    random = Random(seed)
    outcomes = Counter(outcome(source_of(make(random))) for _ in range(count))
    print(outcomes)
    assert outcomes["proven"] > count / 2
    assert outcomes["proven"] + outcomes["refused"] > count * 0.97


@pytest.mark.parametrize("maker", MAKERS)
def test_random_documents_are_proven(maker: str) -> None:
    assert_documents_proven(MAKERS[maker], 0, 250)


@pytest.mark.soak
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("seed", range(5_000, 5_020))
def test_40_000_random_documents_are_proven(maker: str, seed: int) -> None:
    assert_documents_proven(MAKERS[maker], seed, 1_000)


PIECES = st.sampled_from([*oracle.PIECES, *test_documents.PIECES, *test_documents.WITH_TAGS])
ANY = st.lists(st.one_of(PIECES, st.text(max_size=5)), min_size=1, max_size=16).map("".join)
UTM = st.dictionaries(st.sampled_from(["source", "medium", "term"]), st.text(min_size=1, max_size=5))


@example("<!--[if mso]><a href=</a>\x1f", {})  # what cuts off a comment is no character to a browser
@given(html=ANY.map(lambda html: html.replace("X", "lead.fields.x")), utm=UTM)
def test_any_document_that_compiles_is_proven(html: str, utm: dict[str, str]) -> None:
    assert outcome(source_of(html, utm=utm))
