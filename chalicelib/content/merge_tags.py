"""Finds merge tags: `{{ value }}` and `{% statement %}` in the author's text, linearly, with their places.

`{# ... #}` is no merge tag: mails are full of minified CSS like `@media{#outlook a{...}}`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from chalicelib.content.errors import SourceError
from chalicelib.content.pieces import split

# Stand-ins for merge tags in masked text: noncharacters, which no author's text holds.
VALUE_MASK: Final = "\ufdd0"
STATEMENT_MASK: Final = "\ufdd1"

MAX_TAG_LENGTH: Final = 2_000  # characters; nobody's hand writes more, and the template engine is spared
MAX_TAGS: Final = 5_000
MAX_DEPTH: Final = 20
MAX_BRANCHES: Final = 1_000  # {% elif %}s; to the engine each is within the one before, a kilobyte of stack

_OPENING = re.compile(r"\{[{%]")
_INSIDE = re.compile(r"(?:[^\"'{}%]|\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\}(?!\})|%(?!\}))*+", re.DOTALL)
_END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_WORD = re.compile(r"\s*([A-Za-z_]\w*)")

OPENERS: Final = frozenset({"if", "for"})
MIDDLES: Final = {"elif": ("if",), "else": ("if", "for")}
CLOSERS: Final = {"endif": "if", "endfor": "for"}


class Tag(NamedTuple):
    """One merge tag: [start, end) covers white space that `{{-` or `-}}` asks to drop.

    `body` is the inside without marks, starting at the offset `inside`; `word` the statement's keyword, "" for a value.
    """

    start: int
    end: int
    word: str
    body: str
    inside: int


def find_tags(text: str) -> list[Tag]:
    """All merge tags in order, statements properly nested. Linear; raises SourceError at the first that is broken."""
    found: list[Tag] = []
    nesting: list[Tag] = []
    position = branches = 0
    while opening := _OPENING.search(text, position):
        tag = _read(text, opening.start(), position)
        found.append(tag)
        if tag.word == "raw":
            tag = _end_of_raw(text, tag)
            found.append(tag)
        else:
            _nest(nesting, tag)
        position = tag.end
        branches += tag.word == "elif"
        if len(found) > MAX_TAGS:
            raise SourceError(tag.start, f"more than {MAX_TAGS:,} merge tags")
        if branches > MAX_BRANCHES:
            raise SourceError(tag.start, f"more than {MAX_BRANCHES:,} {{% elif %}}s")
    if nesting:
        raise SourceError(nesting[-1].start, f"{{% {nesting[-1].word} %}} is never closed")
    return found


def tags_in(tags: Sequence[Tag], start: int, end: int) -> Sequence[Tag]:
    """Those of the tags, which are in order, that start in [start, end)."""
    first, last = (bisect_left(tags, offset, key=lambda tag: tag.start) for offset in (start, end))
    return tags[first:last]


def mask(text: str, tags: list[Tag]) -> str:
    """The text with every merge tag replaced by as many stand-ins, so that no quote or ">" in it is seen as HTML.

    A statement yields nothing, so between attributes it counts as a space; a value counts as a character.
    """
    if not tags:
        return text
    text = text.replace(VALUE_MASK, "?").replace(STATEMENT_MASK, "?")
    return "".join(
        piece.text if tag is None else (STATEMENT_MASK if tag.word else VALUE_MASK) * len(piece.text)
        for piece, tag in split(text, tags)
    )


def is_balanced(tags: Sequence[Tag]) -> bool:
    """Whether these consecutive tags open and close all their own statements."""
    nesting: list[Tag] = []
    try:
        for tag in tags:
            _nest(nesting, tag)
    except SourceError:
        return False
    return not nesting


def require_balance(tags: Sequence[Tag], where: str) -> None:
    """Raises SourceError unless statements end where they begin; `where`: what these tags are in."""
    if not is_balanced(tags):
        what = f"this {{% {tags[0].word} %}} ends in another {where} than it begins in; put both in the same"
        raise SourceError(tags[0].start, what)


class Branches:
    """The branches of a source's statements."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self._starts: list[int] = []
        self._found = [0]
        around = [0]
        for number, tag in enumerate(tags, start=1):
            if tag.word in OPENERS:
                around.append(number)
            elif tag.word in MIDDLES:
                around[-1] = number
            elif tag.word in CLOSERS:
                around.pop()
            self._starts.append(tag.start)
            self._found.append(around[-1])

    def at(self, offset: int) -> int:
        """The number of the branch that a place is in; 0 outside of all."""
        return self._found[bisect_right(self._starts, offset)]


def is_in_every_branch(tags: Sequence[Tag], wanted: Callable[[Tag], bool]) -> bool:
    """Whether one of the wanted merge tags is part of the mail, whichever branches are taken."""
    # Of each open statement: all branches before had one, this one has, there is an else.
    levels = [[True, False, True]]
    for tag in tags:
        if tag.word in OPENERS:
            levels.append([True, False, False])
        elif tag.word in MIDDLES:
            before, here, _ = levels[-1]
            levels[-1] = [before and here, False, tag.word == "else"]
        elif tag.word in CLOSERS:
            levels[-2][1] |= all(levels.pop())
        else:
            levels[-1][1] |= not tag.word and wanted(tag)
    return levels[0][1]


def _read(text: str, start: int, earliest: int) -> Tag:
    is_value = text[start + 1] == "{"
    inside = start + 2
    drop_before = text.startswith("-", inside)
    if drop_before or text.startswith("+", inside):
        inside += 1
    match = _INSIDE.match(text, inside, start + MAX_TAG_LENGTH)
    end = match.end() if match else inside
    closing = "}}" if is_value else "%}"
    if not text.startswith(closing, end):
        raise SourceError(start, _why_unread(text, end, closing))
    body = text[inside:end]
    after = end + 2
    if body.endswith(("-", "+")):
        if body.endswith("-"):
            while after < len(text) and text[after].isspace():
                after += 1
        body = body[:-1]
    word = ""
    if not is_value:
        keyword = _WORD.match(body)
        word = keyword[1] if keyword else "%"
    if drop_before:
        while start > earliest and text[start - 1].isspace():
            start -= 1
    return Tag(start, after, word, body, inside)


def _why_unread(text: str, end: int, closing: str) -> str:
    if text.startswith(("{{", "{%"), end):
        return f"this merge tag is not closed: another one starts before its {closing}"
    if text.startswith("{", end):
        return "braces are not allowed inside a merge tag"
    if text.startswith(("}}", "%}"), end):
        return f"this merge tag must end with {closing}"
    if text.startswith(("'", '"'), end):
        return "a quote inside this merge tag is not closed"
    return f"this merge tag is not closed with {closing} (or is longer than {MAX_TAG_LENGTH:,} characters)"


def _end_of_raw(text: str, opening: Tag) -> Tag:
    closing = _END_RAW.search(text, opening.end)
    if closing is None:
        raise SourceError(opening.start, "{% raw %} is never closed")
    return Tag(closing.start(), closing.end(), "endraw", "endraw", closing.start())


def _nest(nesting: list[Tag], tag: Tag) -> None:
    if tag.word in ("", "raw", "endraw"):
        return
    if tag.word in OPENERS:
        nesting.append(tag)
        if len(nesting) > MAX_DEPTH:
            raise SourceError(tag.start, f"statements are nested more than {MAX_DEPTH} deep")
    elif tag.word in CLOSERS:
        if not nesting or nesting[-1].word != CLOSERS[tag.word]:
            raise SourceError(tag.start, f"{{% {tag.word} %}} without its {{% {CLOSERS[tag.word]} %}}")
        nesting.pop()
    elif tag.word in MIDDLES:
        if not nesting or nesting[-1].word not in MIDDLES[tag.word]:
            raise SourceError(tag.start, f"{{% {tag.word} %}} without its {{% {MIDDLES[tag.word][0]} %}}")
    else:
        raise SourceError(tag.start, f"{{% {tag.word} %}} is not available; use if, elif, else, for and raw")
