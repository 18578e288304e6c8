"""What a workspace may hold: colours that can be read, addresses that are safe in a mail."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from chalicelib.api.workspace import Font
from chalicelib.model.workspace import FONTS, InvalidWorkspace, Theme, Workspace, checked, contrast_with_white


def fields(workspace: Workspace) -> list[str]:
    try:
        checked(workspace)
    except InvalidWorkspace as error:
        return [fault.field for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("colour", "ratio"),
    [("#ffffff", 1.0), ("#000000", 21.0), ("#777777", 4.48), ("#767676", 4.54), ("#0000ff", 8.59), ("#FF0000", 4.00)],
)
def test_contrast_is_as_wcag_calculates_it(colour: str, ratio: float) -> None:
    assert contrast_with_white(colour) == pytest.approx(ratio, abs=0.01)


def test_the_defaults_are_valid() -> None:
    assert fields(Workspace()) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accent": "blue"}, "theme.accent"),
        ({"accent": "#3b4fc4;}"}, "theme.accent"),
        ({"accent": "#777777"}, "theme.accent"),
        ({"text": "#bbbbbb"}, "theme.text"),
        ({"font": "Comic Sans"}, "theme.font"),
        ({"width": 479}, "theme.width"),
        ({"width": 721}, "theme.width"),
        *(
            ({"logo_url": url}, "theme.logo_url")
            for url in (
                "http://acme.example/logo.png",
                "javascript:alert(1)",
                "https://acme.example;script-src/logo.png",
                "https://user@acme.example/logo.png",
                'https://acme.example/"onerror=',
                "https://acme.example/{{ lead.email }}",
                "https://acme.example\\@evil.example/",
                "https://acme.example/a b",
                "https://localhost/logo.png",
                "https://acme.example:\u0663/logo.png",
                "https://a\u017f.example/logo.png",
                f"https://acme.example/{'a' * 500}",
            )
        ),
    ],
)
def test_a_theme_that_would_break_a_mail_is_refused(changes: dict[str, object], field: str) -> None:
    assert fields(Workspace(theme=replace(Theme(), **changes))) == [field]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    ["https://acme.example", "https://cdn.acme.example:8443/a/my-logo%20b.png?v=2#x", "https://XN--4CA.example/l.svg"],
)
def test_a_web_address_is_a_logo(url: str) -> None:
    assert fields(Workspace(theme=replace(Theme(), logo_url=url))) == []


@pytest.mark.parametrize("width", [480, 720])
def test_the_limits_themselves_are_valid(width: int) -> None:
    logo_url = "https://acme.example/".ljust(500, "a")
    assert fields(Workspace("n" * 100, Theme(logo_url=logo_url, width=width), "\n".join(["x" * 100] * 8))) == []


def test_a_colour_that_is_too_light_is_told_its_contrast() -> None:
    with pytest.raises(InvalidWorkspace) as invalid:
        checked(Workspace(theme=Theme("#777777")))
    assert "contrast 4.4:1, at least 4.5:1" in invalid.value.faults[0].reason


@pytest.mark.parametrize(
    "text",
    ["\n" * 8, "x" * 101, "Street\x07", "{{ lead.email }}", "{% raw %}"],
    ids=["lines", "long", "bell", "tag", "tag2"],
)
def test_a_postal_address_is_a_few_plain_lines(text: str) -> None:
    assert fields(Workspace(postal_address=text)) == ["postal_address"]
    assert fields(Workspace(postal_address="Acme GmbH\nMusterstraße 1\n10115 Berlin")) == []


def test_a_name_is_one_line() -> None:
    assert (
        fields(Workspace(name="a\nb"))
        == fields(Workspace(name="x" * 101))
        == fields(Workspace(name="{{ x }}"))
        == ["name"]
    )


def test_the_page_and_the_api_offer_the_fonts_there_are() -> None:
    from chalicelib.web import assets

    offered = re.search(r"const FONTS = {(.*?)};", assets.files()["settings.js"])
    assert offered is not None
    assert re.findall(r"(\w+): ", offered[1]) == list(FONTS) == list(get_args(Font))
