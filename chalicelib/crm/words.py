"""What a word about a person may be: the same rules for a lead and for an audience that is to find it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_NAME = 64
"""Characters of an entity, a stage, a tag or a custom field's name."""
LONGEST_TEXT = 200
MAX_TAGS = 50

# Lone surrogates too: JSON can write them, UTF-8 cannot.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def normalized(text: str | None) -> str:
    """Trimmed and in Unicode's NFC: the same word is the same text, whoever typed it."""
    return unicodedata.normalize("NFC", text or "").strip()


def normalized_set(texts: Iterable[str]) -> tuple[str, ...]:
    """In normal form, each once, in their order."""
    return tuple(dict.fromkeys(map(normalized, texts)))


def line_faults(text: str, longest: int) -> list[str]:
    """What is wrong with one line of text in normal form."""
    faults = ["must be one line without control characters"] if CONTROLS.search(text) else []
    return faults + ([f"must not be longer than {longest} characters"] if len(text) > longest else [])


def group_faults(name: str) -> list[str]:
    """What is wrong with the name of an entity or a stage, in normal form."""
    if not name:
        return ["must not be empty"]
    return line_faults(name, LONGEST_NAME) + (["must not contain #"] if "#" in name else [])


def tag_faults(tags: Sequence[str]) -> list[str]:
    """What is wrong with a set of tags in normal form."""
    are_sound = all(tag and len(tag) <= LONGEST_NAME and ";" not in tag and not CONTROLS.search(tag) for tag in tags)
    faults = [] if are_sound else ["must be 1 to 64 characters each, without ; and control characters"]
    return faults + ([f"must not be more than {MAX_TAGS}"] if len(tags) > MAX_TAGS else [])
