"""What can go wrong with content, in the author's world.

ContentError
├── ContentInvalid   the content cannot be compiled: a list of problems with their places
├── RenderFailed     one delivery cannot be rendered: a runaway or failing template
└── AddressInvalid   an address or name that no mail may be sent to or from
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct: the field of the source, why, and where (1-based; None when it is the whole field)."""

    field: str
    reason: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f" at line {self.line}, column {self.column}" if self.line is not None else ""
        return f"{self.field}{place}: {self.reason}"


class ContentError(Exception):
    """Base of every error of this package."""


class ContentInvalid(ContentError):
    """The content does not compile; `problems` names every place that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class RenderFailed(ContentError):
    """This delivery cannot be rendered; `reason` is fit for the statistics (it never holds a lead's data).

    `line`: where in the compiled template, if it is a certain place.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line

    @classmethod
    def of(cls, error: BaseException) -> "RenderFailed":
        """Whatever rendering raised, as this: it would be raised again, so it ends this delivery and no other."""
        return error if isinstance(error, RenderFailed) else cls(f"the template fails: {type(error).__name__}")


class AddressInvalid(ContentError):
    """An address that cannot stand in a header; the message says which header and why, never the address."""

    def __init__(self, header: str, reason: str) -> None:
        super().__init__(f"the address in {header} {reason}")
        self.header = header
