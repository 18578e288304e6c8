"""The table of a campaign's moves, walked at random: where a campaign can get to, and what it can never do again."""

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.campaign_moves import campaign_moves
from chalicelib.model import lifecycle
from chalicelib.model.campaign import CampaignStatus as Status
from chalicelib.model.lifecycle import GOING, LAUNCHED, MOVES, UNSENT, Move, Who

CHOICES = st.lists(st.integers(0, 41), max_size=30)


def walk(choices: Sequence[int]) -> list[tuple[Status, Move, Status]]:
    """From a draft on, at each step one of the moves that the table allows."""
    steps, status = [], Status.DRAFT
    for choice in choices:
        allowed = [(move, after) for move in MOVES if status in move.before for after in move.after]
        if not allowed:
            break
        move, after = allowed[choice % len(allowed)]
        steps.append((status, move, move.target(after)))
        status = after
    return steps


@given(CHOICES)
def test_a_walk_keeps_to_what_a_marketer_may_rely_on(choices: list[int]) -> None:
    cancelled = False
    for before, move, after in walk(choices):
        assert not cancelled, "nothing comes after a cancellation"
        cancelled = after is Status.CANCELLED
        if before in LAUNCHED and after in UNSENT:
            assert (before, move) == (Status.PLANNING, lifecycle.REVERT)
        if after in GOING and before not in GOING:
            assert Who.MARKETER in move.by or move is lifecycle.FIRE, "mails leave because somebody asked for it"
        if before is Status.SENT:
            assert move is lifecycle.RETRY
        if after is Status.SENT:
            assert before is Status.SENDING


def test_every_status_can_be_reached_and_left_but_for_the_end() -> None:
    reached = {Status.DRAFT}
    while more := {each for move in MOVES if reached & set(move.before) for each in move.after} - reached:
        reached |= more
    assert reached == set(Status)
    assert set(Status) - {status for move in MOVES for status in move.before} == {Status.CANCELLED}


def test_a_status_belongs_to_one_part_of_the_life() -> None:
    assert sorted([*UNSENT, *LAUNCHED]) == sorted(Status)


def test_a_move_leads_only_where_the_table_says() -> None:
    assert lifecycle.PAUSE.target(None) is Status.PAUSED
    assert lifecycle.RESUME.target(Status.SENDING) is Status.SENDING
    for move, status in ((lifecycle.RESUME, None), (lifecycle.RESUME, Status.SENT), (lifecycle.PAUSE, Status.SENT)):
        with pytest.raises(ValueError, match="does not lead to"):
            move.target(status)


def test_the_api_has_a_verb_for_each_of_the_marketers_moves() -> None:
    verbs = {operation.path.rpartition("/")[2].removesuffix("-failed") for operation in campaign_moves.operations}
    asked_for = {move.event for move in MOVES if Who.MARKETER in move.by} - {lifecycle.REVERT.event}
    assert verbs == asked_for
    assert all(move.done for move in MOVES if move.event in asked_for)


def test_two_modules_make_the_moves() -> None:
    product = Path(lifecycle.__file__).parents[1]
    movers = {
        file.relative_to(product).as_posix()
        for file in product.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "move"
    }
    assert movers == {"campaigns/control.py", "campaigns/lifecycle.py"}, (
        "Give campaigns/control.py (for marketers) or campaigns/lifecycle.py a function for this move, and call that."
    )
