"""html5lib as the judge of our scanner: the token stream that a browser-like parser sees."""

from collections.abc import Iterator
from random import Random
from typing import Any

import html5lib
from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tokenTypes

from chalicelib.content import markup
from chalicelib.content.markup import decode_attribute

_KINDS = {number: name for name, number in tokenTypes.items()}
Seen = tuple[Any, ...]

# What goes wrong in real mails, in pieces small enough to meet each other in every way.
PIECES = (
    "<a href=", "<A HREF=", "<area href=", "<a\nhref\n=\n", "<a title='>' href=", "<a data-href=x href=", "<a/href=",
    '"https://x.example/?a=1&amp;b=2"', "'https://y.example/&#38;&nbsp;'", "https://z.example/&copy=1", '""', "''",
    ' href="https://second.example"', " data-no-track", " ", "\n", "\r\n", "\t", "\f", "/", ">", "/>", "=", '"', "'",
    "<", "</", "</a>", "</A >", "</a href='x'>", "text", "&amp;", "&", "&#", "&#x41;", "&lt;a href=x&gt;", "`",
    "<!--", "-->", "--!>", "<!-->", "<!--->", "--", "-", "!", "<!", "<!doctype html>", "<?xml ?>",
    "<!-- <a href='u'> -->", "<!--[if mso]>", "<![endif]-->", "<![if !mso]>", "<![endif]>", "<!--[if !mso]><!-->",
    "<!--<![endif]-->", "<style>", "</style>", "</style", "</STYLE >", "<script>", "</script>", "<SCRIPT ",
    "</script/", "<title>", "</title>", "<textarea>", "</textarea>", "<xmp>", "</xmp>", "<iframe>", "</iframe>",
    "<noembed>", "</noembed>", "<noscript>", "</noscript>", "<p>", "</p>", "<div class=x>", "</div>", "<b ", "<br/>",
    "<img src=x alt='<a href=q>'>", "<v:rect href=", "<body>", "</body>", "</html>", "<html>", "\xe9", "\u0130",
    "\u212a", "\U0001f600", "x", "A", "0", ";", "?", "[", "<table><tr><td>", "</td></tr></table>",
    "<svg><title>t</title><a href='https://s.example'/><style><![CDATA[a>b{}]]></style></svg>", "<template>",
    "</template>",
    "<a b=c<d href='https://u.example'>", "<a x=y/ href=//h.example/>",
)  # fmt: skip


def random_document(random: Random, longest: int = 24) -> str:
    """A document of up to `longest` pieces, never blank."""
    return "".join(random.choices(PIECES, k=random.randint(1, longest))).strip() or "x"


class _ListeningTokenizer(HTMLTokenizer):
    """A tokenizer that keeps what it says, while its parser tells it about <style>, <title> and the like."""

    def __iter__(self) -> Iterator[Any]:
        self.seen: list[Seen] = []
        token: Any
        for token in super().__iter__():
            kind = _KINDS[token["type"]]
            if kind in ("StartTag", "EmptyTag"):
                self.seen.append(("start", token["name"], tuple(token["data"].items())))
            elif kind == "EndTag":
                self.seen.append(("end", token["name"]))
            elif kind == "Comment":
                self.seen.append(("comment", token["data"]))
            elif kind in ("Characters", "SpaceCharacters"):
                self.seen.append(("text", token["data"]))
            yield token


class _Listener(html5lib.HTMLParser):
    def mainLoop(self) -> None:  # noqa: N802 - html5lib's name
        self.tokenizer.__class__ = _ListeningTokenizer
        super().mainLoop()


def judge(document: str) -> list[Seen]:
    """Start tags (with attributes), end tags, comments and text as html5lib sees them."""
    parser = _Listener()
    parser.parse(document)
    tokenizer: Any = parser.tokenizer
    seen: list[Seen] = tokenizer.seen
    return seen


def ours(document: str) -> list[Seen]:
    """The same as our scanner sees them."""
    seen: list[Seen] = []
    for token in markup.tokens(document):
        if token.kind == markup.START_TAG:
            found = tuple((item.name, _value(document, item)) for item in markup.attributes(document, token).values())
            seen.append(("start", token.name, found))
        elif token.kind == markup.END_TAG:
            seen.append(("end", token.name))
        elif token.kind == markup.COMMENT:
            seen.append(("comment", document[token.start : token.end]))
    return seen


def _value(document: str, attribute: markup.Attribute) -> str:
    return decode_attribute(document[attribute.start : attribute.end]) if attribute.start >= 0 else ""
