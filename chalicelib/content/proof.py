"""Proves before a mail leaves that compiling changed in it what it should, and nothing else.

Two readers have to agree. The scanner (markup.py, document.py) finds the links, and the compiler edits the author's
text there. Here html5lib reads the author's HTML and the compiled HTML as a browser does, and both are compared:

1. Merge tags are replaced by placeholders, so that one comparison holds for all leads (placeholders.py).
2. As texts, both are equal except for values of attributes, and for footer and pixel in one place and the preview text
   in another (proof_texts.py).
3. As trees, both are equal except for hrefs of links. Each of those leads where the author's leads, by a click URL that
   is signed for it, or is as the author wrote it. The report has each link as it is, and no others (proof_links.py).
4. A browser shows footer and pixel, and nothing of the mail behind them. The preview text is hidden before all else.

Steps 3 and 4 are done with all branches of all {% if %} and {% for %} at once, then with the branches of some leads.

Nothing here uses the scanner's idea of where a link is. The places of links in the report are checked like all it says:
html5lib has to find a link at each of them. Shared are only the reading of merge tags (merge_tags.py), the rules of
what a destination means (destinations.py), which styles hide an element (document.py), and the forms of footer,
pixel and preview text (compiler.py).
"""

import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from time import thread_time
from typing import Final, NoReturn

from chalicelib.content.compiled import CompiledContent, ContentSource, LinkTracking, Segments
from chalicelib.content.compiler import preview_html
from chalicelib.content.destinations import tidy
from chalicelib.content.errors import Positions, SourceError
from chalicelib.content.html_tree import NOT_SHOWN, SECONDS, Node, NotParsed, as_read, nodes, parse
from chalicelib.content.placeholders import DEFECT, Placeholders, folded
from chalicelib.content.proof_links import FollowedLinks
from chalicelib.content.proof_texts import PREVIEW, Alignment, Differs
from chalicelib.model.errors import Fault

LAUNCH_SECONDS: Final = 4.0
"""Of CPU, at launch: more than a request gives, so that what a request has proven does not fail there."""
MAX_FAULTS: Final = 20

_CONDITION = re.compile(r"\[if\b[^\]]*+\]>", re.IGNORECASE)
_BODY_END = re.compile(r"</(?:body[\s/>]|\Z)", re.IGNORECASE)
_CLOSE = "the end of the mail is in a hidden element; close this element"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven of one compiled mail; without faults, that nothing but these links, footer and pixel changed."""

    tracked: int
    """Links that a browser would follow through a click URL."""
    untracked: int
    """Links that are as the author wrote them."""
    faults: tuple[Fault, ...] = ()
    """What differs, with its place in the author's source."""


def prove(
    source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, *, seconds: float = SECONDS
) -> Proof:
    """Compare what the author wrote with what it was compiled to, `tracking` being what it was compiled with.

    Parses for at most that many seconds of CPU, and never raises: what cannot be checked is a fault.
    """
    proof = _proof(source, compiled, tracking, thread_time() + seconds)
    return replace(proof, faults=tuple(map(source.fault, proof.faults)))


def _proof(source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, deadline: float) -> Proof:
    html = folded(source.html or "")
    if not html.strip() or compiled.html is None:
        is_text = not html.strip() and compiled.html is None and not compiled.links
        fault = Fault("html", f"the compiled mail has other parts than the source{DEFECT}", 1, 1)
        return Proof(0, 0, () if is_text else (fault,))
    try:
        return _Comparison(source, html, compiled, compiled.html, tracking, deadline).proof()
    except SourceError as error:
        differs = isinstance(error, Differs)
        reason = error.reason if differs else f"Leadflip cannot read this HTML because {error.reason}"
        fault = Fault("html", reason, *Positions(html).of(error.offset))
    except Exception as error:
        fault = Fault("html", f"the check fails with {type(error).__name__}{DEFECT}", 1, 1)
    return Proof(0, 0, (fault,))


class _Comparison:
    """The comparison of one mail with its source."""

    def __init__(
        self,
        source: ContentSource,
        html: str,
        compiled: CompiledContent,
        segments: Segments,
        tracking: LinkTracking | None,
        deadline: float,
    ) -> None:
        self._deadline = deadline
        self._positions = Positions(html)
        self._placeholders = Placeholders(html + (source.preview_text or ""))
        self._is_tracked = tracking is not None
        base_url = tracking.base_url if tracking else None
        preview = preview_html(source.preview_text) if source.preview_text else ""
        self._texts = Alignment(self._placeholders, html, segments, preview, base_url, source.language)
        self._preview = f"{self._placeholders.mark}{PREVIEW}" if preview else None
        self._texts.number_links(compiled.links, self._positions)
        self._links = FollowedLinks(self._placeholders, source, compiled, tracking)
        self._pixel = f"{base_url}/t/o/{self._placeholders.delivery}.gif"

    def proof(self) -> Proof:
        """Raises Differs where the trees differ, and NotParsed for what cannot be read."""
        for author, compiled in self._texts.readings():
            ours = self._read(author)
            bases = (tidy(each.attributes.get("href", "")) for each in ours if _is_base(each))
            self._links.base = next(filter(None, bases), "")
            theirs = ours if compiled == author else self._read(compiled)
            self._compare(ours, theirs, as_read(author))
            self._check_shown(theirs)
        self._check_end()
        self._links.check_report()
        return Proof(*self._links.count(), tuple(dict.fromkeys(self._links.faults))[:MAX_FAULTS])

    def _read(self, text: str, around: str | None = None) -> list[Node]:
        """What a browser reads; `around`: the text that this one is a part of."""
        try:
            return list(nodes(parse(text, self._deadline)))
        except NotParsed as error:
            # Line breaks are the source's, but for those within merge tags.
            start = around.find(text) if around else 0
            line, column = Positions(around or text).of(start + error.offset)
            in_source = min(self._positions.offset(line, column), self._positions.offset(line + 1, 1) - 1)
            raise NotParsed(in_source, error.reason) from error

    def _compare(self, ours: list[Node], theirs: list[Node], text: str) -> None:
        """Compare two trees node by node; `text` is what the author's was read from."""
        for mine, other in zip_longest(ours, theirs):
            if mine and other and (start := _start_for_outlook(mine, other, text)):
                author, compiled = mine.text[start:], other.text[start:]
                inside = self._read(author, text)
                self._compare(inside, inside if compiled == author else self._read(compiled, text), author)
            elif mine and other and _is_link(mine):
                name = "href" if "href" in mine.attributes else "xlink:href"
                if name in mine.attributes and name in other.attributes:
                    self._links.compare(mine.attributes[name], other.attributes[name], mine.attributes)
                if _without(name, mine) != _without(name, other):
                    self._differ(mine, other)
            elif mine != other:
                self._differ(mine, other)

    def _check_shown(self, compiled: list[Node]) -> None:
        """Pixel and unsubscribe link are where a browser shows them."""
        placeholders = self._placeholders
        pixels, footers, unsubscribes = [], [], []
        if self._preview is not None and not self._begins_with_preview(compiled):
            reason = f"the preview text would not be the first text in the mail{DEFECT}"
            self._links.faults.append(Fault("html", reason, 1, 1))
        for node in compiled:
            href = node.attributes.get("href", "") if _is_link(node) else ""
            if node.name == "img" and node.attributes.get("src") == self._pixel:
                pixels.append(node.is_shown)
            if href == placeholders.own_unsubscribe:
                footers.append(node.is_shown)
            if placeholders.names_unsubscribe(node.text if node.name == "#text" else href):
                unsubscribes.append(node.is_shown)
        if self._is_tracked and pixels != [True]:
            self._note(f"the tracking pixel would not be loaded, because {_CLOSE}")
        if self._texts.has_footer and footers != [True]:
            self._note(f"the unsubscribe link that is added would not be shown, because {_CLOSE}")
        if not self._texts.has_footer and not any(unsubscribes):
            self._note("not every lead would see your unsubscribe link; put it where it is always shown")

    def _begins_with_preview(self, compiled: list[Node]) -> bool:
        """Whether the preview text is the first text of the body, and there alone."""
        at = [number for number, node in enumerate(compiled) if self._preview in node.attributes]
        if len(at) != 1 or compiled[at[0]].around != ("html", "body"):
            return False
        return not any(node.name == "#text" and _is_content(node) for node in compiled[: at[0]])

    def _check_end(self) -> None:
        """A browser shows nothing of what is behind footer and pixel, unless it is behind the body's end."""
        behind = self._texts.behind
        if not _BODY_END.match(behind) and any(map(_is_content, self._read(f"<body>{behind}"))):
            found = self._placeholders.quoted(behind)
            self._note(f"footer and pixel would be before {found}, not at the end of the mail; close that element")

    def _differ(self, mine: Node | None, other: Node | None) -> NoReturn:
        ours, theirs = _said(mine, other), _said(other, mine)
        ours, theirs = map(self._placeholders.quoted, (ours, theirs))
        reason = f"a browser reads {ours} here in the source, and {theirs} in the compiled mail"
        raise Differs(self._positions.offset(*self._links.place), reason)

    def _note(self, reason: str) -> None:
        self._links.faults.append(Fault("html", reason, *self._positions.of(self._texts.added_at)))


def _is_link(node: Node) -> bool:
    """Whether a browser, or Outlook, follows the href of this node."""
    return node.name in ("a", "area") or node.name.startswith("v:")


def _is_base(node: Node) -> bool:
    """Whether a browser resolves addresses by this element; html5lib does not know that a <template> is no document."""
    return node.name == "base" and "template" not in node.around


def _is_content(node: Node) -> bool:
    """Whether this is a text or an element that a browser shows."""
    is_empty = node.name in ("html", "body", "#comment") or (node.name == "#text" and not node.text.strip())
    return node.is_shown and node.name not in NOT_SHOWN and not is_empty


def _without(name: str, node: Node) -> Node:
    return node._replace(attributes={each: value for each, value in node.attributes.items() if each != name})


def _start_for_outlook(mine: Node, other: Node, text: str) -> int:
    """Where the HTML starts that Outlook reads in a conditional comment with links; 0 if this is none.

    A comment that the end of the text cuts off is none.
    """
    condition = _CONDITION.match(mine.text) if mine.name == other.name == "#comment" else None
    if condition is None or not other.text.startswith(condition[0]) or "href" not in mine.text.lower():
        return 0
    is_cut_off = text.rstrip("-!").endswith(mine.text.rstrip("-!"))
    return 0 if is_cut_off else condition.end()


def _said(node: Node | None, beside: Node | None) -> str:
    """A node in words, by what it has and the node beside it has not."""
    if node is None:
        return ""
    if beside and node.name == beside.name and node.attributes != beside.attributes:
        names = node.attributes | beside.attributes
        name = next(each for each in names if node.attributes.get(each) != beside.attributes.get(each))
        return f'{name}="{node.attributes[name]}"' if name in node.attributes else f"<{node.name}> without {name}"
    if node.name == "#text":
        return node.text
    return f"<!--{node.text}-->" if node.name == "#comment" else node.text or f"<{' '.join((*node.around, node.name))}>"
