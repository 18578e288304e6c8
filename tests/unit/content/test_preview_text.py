"""The preview text is the mail's first text, hidden, exactly as written, and the proof knows of it."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.compiled import FieldSlot, Segments
from chalicelib.content.compiler import compile_content, preview_html
from chalicelib.content.errors import ContentInvalid
from chalicelib.content.proof import prove
from chalicelib.content.render import Renderer
from tests.unit.content.mails import CAMPAIGN, DELIVERY_ID, LEAD, UNSUBSCRIBE_URL, Tracking, source_of

FORMS = {
    "a page": "<!doctype html><html><head><title>x</title></head><body class=a>\n<p>First</p></body></html>",
    "a page without a head": "<!doctype html><body><p>First",
    "without a body tag": "<!doctype html><title>x</title><style>p{color:red}</style><p>First",
    "a fragment": "<p>First</p>",
    "text": "First",
    "a statement first": "{% if lead.tags %}<p>First</p>{% endif %}<p>x</p>",
    "a body in a statement": "<title>x</title>{% if lead.tags %}<body class=a>{% endif %}<p>First</p>",
    "a table": "<table><tr><td>First",
    "a comment first": "<!-- x --><p>First",
    "a text without scripts": "<noscript><p>x</p></noscript><p>First",
    "an image without scripts": "<html><head><noscript><img src=x alt=''></noscript></head><body><p>First",
    "statements without scripts": "<head><noscript>{% if lead.tags %}x{% endif %}<p>x</noscript><body>First",
    "without scripts in a statement": "{% if lead.tags %}<noscript>x</noscript>{% endif %}First",
    "an element of the head behind a hidden one": "<svg></svg><meta name=a><p>First",
    "styles without scripts": "<head><noscript><style>p{color:red}</style></noscript></head><body>First",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_preview_text_comes_first_hidden_and_proven(form: str) -> None:
    source = source_of(FORMS[form], preview_text="Tom & {{ lead.last_name }}")
    compiled = compile_content(source, Tracking())
    assert prove(source, compiled, Tracking()).faults == ()
    assert prove(source, compile_content(source, None), None).faults == ()
    rendered = Renderer(compiled, Tracking()).render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)
    assert rendered.preview_text == "Tom & O'Neil & <Sons>"
    assert rendered.html is not None
    shown = re.sub(
        r"<title>.*?</title>|<style>.*?</style>|<!--.*?-->|<!doctype html>|<(?!div)[^>]*>", "", rendered.html
    )
    assert shown.lstrip().startswith('<div style="display:none;')
    assert "Tom &amp; O&#x27;Neil &amp; &lt;Sons&gt;" in shown.partition("First")[0].replace("&#39;", "&#x27;")
    assert "Tom" not in rendered.text


def test_a_mail_that_was_copied_with_its_preview_text_is_proven() -> None:
    text = "For {{ lead.first_name }}"
    source = source_of(f"<body>{preview_html(text)}<p>First", preview_text=text)
    assert prove(source, compile_content(source, Tracking()), Tracking()).faults == ()


def test_merge_tags_of_a_preview_text_are_checked_in_its_own_field() -> None:
    with pytest.raises(ContentInvalid) as invalid:
        compile_content(source_of("<p>x", preview_text="Hi {{ nobody }}"), None)
    (fault,) = invalid.value.faults
    assert (fault.field, fault.line, fault.column) == ("preview_text", 1, 7)


PRINTED = st.characters(exclude_categories=["Cc", "Cs"])


@settings(max_examples=60)
@given(
    st.text(PRINTED, min_size=1, max_size=40).filter(lambda text: "{{" not in text and "{%" not in text),
    st.sampled_from(sorted(FORMS)),
)
def test_any_preview_text_is_shown_as_it_was_written(text: str, form: str) -> None:
    source = source_of(FORMS[form], preview_text=text)
    compiled = compile_content(source, Tracking())
    assert prove(source, compiled, Tracking()).faults == ()


SOURCE = source_of("<body><p>First</p><p>Second</p></body>", preview_text="Look {{ lead.first_name }}")
PREVIEW = re.compile(r'<div style="display:none.*?</div>')


@pytest.mark.parametrize(
    "fault",
    ["missing", "twice", "moved", "shown", "other words", "another value"],
)
def test_the_proof_finds_every_other_preview_text(fault: str) -> None:
    compiled = compile_content(SOURCE, Tracking())
    assert compiled.html is not None
    text = "\ue000".join(compiled.html.texts)  # one field and the additions' slots
    found = PREVIEW.search(text)
    assert found is not None
    preview, without = found[0], text.replace(found[0], "")
    slots = compiled.html.slots
    changed = {
        "missing": without.replace("<body>", "<body>\ue000"),
        "twice": text.replace("<body>", f"<body>{preview}"),
        "moved": without.replace("<p>Second", f"{preview}<p>Second"),
        "shown": text.replace("display:none;font-size:1px", "font-size:1px"),
        "other words": text.replace("Look ", "Buy "),
        "another value": text,
    }[fault]
    if fault == "missing":
        changed, slots = changed.replace("<body>\ue000", "<body>"), slots[1:]
    elif fault == "twice":
        slots = (slots[0], *slots)
    elif fault == "another value":
        slots = (FieldSlot("lead", "last_name"), *slots[1:])
    wrong = replace(compiled, html=Segments(tuple(changed.split("\ue000")), slots))
    assert prove(SOURCE, wrong, Tracking()).faults != ()
