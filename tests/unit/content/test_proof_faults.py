"""The proof at launch catches what a compiler, scanner or storage with a bug would do to a mail or to its report.

html5lib judges by other ways whether a fault changes anything: what every lead's browser sees, and what is reported.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

import pytest

from chalicelib.content.compiled import CompiledContent, ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.proof import prove
from tests.corpus import NO_CORPUS, corpus_mails, our_mails
from tests.prerequisites import skip_without
from tests.unit.content.faults import KINDS
from tests.unit.content.judged import Signer, reported, seen
from tests.unit.content.mails import source_of
from tests.unit.content.programs import Program
from tests.unit.content.proof_mails import random_mail, with_statements, with_values

Outcomes = Counter[tuple[str, str]]  # by kind: "caught", "same" (it changes nothing), "missed"


def compiled(source: ContentSource) -> Program:
    return Program(source, compile_content(source, Signer()), Signer())


def outcomes_of(programs: Iterable[Program], random: Random, rounds: int = 1) -> tuple[Outcomes, list[str]]:
    """What comes of each kind of fault in each program, and the source and the HTML of what is missed."""
    outcomes: Outcomes = Counter()
    missed = []
    for program in programs:
        assert not prove(program.source, program.compiled, program.tracking).faults
        for kind in KINDS * rounds:
            faulty = kind(program, random)
            if faulty is None or faulty == program.compiled:
                continue
            outcome = outcome_of(program, faulty)
            outcomes[kind.__name__, outcome] += 1
            if outcome == "missed":
                missed.append(f"{kind.__name__}\n{program.source.html}\n{faulty.html}\n{faulty.links}")
    return outcomes, missed


def outcome_of(program: Program, faulty: CompiledContent) -> str:
    if faults := prove(program.source, faulty, program.tracking).faults:
        assert not any("the check fails with" in each.reason for each in faults), "refused by a defect, not by a rule"
        return "caught"
    is_same = reported(faulty) == reported(program.compiled) and seen(faulty) == seen(program.compiled)
    return "same" if is_same else "missed"


def table(outcomes: Outcomes) -> str:
    """How many faults of each kind are caught, change nothing, or are missed."""
    rows = [f"{'kind':34}{'faults':>8}{'caught':>8}{'same':>8}{'missed':>8}"]
    for name in [*(kind.__name__ for kind in KINDS), ""]:
        counts = [
            sum(count for (kind, outcome), count in outcomes.items() if outcome == wanted and name in ("", kind))
            for wanted in ("caught", "same", "missed")
        ]
        rows.append(f"{name or 'all':34}{sum(counts):8}{counts[0]:8}{counts[1]:8}{counts[2]:8}")
    return "\n".join(rows)


def random_programs(seeds: Iterable[int]) -> Iterator[Program]:
    return (compiled(random_mail(Random(seed))) for seed in seeds)


def test_a_thousand_faults_of_every_kind_in_random_mails_are_caught() -> None:
    outcomes, missed = outcomes_of(random_programs(range(26)), Random(0))
    assert not missed, "\n\n".join(missed)
    assert outcomes.total() >= 1_000
    assert {kind.__name__ for kind in KINDS} == {kind for kind, outcome in outcomes if outcome == "caught"}


def test_faults_in_our_mails_are_caught() -> None:
    outcomes, missed = outcomes_of((compiled(source_of(mail)) for mail in our_mails().values()), Random(3))
    print(table(outcomes))
    assert not missed, "\n\n".join(missed)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(20))
def test_20_000_faults_in_random_mails_are_caught(part: int) -> None:
    outcomes, missed = outcomes_of(random_programs(range(1_000 + part * 25, 1_025 + part * 25)), Random(part))
    print(table(outcomes))
    assert not missed, "\n\n".join(missed)


@pytest.mark.soak
@pytest.mark.parametrize("form", ["as it is", "with merge tags", "with statements"])
def test_faults_in_the_corpus_are_caught(form: str) -> None:
    mails = corpus_mails()
    if not mails:
        skip_without("corpus", NO_CORPUS)
    forms = {"as it is": lambda html, random: html, "with merge tags": with_values, "with statements": with_statements}
    utm = {"source": "news", "campaign": "spring sale"}
    programs = (compiled(source_of(forms[form](mail, Random(1)), utm=utm)) for mail in mails.values())
    outcomes, missed = outcomes_of(programs, Random(5))
    print(table(outcomes))
    assert not missed, "\n\n".join(missed)
