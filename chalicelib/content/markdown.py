"""Makes MJML of Markdown: CommonMark with tables, line breaks as written, without HTML and without indented code.

A link alone in its paragraph with `{button}` behind it is a button. A line of statements such as `{% if ... %}` is no
part of a paragraph, so statements can enclose paragraphs. The parser gets stand-ins for merge tags (source_map.py).
"""

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Final
from unicodedata import bidirectional

from chalicelib.content.errors import Positions, SourceError
from chalicelib.content.merge_tags import Tag, find_tags, require_balance
from chalicelib.content.pieces import Joined, Piece, split
from chalicelib.content.plain_text import BUTTON
from chalicelib.content.source_map import StandIns
from chalicelib.content.theme import ElementStyles, framed
from chalicelib.model.workspace import Workspace

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

MAX_BRACKETS: Final = 3_000
"""Of "[", in which the parser is quadratic: as many take it half a second at most."""
MAX_NESTING: Final = 12
"""Quotes and lists, and their parts, in each other."""

_MARKED = "{button}"
_RTL = ' dir="rtl"'
_MISPLACED_BUTTON = (
    f"{_MARKED} is for a link alone in its paragraph, not in a list or quote: [Text](https://…) {_MARKED}"
)
_SCHEME = re.compile(r"(?:https?://|mailto:|tel:|sms:|#)", re.IGNORECASE)
_IMAGE_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d]{2,}(?=$|[/?#:])")
_MAILBOX = re.compile(r"[^\s@/:]+@[^\s@/:]+")
_NO_LINK = "a link must lead to an address that begins with https://, http://, mailto:, tel: or sms:"
_NO_IMAGE = "an image must have its full address, which begins with https:// or http://"
_TOO_DEEP = f"quotes and lists are nested too deep here (more than {MAX_NESTING // 2})"
_CONTAINERS = {"blockquote", "bullet_list", "ordered_list", "list_item", "table", "thead", "tbody", "tr", "th", "td"}


def mjml_of(source: str, stand_ins: StandIns, workspace: Workspace, problems: list[SourceError]) -> str:
    """The MJML of a mail in the workspace's theme, with stand-ins for merge tags and texts.

    Wrong links, images and buttons are added to `problems`; of anything else the first raises SourceError.
    """
    if source.count("[") > MAX_BRACKETS:
        raise SourceError(source.rindex("["), f"it has more than {MAX_BRACKETS:,} opening brackets")
    tags = find_tags(source)
    writer = _Writer(source, tags, stand_ins, ElementStyles(workspace), problems)
    components = writer.components(_parser().parse(writer.masked, {"statements": stand_ins.is_statements}))
    names_unsubscribe = any("unsubscribe_url" in tag.body for tag in tags)
    return framed(components, workspace, stand_ins, with_unsubscribe_link=not names_unsubscribe)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # 40 ms, and only what makes HTML needs it

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).enable("table").disable("code")
    interrupts = ["paragraph", "reference", "blockquote", "list", "table"]
    parser.block.ruler.before("table", "statements", _statements, {"alt": interrupts})
    # Addresses are judged, and errors said, here; merge tags in them stay as they are.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    return parser


def _statements(state: "StateBlock", line: int, _end: int, silent: bool) -> bool:
    """A rule of the parser: a line of nothing but statements."""
    text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()
    if not state.env["statements"](text):
        return False
    if not silent:
        state.line = line + 1
        token = state.push("statements", "", 0)
        token.content, token.map = text, [line, line + 1]
    return True


class _Writer:
    """Writes the components of one mail."""

    def __init__(
        self,
        source: str,
        tags: Sequence[Tag],
        stand_ins: StandIns,
        styles: ElementStyles,
        problems: list[SourceError],
    ) -> None:
        self._problems = problems
        self._stand_ins = stand_ins
        self._styles = styles
        parts = split(source, tags)
        masked = Joined(each if tag is None else Piece(stand_ins.add(each, tag=tag), each.at) for each, tag in parts)
        self.masked = masked.text
        self._source_of = masked.source_of
        self._lines = Positions(self.masked)
        self._line = 0
        self._components: list[str] = []
        self._html: list[str] = []
        self._table_is_rtl = False
        """Of the last table: cells may hold nothing but numbers."""
        self._open: list[list[Tag]] = [[]]
        """The statements in each of the open elements."""

    def components(self, tokens: "Sequence[Token]") -> str:
        """MJML for the column of a mail."""
        depth = number = 0
        while number < len(tokens):
            token = tokens[number]
            kind, _, side = token.type.rpartition("_")
            self._line = token.map[0] if token.map else self._line
            if token.level > MAX_NESTING:
                raise SourceError(self._at(), _TOO_DEEP)
            if token.type == "inline":
                self._inline(token.children or [])
            elif kind in _CONTAINERS:
                depth += 1 if side == "open" else -1
                if side == "open":
                    self._open_container(kind, token, depth, self._is_right_to_left(tokens, number))
                else:
                    self._close_container(kind, token)
            elif token.type == "paragraph_open" and not depth and self._part(tokens, number):
                number += 2
            elif token.type == "heading_open":
                style = self._styles.heading(int(token.tag[1]), is_first=self._is_first())
                self._text_block(token, style, self._is_right_to_left(tokens, number))
            elif token.type == "paragraph_open":
                is_last = depth > 0 and tokens[number + 3].type.endswith("_close")
                style = self._styles.tight if is_last else self._styles.paragraph
                self._text_block(token, style, self._is_right_to_left(tokens, number))
            elif kind in ("paragraph", "heading"):
                self._close()
                self._html.append("" if token.hidden else f"</{token.tag}>")
            elif token.type == "statements":
                self._statement_line(token.content, depth)
            elif token.type == "fence":
                code = self._literal(token.content.removesuffix("\n"))
                self._html.append(f'<pre style="{self._styles.pre}">{self._mark()}{code}</pre>')
            elif token.type == "hr" and depth:
                self._html.append(f'<hr style="{self._styles.rule}">')
            elif token.type == "hr":
                self._flush()
                self._components.append('<mj-divider css-class="lf-part" />')
            number += 1
        self._flush()
        return "".join(self._components)

    def _is_right_to_left(self, tokens: "Sequence[Token]", number: int) -> bool:
        """Whether the first letter of a block is of a script such as Arabic or Hebrew."""
        after = (tokens[at] for at in range(number + 1, len(tokens)))
        block = takewhile(lambda each: each.level > tokens[number].level, after)
        texts = (self._stand_ins.pattern.sub("", each.content) for each in block if each.type == "inline")
        classes = map(bidirectional, chain.from_iterable(texts))
        return next((each for each in classes if each in ("L", "R", "AL")), "L") != "L"

    def _at(self) -> int:
        """The place in the source of the current line."""
        return self._source_of(self._lines.offset(self._line + 1, 1))

    def _mark(self) -> str:
        """A stand-in for nothing, which keeps the place of the current line."""
        return self._stand_ins.add(Piece("", self._at()))

    def _opened(self) -> None:
        self._open.append([])

    def _close(self) -> None:
        """Checks that the statements of the element that ends are complete."""
        require_balance(self._open.pop(), "paragraph, list or quote")

    def _flush(self) -> None:
        if self._html:
            self._components.append(f'<mj-text css-class="lf-text">{self._taken()}</mj-text>')

    def _taken(self) -> str:
        """A stand-in for the HTML so far, which is begun again."""
        html, self._html = "".join(self._html), []
        return self._stand_ins.add(*self._stand_ins.pieces(html))

    def _statement_line(self, text: str, depth: int) -> None:
        self._open[-1] += self._stand_ins.statements(text)
        if depth:
            self._html.append(text)
        else:
            self._flush()
            self._components.append(f"<mj-raw>{text}</mj-raw>")

    def _part(self, tokens: "Sequence[Token]", number: int) -> bool:
        """Writes a paragraph that is nothing but a button or an image, as a component of its own."""
        shown = [child for child in tokens[number + 1].children or [] if child.type != "text" or child.content.strip()]
        kinds = [child.type for child in shown]
        is_button = shown and shown[-1].type == "text" and shown[-1].content.strip() == _MARKED
        if is_button and kinds.count("link_open") == 1 and kinds[0] == "link_open" and kinds[-2] == "link_close":
            self._flush()
            href = self._attribute(self._address(shown[0]))
            self._inline(shown[1:-2])
            align = ' align="right"' if self._is_right_to_left(tokens, number) else ""
            self._components.append(
                f'<mj-button css-class="lf-part {BUTTON}"{align} href="{href}">{self._taken()}</mj-button>'
            )
        elif kinds in (["image"], ["link_open", "image", "link_close"]):
            self._flush()
            link = f'href="{self._attribute(self._address(shown[0]))}" ' if len(shown) > 1 else ""
            self._components.append(
                f'<mj-image css-class="lf-part" {link}{self._image_attributes(shown[len(shown) // 2])} />'
            )
        else:
            return False
        return True

    def _open_container(self, kind: str, token: "Token", depth: int, is_rtl: bool) -> None:
        self._opened()
        styles = self._styles
        if kind == "table":
            self._table_is_rtl = is_rtl
        is_rtl = self._table_is_rtl if kind in ("th", "td") else is_rtl
        direction = _RTL if is_rtl else ""
        if kind == "blockquote":  # Outlook gives only cells of tables a border and a padding
            quote = styles.rtl_quote if is_rtl else styles.quote
            self._html.append(
                '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" '
                f'style="margin:0 0 16px"><tr><td class="lf-quote" style="{quote}"><blockquote style="margin:0">'
            )
            return
        list_style = (styles.list if depth == 1 else styles.inner_list) + (styles.rtl_list if is_rtl else "")
        cell = f'{direction} align="{_align(token, is_rtl)}" style="{styles.rtl_cell if is_rtl else styles.cell}'
        style = {
            "bullet_list": f'{direction} style="{list_style}"',
            "ordered_list": f'{direction} style="{list_style}"',
            "list_item": f' style="{styles.item}"',
            "table": f'{direction} width="100%" cellpadding="0" cellspacing="0" border="0" style="{styles.table}"',
            "th": f'{cell};font-weight:700"',
            "td": f'{cell}"',
        }.get(kind, "")
        start = token.attrGet("start")
        style += f' start="{start}"' if start is not None else ""
        self._html.append(f"<{token.tag}{style}>")

    def _close_container(self, kind: str, token: "Token") -> None:
        self._close()
        self._html.append("</blockquote></td></tr></table>" if kind == "blockquote" else f"</{token.tag}>")

    def _is_first(self) -> bool:
        """Whether nothing is above but the logo, or a part that keeps its own distance."""
        return not self._html and (not self._components or "lf-part" in self._components[-1])

    def _text_block(self, token: "Token", style: str, is_rtl: bool) -> None:
        self._opened()
        direction, style = (_RTL, style + self._styles.rtl) if is_rtl else ("", style)
        self._html.append(self._mark() if token.hidden else f'<{token.tag}{direction} style="{style}">{self._mark()}')

    def _inline(self, children: "Sequence[Token]") -> None:
        for child in children:
            if child.type == "text":
                if _MARKED in child.content:
                    self._refuse(_MISPLACED_BUTTON)
                self._html.append(self._literal(child.content))
            elif child.type in ("softbreak", "hardbreak"):
                self._line += 1
                self._html.append("<br>\n")
            elif child.type == "code_inline":
                self._html.append(f'<code style="{self._styles.code}">{self._literal(child.content)}</code>')
            elif child.type == "image":
                self._html.append(f'<img {self._image_attributes(child)} style="{self._styles.image}">')
            elif child.nesting > 0:
                self._opened()
                href = f' href="{self._attribute(self._address(child))}"' if child.type == "link_open" else ""
                self._html.append(f'<{child.tag}{href} style="{self._styles.link}">' if href else f"<{child.tag}>")
            elif child.nesting < 0:
                self._close()
                self._html.append(f"</{child.tag}>")

    def _literal(self, text: str) -> str:
        self._open[-1] += self._stand_ins.statements(text)
        return _escaped(text)

    def _address(self, token: "Token") -> str:
        """Where a link leads, or an image is."""
        is_image = token.type == "image"
        address = str(token.attrGet("src" if is_image else "href") or "").strip()
        begins_with_tag = self._stand_ins.pattern.match(address)
        scheme = _IMAGE_SCHEME if is_image else _SCHEME
        if (address or is_image) and not begins_with_tag and not scheme.match(address):
            self._refuse(self._why_no_address(address, is_image=is_image))
        return address.replace(" ", "%20")

    def _why_no_address(self, address: str, *, is_image: bool) -> str:
        shown = "the address" if self._stand_ins.pattern.search(address) else address[:80]
        if _HOST.match(address) and ("/" in address or not is_image):
            return f"add https:// in front of {shown}"
        if _MAILBOX.fullmatch(address) and not is_image:
            return f"add mailto: in front of {shown}"
        return _NO_IMAGE if is_image else _NO_LINK

    def _refuse(self, reason: str) -> None:
        self._problems.append(SourceError(self._at(), reason))

    def _image_attributes(self, token: "Token") -> str:
        alt = "".join(child.content if child.content else " " for child in token.children or [])
        src = self._attribute(self._address(token))
        return f'src="{src}"' + (f' alt="{self._attribute(alt)}"' if alt.strip() else "")

    def _attribute(self, value: str) -> str:
        """A stand-in for the value of an attribute; it keeps the place of the line."""
        require_balance(self._stand_ins.statements(value), "paragraph, list or quote")
        return self._stand_ins.add(Piece("", self._at()), *self._stand_ins.pieces(_escaped(value)))


def _escaped(text: str) -> str:
    """Text for HTML and its attributes; braces that were written as `\\{` or `&#123;` begin no merge tag."""
    return escape(text).replace("{", "&#123;")


def _align(token: "Token", is_rtl: bool) -> str:
    return str(token.attrGet("style") or ("right" if is_rtl else "left")).removeprefix("text-align:")
