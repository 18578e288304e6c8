"""What can go wrong with content, in the author's world."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from chalicelib.model.errors import Conflicting, Fault, Invalid, InvalidFields

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class SourceError(Invalid):
    """A merge tag or HTML that cannot be compiled, at an offset of one text of the source."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason


class Positions:
    """Turns offsets into 1-based lines and columns (in characters); finds the lines once, when first asked."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self._text))]

    def of(self, offset: int) -> tuple[int, int]:
        """The (line, column) of one offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column; the text's length if there is no such line."""
        return self._starts[line - 1] + column - 1 if 0 < line <= len(self._starts) else len(self._text)


class ContentInvalid(InvalidFields, problem="invalid-campaign", title="The campaign is not valid"):
    """The content does not compile; `faults` names every place that was found."""


class NotProven(Conflicting, problem="not-proven", title="The check could not confirm the mail"):
    """What would be sent differs from what was written, or cannot be compared with it; `faults` says where."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(each.brief() for each in faults)
        first = "; ".join(map(str, self.faults[:3]))
        super().__init__(f'{first}. Correct the content, or send this version unchecked with "proof": "waived".')


class RenderFailed(Invalid, problem="rendering-failed", title="The content cannot be rendered for this lead"):
    """This delivery cannot be rendered; `reason` is fit for the statistics (it never holds a lead's data).

    `line`: where in the compiled template, if it is a certain place.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line

    @classmethod
    def of(cls, error: BaseException) -> "RenderFailed":
        """Any error as this one: rendering again would raise it again, so it ends this delivery and no other."""
        return error if isinstance(error, RenderFailed) else cls(f"the template fails: {type(error).__name__}")


class AddressInvalid(Invalid):
    """An address that cannot stand in a header; the message says which header and why, never the address."""

    def __init__(self, header: str, reason: str) -> None:
        super().__init__(f"the address in {header} {reason}")
        self.header = header
