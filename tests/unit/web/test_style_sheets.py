"""A view's style sheet stays loaded when the view is left, so its rules must not reach elements of other views."""

import re
from collections.abc import Iterator

import pytest

from chalicelib.web import assets

SHEETS = {name: text for name, text in assets.files().items() if name.endswith(".css")}
CLASS = re.compile(r"\.([a-z][\w-]*)")
OUTSIDE_PARENTHESES = r",(?![^(]*\))"


def selectors(sheet: str) -> Iterator[str]:
    text = re.sub(r"/\*.*?\*/|@(?:media|container)[^{]*\{", "", SHEETS[sheet], flags=re.DOTALL)
    for listed in re.findall(r"([^{}]+)\{[^{}]*\}", text):
        yield from (each.strip() for each in re.split(OUTSIDE_PARENTHESES, listed))


def classes(sheet: str) -> set[str]:
    return {name for selector in selectors(sheet) for name in CLASS.findall(selector)}


@pytest.mark.parametrize("sheet", sorted(SHEETS.keys() - {"app.css"}))
def test_every_rule_of_a_views_sheet_names_a_class_that_no_other_sheet_names(sheet: str) -> None:
    others = set[str]().union(*(classes(other) for other in SHEETS if other != sheet))
    leaking = [selector for selector in selectors(sheet) if not set(CLASS.findall(selector)) - others]
    assert not leaking, "these rules also apply in other views: give the element a class of its own"
