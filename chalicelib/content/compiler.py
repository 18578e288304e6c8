"""Compiles what the author wrote, once per campaign, so that rendering costs little more than copying."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.content.assemble import Edit, assemble
from chalicelib.content.compiled import (
    DELIVERY,
    UNSUBSCRIBE,
    UTM_KEYS,
    CompiledContent,
    ContentSource,
    Link,
    LinkTracking,
    MergeField,
    Segments,
    Slot,
)
from chalicelib.content.diagnosis import syntax_error
from chalicelib.content.document import Document, hidden_by_style, is_within, read_document
from chalicelib.content.errors import ContentInvalid, Positions, SourceError
from chalicelib.content.links import MAX_LINKS, LinkCompiler
from chalicelib.content.markup import TEXT
from chalicelib.content.merge_tags import Tag, find_tags, is_in_every_branch, mask
from chalicelib.content.pieces import split
from chalicelib.content.placement import misplaced
from chalicelib.content.plain_text import text_from_html
from chalicelib.content.values import escape
from chalicelib.content.vocabulary import check
from chalicelib.model.addresses import MalformedAddress, parse_address
from chalicelib.model.errors import Fault
from chalicelib.model.workspace import Language

MAX_BYTES: Final = 1_048_576  # of html, and of text
MAX_HEADER_LENGTH: Final = 500  # characters of subject, from_name, reply_to, preview_text as written

UNSUBSCRIBE_WORDS: Final[Mapping[Language, str]] = {Language.EN: "Unsubscribe", Language.DE: "Abmelden"}
_PREVIEW_STYLE = (
    "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
)
# Fills the line that inboxes show, so that they do not go on with the mail's first words.
_FILLER = "&#847;&zwnj;&nbsp;&#8199; " * 35
# U+DC80 to U+DCFF stand for bytes that are no UTF-8 (PEP 383): they leave as they came. The others mean nothing.
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_NOT_UTF8 = "merge tags, and what statements enclose, must be UTF-8; this byte is not"
_UNDECODED_BYTE = re.compile("[\udc80-\udcff]")


def compile_content(source: ContentSource, tracking: LinkTracking | None) -> CompiledContent:
    """Compile one e-mail; without `tracking`, links stay as written and there is no pixel.

    Content, subject and sender may be missing, as in a draft. Raises ContentInvalid with every problem found (field,
    reason, line and column). Bounded: 1 MB, linear time.
    """
    try:
        return _Compiler(source, tracking).compile()
    except ContentInvalid as error:
        raise ContentInvalid(list(map(source.fault, error.faults))) from None


def preview_html(preview_text: str) -> str:
    """The hidden element that holds a preview text, as the source of a template. Raises SourceError."""
    parts = split(preview_text, find_tags(preview_text))
    text = "".join(piece.text if tag else escape(piece.text) for piece, tag in parts)
    return f'<div style="{_PREVIEW_STYLE}">{text}{_FILLER}</div>'


def footer(language: Language) -> Sequence[str | Slot]:
    """What is added to HTML that shows no unsubscribe link."""
    style = "margin:24px 0 0;font:12px/1.5 sans-serif;color:#767676;text-align:center"
    start = f'<p style="{style}"><a style="color:#767676" href="'
    return start, UNSUBSCRIBE, f'">{UNSUBSCRIBE_WORDS[language]}</a></p>'


def pixel(base_url: str) -> Sequence[str | Slot]:
    """The image whose loading is an open."""
    style = "display:block;border:0;width:1px;height:1px"
    return f'<img src="{base_url}/t/o/', DELIVERY, f'.gif" width="1" height="1" alt="" style="{style}">'


class _Compiler:
    def __init__(self, source: ContentSource, tracking: LinkTracking | None) -> None:
        self._source = source
        self._tracking = tracking
        self._faults: list[Fault] = []
        self._merge_fields: list[MergeField] = []

    def compile(self) -> CompiledContent:
        source = self._source
        self._check_source()
        preview_text = self._header("preview_text", source.preview_text) if source.preview_text else None
        html, links, text_from = self._html()
        given = source.text if source.text and source.text.strip() else None
        text = self._text(given) if given else self._text(text_from, reported=False)
        subject = self._header("subject", source.subject)
        from_name = self._header("from_name", source.from_name) if source.from_name else None
        reply_to = self._header("reply_to", source.reply_to) if source.reply_to else None
        if self._faults:
            raise ContentInvalid(self._faults)
        return CompiledContent(
            subject=subject,
            html=html,
            text=text,
            from_email=source.from_email,
            from_name=from_name,
            reply_to=reply_to,
            links=tuple(links),
            merge_fields=tuple(self._merge_fields),
            tracked=html is not None and self._tracking is not None,
            text_generated=given is None,
            base_url=self._tracking.base_url if self._tracking else "",
            utm=tuple((key, source.utm[key]) for key in UTM_KEYS if self._tracking and source.utm.get(key)),
            preview_text=preview_text,
        )

    def _check_source(self) -> None:
        source = self._source
        for field, text in (("html", source.html), ("text", source.text)):
            if text and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
                raise ContentInvalid([Fault(field, f"is larger than {MAX_BYTES // 1024:,} KB")])
        if source.from_email:
            try:
                parse_address(source.from_email)
            except MalformedAddress as error:
                self._faults.append(Fault("from_email", str(error)))
        for field in ("subject", "from_name", "reply_to", "preview_text"):
            if len(getattr(source, field) or "") > MAX_HEADER_LENGTH:
                self._faults.append(Fault(field, f"is longer than {MAX_HEADER_LENGTH} characters"))

    def _html(self) -> tuple[Segments | None, list[Link], str]:
        """The HTML's segments, its links, and the template text of a plain part made from it."""
        source = self._source.html
        tags = self._tags("html", source) if source and source.strip() else None
        if source is None or tags is None:
            return None, [], ""
        masked = mask(source, tags)
        try:
            document = read_document(source, masked, tags)
        except SourceError as error:
            self._note("html", source, [error])
            return None, [], ""
        if len(document.hrefs) > MAX_LINKS:
            self._faults.append(Fault("html", f"has more than {MAX_LINKS:,} links"))
            return None, [], ""
        problems = misplaced(masked, tags, document)
        compiler = LinkCompiler(source, tags, document, self._tracking, self._source.utm)
        links, edits = ([], []) if problems else compiler.compile()
        if problems := problems + compiler.problems:
            self._note("html", source, problems)
            return None, [], ""
        if self._source.preview_text and not self._faults:
            preview = preview_html(self._source.preview_text)
            pieces = list(assemble(preview, find_tags(preview)).pieces())
            edits.append(Edit(document.begins_at, document.begins_at, pieces))
        added: list[str | Slot] = []
        if not _shows_unsubscribe(masked, tags, document):
            added += footer(self._source.language)
        if self._tracking is not None:
            added += pixel(self._tracking.base_url)
        if added:
            edits.append(Edit(document.insert_at, document.insert_at, added))
        return assemble(source, tags, edits), links, text_from_html(source, masked, tags, document)

    def _text(self, source: str, *, reported: bool = True) -> Segments:
        try:
            tags = (self._tags("text", source) if reported else find_tags(source)) or []
        except SourceError as error:  # a text made of HTML has tags of its own around braces that begin no merge tag
            self._faults.append(Fault("html", f"cannot be made into plain text: {error.reason}"))
            tags = []
        edits = []
        if not is_in_every_branch(tags, _names_unsubscribe):
            word = UNSUBSCRIBE_WORDS[self._source.language]
            joint = "" if source.endswith("\n") else "\n"
            edits.append(Edit(len(source), len(source), [f"{joint}\n-- \n{word}: ", UNSUBSCRIBE, "\n"]))
        return assemble(source, tags, edits)

    def _header(self, field: str, source: str) -> Segments:
        return assemble(source, self._tags(field, source) or [])

    def _tags(self, field: str, source: str) -> list[Tag] | None:
        """The field's merge tags, checked; None (and problems noted) when any is wrong."""
        problems: list[SourceError] = []
        tags: list[Tag] = []
        if surrogate := _LONE_SURROGATE.search(source):
            problems.append(SourceError(surrogate.start(), "this is no Unicode character (half of a surrogate pair)"))
        elif "{%" in source and (byte := _UNDECODED_BYTE.search(source)):
            problems.append(SourceError(byte.start(), _NOT_UTF8))
        else:
            try:
                tags = find_tags(source)
            except SourceError as error:
                problems.append(error)
        uses, mistakes = check(tags)
        problems += mistakes
        problems += [SourceError(tag.start, _NOT_UTF8) for tag in tags if _UNDECODED_BYTE.search(tag.body)]
        if not problems and (problem := syntax_error(tags)):
            problems.append(problem)
        positions = self._note(field, source, problems)
        self._merge_fields += [MergeField(use.path, field, *positions.of(use.offset), use.has_default) for use in uses]
        return None if problems else tags

    def _note(self, field: str, source: str, problems: Sequence[SourceError]) -> Positions:
        positions = Positions(source)
        self._faults += [Fault(field, error.reason, *positions.of(error.offset)) for error in problems]
        return positions


def _shows_unsubscribe(masked: str, tags: Sequence[Tag], document: Document) -> bool:
    """Whether every recipient can see the unsubscribe URL: not in a comment, a hidden element or one branch alone."""
    if not any(map(_names_unsubscribe, tags)):
        return False
    hidden = hidden_by_style(masked, document.tokens)
    seen = [(token.start, token.end) for token in document.tokens if token.kind == TEXT]
    seen += [(href.start, href.end) for href in document.hrefs if not href.conditional]
    seen.sort()

    def is_shown(tag: Tag) -> bool:
        is_hidden = is_within(document.hidden, tag.start) or is_within(hidden, tag.start)
        return _names_unsubscribe(tag) and is_within(seen, tag.start) and not is_hidden

    return is_in_every_branch(tags, is_shown)


def _names_unsubscribe(tag: Tag) -> bool:
    return "unsubscribe_url" in tag.body
