"""What a table makes of the engine's refusals, played by a client that answers as told."""

from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.errors import StoreError, StoreUnavailable
from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.model.times import time_from
from chalicelib.store.claims import Claims, Ending
from chalicelib.store.statements import missing
from chalicelib.store.table import Table
from tests.stand_in import StandIn

NOW = time_from("2026-11-23T10:00:00.000Z")
KEY = {"pk": {"S": "a"}}


class Engine(StandIn):
    """Gives one answer after the other, whatever it is asked; the last one for ever."""

    def __init__(self, *answers: dict[str, Any] | ClientError) -> None:
        self._answers = answers
        self.asked: list[dict[str, Any]] = []

    def _answer(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, ClientError):
            raise answer
        return answer

    put_item = transact_write_items = batch_get_item = batch_execute_statement = _answer


def refusal(code: str, *reasons: str) -> ClientError:
    cancelled = [{"Code": reason} for reason in reasons]
    return ClientError({"Error": {"Code": code, "Message": code}, "CancellationReasons": cancelled}, "Any")


def cancelled(*reasons: str) -> ClientError:
    return refusal("TransactionCanceledException", *reasons)


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_another_one_held_up_is_repeated(reason: str) -> None:
    """Else the loser of two that met would end as an error of the store, which is not retried by anybody."""
    engine = Engine(cancelled("None", reason), {})
    table = Table(engine, "t")

    assert table.transact(table.put(KEY), table.put(KEY))
    assert len(engine.asked) == 2


def test_a_transaction_that_is_held_up_for_ever_may_be_repeated_later() -> None:
    with pytest.raises(StoreUnavailable):
        Table(Engine(cancelled("TransactionConflict")), "t").transact()


def test_a_failed_condition_is_an_answer_even_beside_a_conflict() -> None:
    table = Table(Engine(cancelled("TransactionConflict", "ConditionalCheckFailed")), "t")

    assert not table.transact(table.put(KEY).require(missing("pk")))


def test_a_transaction_that_no_repetition_would_mend_is_an_error() -> None:
    engine = Engine(cancelled("ItemCollectionSizeLimitExceeded"))

    with pytest.raises(StoreError) as error:
        Table(engine, "t").transact()
    assert not isinstance(error.value, StoreUnavailable)
    assert len(engine.asked) == 1


def test_a_single_write_that_meets_a_transaction_is_repeated() -> None:
    """The SDK does not repeat it, and it is no failed condition: the row is as it was."""
    engine = Engine(refusal("TransactionConflictException"), {})
    table = Table(engine, "t")

    assert table.write(table.put(KEY))
    assert len(engine.asked) == 2


def test_a_refused_write_tells_the_row_it_was_judged_on() -> None:
    error = refusal("ConditionalCheckFailedException")
    table = Table(Engine(error), "t")

    assert table.refusal(table.put(KEY)) == {}, "None would say that it was written"
    error.response["Item"] = KEY
    assert table.refusal(table.put(KEY)) == KEY


def test_a_batch_reads_again_what_was_throttled() -> None:
    """A lead left out of a batch would count as deleted, and get no mail."""
    left = {"t": {"Keys": [KEY]}}
    engine = Engine({"Responses": {}, "UnprocessedKeys": left}, {"Responses": {"t": [KEY]}})

    assert Table(engine, "t").find_many([KEY]) == [KEY]
    assert engine.asked[1]["RequestItems"]["t"]["Keys"] == [KEY]


def test_a_batch_is_read_a_hundred_keys_at_a_time() -> None:
    engine = Engine({"Responses": {"t": [KEY]}})

    assert Table(engine, "t").find_many([KEY] * 250) == [KEY] * 3
    assert [len(each["RequestItems"]["t"]["Keys"]) for each in engine.asked] == [100, 100, 50]


MADE: dict[str, Any] = {}


def answers(*errors: str | None) -> dict[str, Any]:
    """What BatchExecuteStatement answers: an error or none for each statement."""
    return {"Responses": [{"Error": {"Code": each, "Message": each}} if each else MADE for each in errors]}


def claimed(count: int) -> Sequence[Delivery]:
    campaign_id = new_campaign_id()
    return [Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENDING, NOW, "0.0", nonce="n") for _ in range(count)]


PASSING = ("ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "InternalServerError")


@pytest.mark.parametrize("code", [*PASSING, "TransactionConflict"])
def test_a_claim_that_was_put_off_is_not_somebody_elses(code: str) -> None:
    """Read as refused, its mail would be skipped as another sender's, and nobody would ever send it."""
    first, second, third = claimed(3)
    engine = Engine(answers(None, code, "DuplicateItem"), answers(None))

    assert Claims(engine, "t").claim_and_record([first, second, third], []) == ([True, True, False], [])
    assert len(engine.asked[1]["Statements"]) == 1, "what was made or refused is not written again"


def test_an_ending_that_was_put_off_is_recorded_with_its_own_answer() -> None:
    """Read as refused, a mail that left would stand at sending until it counts as failed."""
    (mine, other) = claimed(2)
    engine = Engine(answers("TransactionConflict", "ConditionalCheckFailed"), answers(None))
    endings = [Ending(mine, {"status": "sent"}), Ending(other, {"status": "sent"})]

    assert Claims(engine, "t").claim_and_record([], endings) == ([], [True, False])


def test_claims_that_stay_throttled_may_have_been_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.store.claims._ATTEMPTS", 2)

    with pytest.raises(StoreUnavailable):
        Claims(Engine(answers("ThrottlingError")), "t").claim_and_record(claimed(1), [])


def test_a_statement_that_the_engine_does_not_understand_is_an_error() -> None:
    with pytest.raises(StoreError):
        Claims(Engine(answers("ValidationError")), "t").claim_and_record(claimed(1), [])
