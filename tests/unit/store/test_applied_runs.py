"""What a shard's note remembers of the runs that were added."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store.applied_runs import RUNS_KEPT, AppliedRuns

runs = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5)).map(lambda run: (run[0], sum(run))), max_size=30)


def note_of(added: list[tuple[int, int]]) -> AppliedRuns:
    note = AppliedRuns()
    for first, last in added:
        note = note.with_run(first, last)
    return note


@given(runs)
def test_exactly_what_is_inside_a_run_was_added(added: list[tuple[int, int]]) -> None:
    note = note_of(added)
    for sequence in range(-1, 410):
        inside = any(first <= sequence <= last for first, last in added)
        assert note.state_of(sequence) == ("added" if inside else "new" if sequence > -1 else "forgotten")


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 3)).map(lambda run: (run[0], sum(run))), max_size=90))
def test_what_was_added_is_never_new_again(added: list[tuple[int, int]]) -> None:
    note = note_of(added)
    assert len(note.runs) <= RUNS_KEPT
    assert all(note.state_of(sequence) != "new" for run in added for sequence in run)


@given(runs)
def test_a_note_is_read_back_as_written(added: list[tuple[int, int]]) -> None:
    assert AppliedRuns.from_text(note_of(added).to_text()) == note_of(added)


def test_a_full_note_of_aws_own_numbers_fits_into_a_write_unit() -> None:
    start = 4421584500000000017450439091
    note = note_of([(start + 90_071_992 * run, start + 90_071_992 * run + 50_000_000) for run in range(RUNS_KEPT + 9)])
    shard = "arn:aws:dynamodb:eu-central-1:123456789012:table/leadflip-campaigns-prod-DeliveriesTable-1ABCDEFGHIJKL"
    shard += "/stream/2026-11-23T10:15:30.123#shardId-00000001763892930123-0a1b2c3d"
    assert len(note.to_text()) + len(shard) + 80 < 1024
