"""The workspace: what all campaigns share, and the rules for what may be entered."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.model.errors import Fault, InvalidFields


class Language(StrEnum):
    """Of texts that the product itself shows to recipients."""

    EN = "en"
    DE = "de"


FONTS: Mapping[str, str] = {
    "sans": "'Helvetica Neue', Helvetica, Arial, sans-serif",
    "verdana": "Verdana, Geneva, sans-serif",
    "serif": "Georgia, 'Times New Roman', Times, serif",
    "mono": "'Courier New', Courier, monospace",
}
"""Values of CSS font-family by name. Mail clients load no web fonts, so these are installed nearly everywhere."""

MIN_CONTRAST = 4.5
"""Of text on its background: WCAG 2.2, success criterion 1.4.3."""
MIN_WIDTH, MAX_WIDTH = 480, 720
MAX_NAME = 100
MAX_LOGO_URL = 500
MAX_ADDRESS_LINES = 8
MAX_ADDRESS_LINE = 100

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
# Safe as an attribute of a mail and as a source in a content security policy. No braces: those are merge tags.
_LOGO_URL = re.compile(
    r"(?ai:https://(?:[a-z0-9-]+\.)+[a-z0-9-]+(?::\d{1,5})?)(?:/[^\s\"'<>\\^`{|}\x00-\x20\x7f-\x9f]*)?"
)
_MERGE_TAG = re.compile(r"\{[{%#]")


@dataclass(frozen=True, slots=True)
class Theme:
    """How mails written in Markdown look."""

    accent: str = "#3b4fc4"
    """Links and buttons, the latter with white text."""
    text: str = "#1f2937"
    """On white."""
    font: str = "sans"
    """One of FONTS."""
    logo_url: str | None = None
    width: int = 600
    """In pixels."""


@dataclass(frozen=True, slots=True)
class Workspace:
    name: str = ""
    theme: Theme = Theme()
    postal_address: str | None = None
    """Of the sender, some lines: many countries require it in advertising mails."""
    language: Language = Language.EN
    version: int = 0
    """Number of changes; an update names the version it was made from."""


class InvalidWorkspace(InvalidFields, problem="invalid-workspace", title="The workspace is not valid"):
    """A field of the workspace has to be corrected."""


def checked(workspace: Workspace) -> Workspace:
    """The same workspace. Raises InvalidWorkspace."""
    if faults := list(_faults(workspace)):
        raise InvalidWorkspace(faults)
    return workspace


def contrast_with_white(colour: str) -> float:
    """Contrast of a colour (#rrggbb) with white, 1 to 21: WCAG 2.2, "contrast ratio" and "relative luminance"."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _faults(workspace: Workspace) -> Iterator[Fault]:
    theme = workspace.theme
    if len(workspace.name) > MAX_NAME or not workspace.name.isprintable():
        yield Fault("name", f"must be one line of at most {MAX_NAME} characters")
    if _MERGE_TAG.search(workspace.name):
        yield Fault("name", "cannot contain merge tags")
    for field, colour in (("theme.accent", theme.accent), ("theme.text", theme.text)):
        if not _COLOUR.fullmatch(colour):
            yield Fault(field, "must be a colour such as #3b4fc4")
        elif contrast_with_white(colour) < MIN_CONTRAST:
            found = f"{int(contrast_with_white(colour) * 10) / 10}:1"
            yield Fault(field, f"is too light to read beside white: contrast {found}, at least {MIN_CONTRAST}:1 needed")
    if theme.font not in FONTS:
        yield Fault("theme.font", f"must be one of {', '.join(FONTS)}")
    if theme.logo_url is not None and (len(theme.logo_url) > MAX_LOGO_URL or not _LOGO_URL.fullmatch(theme.logo_url)):
        yield Fault("theme.logo_url", f"must be a web address of at most {MAX_LOGO_URL} characters with https://")
    if not MIN_WIDTH <= theme.width <= MAX_WIDTH:
        yield Fault("theme.width", f"must be from {MIN_WIDTH} to {MAX_WIDTH} pixels")
    lines = (workspace.postal_address or "").split("\n")
    if len(lines) > MAX_ADDRESS_LINES or any(len(line) > MAX_ADDRESS_LINE for line in lines):
        yield Fault(
            "postal_address", f"must have at most {MAX_ADDRESS_LINES} lines of at most {MAX_ADDRESS_LINE} characters"
        )
    if not all(line.isprintable() for line in lines):
        yield Fault("postal_address", "contains characters that cannot be printed")
    if _MERGE_TAG.search(workspace.postal_address or ""):
        yield Fault("postal_address", "cannot contain merge tags")
