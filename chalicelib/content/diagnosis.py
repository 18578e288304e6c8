"""Finds the merge tag that the template engine refuses, or fails at.

A compiled template no longer knows the places of its tags, since its mails do not need them. Here each text's tags
are a template of their own with one tag a line, so that the line of an error is the number of a tag.
"""

import re
from collections.abc import Mapping, Sequence

from chalicelib.content.compiled import ContentSource
from chalicelib.content.engine import TemplateEngine, syntax_error_in
from chalicelib.content.errors import Positions, RenderFailed, SourceError
from chalicelib.content.expressions import engine_source
from chalicelib.content.merge_tags import Tag, find_tags
from chalicelib.model.errors import Fault

_FIELDS = ("subject", "html", "text", "from_name", "reply_to", "preview_text")


def syntax_error(tags: Sequence[Tag]) -> SourceError | None:
    """What the engine finds wrong with the grammar of these tags. It computes constants: check the words first."""
    compiled = _compiled(tags)
    if not compiled or (found := syntax_error_in(_one_a_line(compiled))) is None:
        return None
    line, reason = found
    return SourceError(compiled[min(line, len(compiled)) - 1].start, reason)


class Diagnosis:
    """Why mails of one e-mail that compiles cannot be rendered."""

    def __init__(self, source: ContentSource) -> None:
        self._source = source
        self._tried: list[tuple[str, str, list[Tag], TemplateEngine]] = []
        for field in _FIELDS:
            text = getattr(source, field) or ""
            if tags := _compiled(find_tags(text)):
                engine = TemplateEngine([(_one_a_line(tags), field == "html")], lambda *link: link[2])
                self._tried.append((field, text, tags, engine))

    def fault(self, lead: Mapping[str, object], campaign: Mapping[str, object], failure: RenderFailed) -> Fault:
        """What fails for this lead, and where; without a place when it is the mail as a whole, such as its size."""
        for field, text, tags, engine in self._tried:
            try:
                engine.render(lead, campaign, "", "")
            except RenderFailed as failed:
                place = () if failed.line is None else Positions(text).of(tags[failed.line - 1].start)
                return self._source.fault(Fault(field, failed.reason, *place))
        return self._source.fault(Fault("html" if self._source.html else "text", failure.reason))


def _compiled(tags: Sequence[Tag]) -> list[Tag]:
    """The tags that the engine gets to see: text between `raw` and `endraw` is text to it anyway."""
    return [tag for tag in tags if tag.word not in ("raw", "endraw")]


def _one_a_line(tags: Sequence[Tag]) -> str:
    lines = (f"{{% {engine_source(tag)} %}}" if tag.word else f"{{{{ {engine_source(tag)} }}}}" for tag in tags)
    return "\n".join(re.sub(r"[\r\n]", " ", line) for line in lines)
