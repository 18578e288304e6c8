"""One tree of errors: every class has one kind, and a problem type has one meaning."""

import builtins
import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator

import chalicelib
from chalicelib.analytics.fold import StreamShardUnknown
from chalicelib.api.http.problems import problem_type
from chalicelib.content.errors import NotProven
from chalicelib.model import errors
from chalicelib.model.errors import (
    MAX_REASON,
    Conflicting,
    Fault,
    Invalid,
    LeadflipError,
    Missing,
    Refused,
    StoreError,
    Unavailable,
)
from chalicelib.model.transport import OutcomeUnknown, TransportError

KINDS = (Missing, Conflicting, Invalid, Refused, Unavailable)


def subclasses(cls: type[Exception]) -> Iterator[type[Exception]]:
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


def ours() -> set[type[Exception]]:
    """Every exception that any of our modules defines and lets out."""
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    return {
        each
        for each in subclasses(builtins.Exception)
        if each.__module__.startswith("chalicelib.") and not each.__name__.startswith("_")
    }


def test_every_error_is_in_the_tree() -> None:
    assert not {each for each in ours() if not issubclass(each, LeadflipError)}


def test_every_error_has_one_kind() -> None:
    # No status tells the caller of a mail's unknown outcome: it must be caught, and never be repeated. A stream without
    # shards is a defect of the deployment.
    without_kind = {LeadflipError, StoreError, TransportError, OutcomeUnknown, StreamShardUnknown}
    for error in ours():
        kinds = [kind.__name__ for kind in KINDS if issubclass(error, kind)]
        assert len(kinds) == (0 if error in without_kind else 1), f"{error.__name__} is of the kinds {kinds}"


def test_a_problem_type_has_one_status_and_title() -> None:
    meanings = defaultdict(set)
    for error in ours():
        assert issubclass(error, LeadflipError)
        assert bool(error.problem) == bool(error.title), error.__name__
        meanings[(problem_type(error).slug, problem_type(error).status)].add(problem_type(error).title)
    assert not {problem: titles for problem, titles in meanings.items() if len(titles) > 1}


def test_the_kinds_are_drawn_with_their_statuses() -> None:
    drawing = (errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    drawn = {
        words[0]: int(words[1])
        for line in drawing.splitlines()
        if len(words := line.strip("│├└─ ").split()) > 1 and words[1].isdigit()
    }
    told = {
        kind.__name__: problem_type(type("Told", (kind,), {}, problem="told", title="Told")).status
        for each in KINDS
        for kind in (each, *each.__subclasses__())
        if kind.__module__ == errors.__name__ and not kind.problem and kind.__name__ in drawing
    }
    assert {name: status for name, status in drawn.items() if name != "Unavailable"} == told


def test_a_refusal_quotes_little_of_a_long_text() -> None:
    refused = NotProven([Fault("html", f"the link goes to {'d' * 900_000}", 2, 19)] * 20)
    assert len(str(refused)) < 2_000
    assert {len(each.reason) for each in refused.faults} == {MAX_REASON}
    assert refused.faults[0].reason.endswith("d…")
    short = Fault("html", "d" * MAX_REASON)
    assert short.brief() == short
