"""Finds the merge tags that would change how the HTML is read.

A mail is read once, values and all branches included. Each lead's mail reads the same only if a statement ends where it
began (between tags, within one tag or within one value), and no value becomes part of a tag's or attribute's name.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

from chalicelib.content import markup
from chalicelib.content.document import Document
from chalicelib.content.errors import SourceError
from chalicelib.content.markup import Attribute, Token
from chalicelib.content.merge_tags import CLOSERS, MIDDLES, OPENERS, STATEMENT_MASK, VALUE_MASK, Tag

_CUTS = "this {{% {} %}} begins {} and does not end there; write whole tags, or whole values, into each branch"
_NAME = "a merge tag cannot be part of the name of an HTML tag or attribute; if the sign < is meant, write &lt;"
_LOOSE = "in the tag of a link, a value must stand between the quotes of an attribute"
_UNQUOTED = "write the quotes around the statement, not into it"
_HREF = 'an href cannot depend on a statement around it; write href="{% if ... %}...{% else %}...{% endif %}"'
_SCRIPT = "a <script> with <!-- in it cannot have statements: where it ends would depend on them"
_BASE = "the address of <base> is everybody's; it cannot have merge tags"
_COMMENT = "in a comment, write a space between a merge tag and >: it could end the comment"
_BEFORE_NAME = re.compile(r"<(?:[/?]|!-?)?\Z")
_ENDS_COMMENT = re.compile(r"(?:-?|!)>")
_IN_NAME = re.compile(rf"[^\s/>\"'={VALUE_MASK}{STATEMENT_MASK}]")
_NAMING = (markup.TEXT, markup.RAW_TEXT, markup.UNFINISHED)  # where a < may begin a tag
_HREFS = ("href", "xlink:href")


def misplaced(masked: str, tags: Sequence[Tag], document: Document) -> list[SourceError]:
    """The merge tags that would make the HTML of some leads read otherwise than this document."""
    problems: dict[int, str] = {}
    unclosed: list[tuple[Tag, _Place]] = []
    tokens, conditional = document.tokens, document.conditional
    starts, conditional_starts = ([token.start for token in each] for each in (tokens, conditional))
    around = None
    for tag in tags:
        token = outer = tokens[bisect_right(starts, tag.start) - 1]
        if (number := bisect_right(conditional_starts, tag.start)) and tag.start < conditional[number - 1].end:
            token = conditional[number - 1]
        if around is None or token is not around.token:
            around = _Around(masked, token, is_conditional=token is not outer)
        if masked.startswith("<!--", outer.start) and _ENDS_COMMENT.match(masked, tag.end):
            problems[tag.start] = _COMMENT
        place = around.place(tag.start)
        opener, begun = unclosed[-1] if tag.word in MIDDLES or tag.word in CLOSERS else (tag, place)
        if reason := around.why_not(tag, opener):
            problems.setdefault(opener.start, reason)
        elif place != begun and (begun != ("within a tag", token.start) or not around.ends_value(tag)):
            problems.setdefault(opener.start, _CUTS.format(opener.word, begun[0]))
        elif around.is_link and any(opener.end < start < tag.start for start in around.hrefs):
            problems.setdefault(opener.start, _HREF)
        if tag.word in OPENERS:
            unclosed.append((tag, place))
        elif tag.word in CLOSERS:
            unclosed.pop()
    return [SourceError(offset, reason) for offset, reason in sorted(problems.items())]


_Place = tuple[str, object]
"""Where a merge tag stands, in words, and in which of those: equal for what is read alike."""


class _Around:
    """The token that merge tags stand in."""

    def __init__(self, masked: str, token: Token, *, is_conditional: bool) -> None:
        self.token = token
        self._is_conditional = is_conditional
        self._masked = masked
        written = markup.written_attributes(masked, token) if token.kind == markup.START_TAG else []
        self._values = [attribute for attribute in written if attribute.start >= 0]
        self._starts = [attribute.start for attribute in self._values]
        self.is_link = token.name in ("a", "area", "base") or token.name.startswith("v:")
        self.hrefs = [attribute.start for attribute in self._values if attribute.name in _HREFS]

    def _value_at(self, offset: int) -> Attribute | None:
        value = self._values[bisect_right(self._starts, offset) - 1] if self._starts else None
        return value if value and value.start <= offset < value.end else None

    def ends_value(self, tag: Tag) -> bool:
        """Whether a value without quotes ends with this merge tag, or before it: there is no telling."""
        value = self._value_at(tag.start)
        return value is not None and value.end == tag.end and self._masked[value.start - 1] not in "\"'"

    def place(self, offset: int) -> _Place:
        kind, start, _, name, _ = self.token
        if kind == markup.TEXT:
            return "between tags", self._is_conditional
        if kind == markup.COMMENT:
            return "in a comment", ""
        if kind == markup.RAW_TEXT:
            return f"in a <{name}>", ""
        value = self._value_at(offset)
        return ("in a value", value.start) if value else ("within a tag", start)

    def why_not(self, tag: Tag, opener: Tag) -> str | None:
        """Why this merge tag cannot stand here; `opener` begins its statement."""
        masked, token = self._masked, self.token
        sign = _BEFORE_NAME.search(masked, max(0, tag.start - 3), tag.start)
        if sign and (token.kind in _NAMING or token.start == sign.start()):
            return _NAME
        if token.kind == markup.RAW_TEXT and token.name == "script" and tag.word:
            return _SCRIPT if masked.find("<!--", token.start, token.end) >= 0 else None
        if token.kind not in (markup.START_TAG, markup.END_TAG):
            return None
        value = self._value_at(tag.start)
        if value is None:
            before = {opener.start - 1, (opener if tag.word in MIDDLES else tag).start - 1}
            joins = _IN_NAME.match(masked, tag.end) and any(_IN_NAME.match(masked, each) for each in before)
            if tag.start < token.names_end or (tag.word and (joins or masked[tag.end] == "=")):
                return _NAME
            return _LOOSE if self.is_link and not tag.word else None
        if token.name == "base" and value.name == "href":
            return _BASE
        if masked[value.start - 1] in "\"'":
            return None
        if tag.word:
            return _UNQUOTED if masked[tag.end] in "\"'" else None
        return _LOOSE if self.is_link and value.name not in _HREFS else None
