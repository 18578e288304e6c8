"""Finds the merge tag that makes a mail's rendering fail.

Rendering only knows that it fails: tags have lost their places by then. A campaign's templates are compiled once and
carry nothing that its mails do not need.
"""

from collections.abc import Iterator, Mapping

from .engine import TemplateEngine, one_a_line, spoken
from .errors import Problem, RenderFailed
from .merge_tags import Tag, find_tags
from .positions import Positions
from .source import ContentSource

_FIELDS = ("subject", "html", "text", "from_name", "reply_to")


class Diagnosis:
    """Of one e-mail that compiles."""

    def __init__(self, source: ContentSource) -> None:
        self._source = source
        # The tags alone, without the text between them: so a template's line is a tag's number.
        self._tried = [
            (field, text, tags, TemplateEngine([(one_a_line(tags), field == "html")], lambda *link: link[2]))
            for field, text, tags in self._texts()
        ]

    def problem(self, lead: Mapping[str, object], campaign: Mapping[str, object], failure: RenderFailed) -> Problem:
        """What fails for this lead, where; without a place when it is the mail as a whole, as by its size."""
        for field, text, tags, engine in self._tried:
            try:
                engine.render(lead, campaign, "", "")
            except RenderFailed as failed:
                place = () if failed.line is None else Positions(text).of(tags[failed.line - 1].start)
                return Problem(field, failed.reason, *place)
        return Problem("html" if self._source.html else "text", failure.reason)

    def _texts(self) -> Iterator[tuple[str, str, list[Tag]]]:
        for field in _FIELDS:
            text = getattr(self._source, field) or ""
            if tags := spoken(find_tags(text)):
                yield field, text, tags
