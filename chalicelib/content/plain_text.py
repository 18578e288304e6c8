"""Makes the plain-text part out of an HTML mail, as template text: its merge tags stay merge tags."""

import re
from collections.abc import Sequence

from chalicelib.content import markup
from chalicelib.content.destinations import Risk
from chalicelib.content.document import Document, Href, hidden_by_style, is_within
from chalicelib.content.links import decoded, risk
from chalicelib.content.markup import Token
from chalicelib.content.merge_tags import Tag, is_balanced, tags_in
from chalicelib.content.pieces import split

_BLOCKS = "p h1 h2 h3 h4 h5 h6 ul ol table blockquote pre section article header footer hr dl"
_PARAGRAPHS = frozenset(_BLOCKS.split())
_LINES = frozenset({"br", "div", "tr", "li", "center", "dt", "dd", "address", "option"})
_WHITE_SPACE = re.compile(r"[ \t\n\f\r\u00a0\u200c\u200b\u034f\u00ad]+")
BUTTON = "lf-button"
"""In the class of a table cell: the link in it is a button, written as `text: address`."""
_MOST_INDENTS = 8
"""Lists that are never closed would make gigabytes of spaces."""
_NO_ADDRESS_SHOWN = ("#", "tel:", "sms:")


def text_from_html(source: str, masked: str, tags: Sequence[Tag], document: Document) -> str:
    """Template text with the mail's words, a paragraph a block, links as `text (address)`, buttons as `text: address`.

    Addresses are the author's own, not click URLs, so that readers see where a link leads. An address whose host a
    value could change is left out. What its own style hides is left out, too, unless all text is hidden.
    """
    text = _Writer(source, masked, tags, document, hidden_by_style(masked, document.tokens)).write()
    return text if text.strip() else _Writer(source, masked, tags, document, []).write()


class _Writer:
    def __init__(
        self, source: str, masked: str, tags: Sequence[Tag], document: Document, hidden: Sequence[tuple[int, int]]
    ) -> None:
        self._source = source
        self._masked = masked
        self._tags = tags
        self._document = document
        self._hrefs = {href.at: href for href in document.hrefs if not href.conditional}
        self._hidden = hidden
        self._out: list[str] = []
        self._breaks = 0
        self._space = False
        self._link: Href | None = None
        self._link_from = 0
        self._numbers: list[int | None] = []
        """Of the open lists' items so far; None for lists without numbers."""
        self._is_button = False

    def write(self) -> str:
        for token in self._document.tokens:
            if is_within(self._hidden, token.start):
                pass
            elif token.kind == markup.TEXT:
                self._text(token)
                continue
            elif token.kind == markup.START_TAG:
                self._start(token)
            elif token.kind == markup.END_TAG:
                self._end(token)
            self._keep_statements(token)
        lines = "".join(self._out).split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"

    def _keep_statements(self, token: Token) -> None:
        """Keeps the statements that begin or end in this token; those complete within it concern nothing else."""
        inside = [tag for tag in tags_in(self._tags, token.start, token.end) if tag.word]
        if inside and not is_balanced(inside):
            self._out += [self._source[tag.start : tag.end] for tag in inside]

    def _start(self, token: Token) -> None:
        name = token.name
        self._break_for(name)
        if name in ("ol", "ul"):
            self._numbers.append(0 if name == "ol" else None)
        elif name == "li":
            self._say(self._bullet())
        elif name == "hr":
            self._say("---")
            self._breaks = 2
        elif name in ("td", "th"):
            self._space = True
            self._is_button |= BUTTON in self._masked[token.names_end : token.end]
        elif name == "img":
            alt = markup.attributes(self._masked, token).get("alt")
            if alt is not None and alt.start >= 0:
                self._words(self._source[alt.start : alt.end])
        elif name == "a":
            self._finish_link()
            self._link = self._hrefs.get(token.start)
            self._link_from = len(self._out)

    def _end(self, token: Token) -> None:
        if token.name == "a":
            self._finish_link()
        else:
            self._break_for(token.name)
            if token.name in ("ol", "ul") and self._numbers:
                self._numbers.pop()

    def _bullet(self) -> str:
        """What an item begins with, indented by the lists around its own."""
        indent = "  " * min(len(self._numbers) - 1, _MOST_INDENTS)
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return f"{indent}- "
        self._numbers[-1] = number + 1
        return f"{indent}{number + 1}. "

    def _break_for(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._breaks = max(self._breaks, 2)
        elif name == "br":
            self._breaks += 1
        elif name in _LINES:
            self._breaks = max(self._breaks, 1)

    def _finish_link(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        is_button, self._is_button = self._is_button, False
        address = self._address(link)
        said = "".join(self._out[self._link_from :]).strip()
        if not address or address.startswith(_NO_ADDRESS_SHOWN) or address.removeprefix("mailto:") == said:
            return
        if address != said:
            after, self._space = self._space, True
            if is_button and said:
                self._out.append(":")
            self._say(f"({address})" if said and not is_button else address)
            self._space = after

    def _address(self, link: Href) -> str:
        written, tags = decoded(self._source, link, tags_in(self._tags, link.start, link.end))
        if risk(written, tags) is Risk.HOST:
            return ""
        return "".join(each.text if tag else _literal(each.text) for each, tag in split(written, tags)).strip()

    def _text(self, token: Token) -> None:
        tags = tags_in(self._tags, token.start, token.end)
        for piece, tag in split(self._source, tags, token.start, token.end):
            if tag is None:
                self._words(piece.text)
            elif tag.word:
                self._out.append(piece.text)
            else:
                self._say(piece.text)

    def _words(self, written: str) -> None:
        text = _WHITE_SPACE.sub(" ", markup.decode_text(written))
        if not text.strip():
            self._space = self._space or bool(text)
            return
        self._space = self._space or text.startswith(" ")
        self._say(_literal(text.strip(" ")))
        self._space = text.endswith(" ")

    def _say(self, text: str) -> None:
        if self._breaks:
            self._out.append("\n" * min(self._breaks, 2) if self._out else "")
        elif self._space and self._out and not self._out[-1].endswith(("\n", " ")):
            self._out.append(" ")
        self._breaks = 0
        self._space = False
        self._out.append(text)


def _literal(text: str) -> str:
    """The text as template text: what looks like a merge tag (from character references) is escaped."""
    return f"{{% raw %}}{text}{{% endraw %}}" if "{{" in text or "{%" in text or text.endswith("{") else text
