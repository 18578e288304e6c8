"""The scanner reads the cases that browsers' tokenizers are tested with as they say.

It differs in two things on purpose: NUL stays NUL, where browsers read U+FFFD, for the author's bytes stay; and `</>`,
which is nothing, is an empty comment, for every byte belongs to a token.
"""

import re

import pytest

from chalicelib.content import markup
from chalicelib.content.errors import SourceError
from local.console import NotReady
from tests.prerequisites import skip_without
from tests.unit.content.tokenizer_cases import Case, Token, cases

RAW_TEXT = {
    "RCDATA state": "title",
    "RAWTEXT state": "style",
    "Script data state": "script",
    "PLAINTEXT state": "plaintext",
}


@pytest.fixture(scope="module")
def given() -> list[Case]:
    try:
        return cases()
    except NotReady as missing:
        skip_without("html5lib-tests", str(missing))


def scanned(text: str) -> list[Token]:
    """The text's tokens in the form of the cases; texts as written, and a tag that is cut off is none."""
    found: list[Token] = []
    for token in markup.tokens(text):
        written = text[token.start : token.end].replace("\0", "\ufffd")
        match token.kind:
            case markup.START_TAG:
                values = {
                    name.replace("\0", "\ufffd"): markup.decode_attribute(text[start:end]).replace("\0", "\ufffd")
                    for name, start, end in markup.attributes(text, token).values()
                }
                found.append(("StartTag", token.name.replace("\0", "\ufffd"), values))
            case markup.END_TAG:
                found.append(("EndTag", token.name))
            case markup.COMMENT | markup.UNFINISHED if not token.name and re.match("<(?!/?[a-zA-Z])", written):
                if written not in ("</>", "</"):
                    found.append(comment_or_doctype(written))
            case markup.TEXT | markup.RAW_TEXT:
                found.append(("Character", written))
            case markup.UNFINISHED if token.name and not re.match(rf"</{token.name}|\Z", written, re.IGNORECASE):
                # the rest of a <title> without its end
                found.append(("Character", written))
    return found


def comment_or_doctype(written: str) -> Token:
    if written[:9].lower() == "<!doctype":
        return ("DOCTYPE",)
    if not written.startswith("<!--"):
        return ("Comment", written[1 if written.startswith("<?") else 2 :].removesuffix(">"))
    inside = re.fullmatch(r"<!--(?:>|->|(.*?)(?:--!?>|--!?|-)?)", written, re.DOTALL)
    assert inside is not None
    return ("Comment", inside[1] or "")


def expected(case: Case) -> list[Token]:
    """The case's tokens without what the scanner does not read: doctypes' parts, and whether a tag closes itself."""
    tokens: list[Token] = []
    for kind, *values in case.tokens:
        if kind == "Character" and tokens and tokens[-1][0] == "Character":
            tokens[-1] = ("Character", tokens[-1][1] + values[0])
        elif kind == "Character" and values[0] != "</":
            tokens.append((kind, values[0].replace("\0", "\ufffd")))
        elif kind != "Character":
            tokens.append((kind, *values[: 0 if kind == "DOCTYPE" else 2]))
    return tokens


def joined(tokens: list[Token], *, texts: bool) -> list[Token]:
    row: list[Token] = []
    for token in tokens:
        if token[0] != "Character":
            row.append(token)
        elif texts and row and row[-1][0] == "Character":
            row[-1] = ("Character", row[-1][1] + token[1])
        elif texts:
            row.append(token)
    return row


def test_the_cases_read_as_they_say(given: list[Case]) -> None:
    differences, read = [], 0
    for case in given:
        if case.state == "CDATA section state":
            continue
        text = case.text.replace("\r\n", "\n").replace("\r", "\n")
        before = "" if case.state == "Data state" else f"<{case.last_start_tag or RAW_TEXT[case.state]}>"
        found = scanned(before + text)[1 if before else 0 :]
        texts = "&" not in text  # references in text are decoded elsewhere
        read += 1
        if joined(found, texts=texts) != joined(expected(case), texts=texts):
            differences.append((case, found))
    assert not differences
    assert read == 6_974


def test_cdata_sections_end_as_the_cases_say_or_are_refused(given: list[Case]) -> None:
    sections = [case for case in given if case.state == "CDATA section state"]
    read = 0
    for case in sections:
        try:
            found = scanned(f"<svg><![CDATA[{case.text}")[2:]
        except SourceError:
            continue
        read += 1
        assert [token for token in found if token[0] != "Character"] == case.tokens[1:], case
    assert len(sections) == 56
    assert read == 4  # the others are not closed


def test_references_in_attributes_mean_what_the_cases_say(given: list[Case]) -> None:
    references = [case for case in given if re.fullmatch(r"&[^\r]*", case.text) and case.state == "Data state"]
    differences, read = [], 0
    for case in references:
        if [kind for kind, *_ in case.tokens] == ["Character"]:
            read += 1
            if markup.decode_attribute(case.text) != case.tokens[0][1]:
                differences.append(case.text)
    assert differences == ["&noti;"]  # where text would read "\xaci;", so that a link keeps its &noti
    assert read == 4_652
