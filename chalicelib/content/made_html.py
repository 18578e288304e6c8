"""Makes the HTML of a mail that was written in Markdown or MJML."""

from contextlib import suppress
from typing import Final

from chalicelib.content.errors import ContentInvalid, Positions, SourceError
from chalicelib.content.source_map import SourceMap, StandIns
from chalicelib.model.campaign import Body
from chalicelib.model.errors import Fault
from chalicelib.model.workspace import Workspace

MAX_BYTES: Final = {"markdown": 100 * 1024, "mjml": 1_048_576}
"""Of what is written. Gmail clips a mail at 102 KB of HTML, and Markdown's parser is quadratic in some things."""


def made_of(body: Body, workspace: Workspace) -> SourceMap | None:
    """HTML made of what was written; None if that is HTML, text or nothing. Raises ContentInvalid.

    `workspace`: whose theme a mail in Markdown has.
    """
    field, source = ("mjml", body.mjml) if body.mjml else ("markdown", body.markdown)
    if not source or not source.strip():
        return None
    from chalicelib.content import markdown, mjml, vocabulary  # not needed by what sends mails
    from chalicelib.content.merge_tags import find_tags

    problems: list[SourceError] = []
    try:
        if len(source.encode("utf-8", "surrogatepass")) > MAX_BYTES[field]:
            raise SourceError(0, f"it is larger than {MAX_BYTES[field] // 1024:,} KB")
        stand_ins = StandIns(source)
        if field == "markdown":
            components = markdown.mjml_of(source, stand_ins, workspace, problems)
        else:
            components = mjml.mjml_of(source, stand_ins)
        if not problems:
            return SourceMap(field, source, mjml.compiled(components), stand_ins)
    except SourceError as error:
        problems.append(error)
    except ValueError as error:
        raise ContentInvalid([Fault(field, f"cannot be read: {error}")]) from None
    with suppress(SourceError):  # its tags cannot be told apart, which is among the problems
        problems += vocabulary.check(find_tags(source))[1]
    positions = Positions(source)
    in_order = sorted(problems, key=lambda each: each.offset)
    raise ContentInvalid([Fault(field, each.reason, *positions.of(each.offset)) for each in in_order])
