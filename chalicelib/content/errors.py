"""What can go wrong with content, in the author's world."""

from chalicelib.model.errors import Fault as Problem
from chalicelib.model.errors import Invalid

__all__ = ["AddressInvalid", "ContentInvalid", "Problem", "RenderFailed"]


class ContentInvalid(Invalid, problem="invalid-campaign", title="The campaign is not valid"):
    """The content does not compile; `problems` names every place that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.faults = self.problems = problems


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
        """Whatever rendering raised, as this: it would be raised again, so it ends this delivery and no other."""
        return error if isinstance(error, RenderFailed) else cls(f"the template fails: {type(error).__name__}")


class AddressInvalid(Invalid):
    """An address that cannot stand in a header; the message says which header and why, never the address."""

    def __init__(self, header: str, reason: str) -> None:
        super().__init__(f"the address in {header} {reason}")
        self.header = header
