"""What a delivery says of itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.model.delivery import DeliveryStatus
from chalicelib.model.ids import new_trace_id
from tests.unit.analytics.any_delivery import NOON
from tests.unit.analytics.test_facts import SENT


@pytest.mark.parametrize("status", DeliveryStatus)
def test_resuming_enqueues_a_delivery_again_until_it_has_ended(status: DeliveryStatus) -> None:
    """Enqueued when it had ended, it would be work for nothing; not enqueued before, its lead would get no mail."""
    unfinished = status in (DeliveryStatus.SENDING, DeliveryStatus.WAITING)
    assert replace(SENT, status=status).awaits(SENT.unit) == unfinished


def test_a_second_unit_with_the_same_lead_enqueues_it_until_that_is_noted() -> None:
    """Else the lead would count twice in the total, and the campaign would never be sent."""
    assert SENT.awaits("1.0")
    assert not replace(SENT, replanned=frozenset({"1.0"})).awaits("1.0")
    assert replace(SENT, replanned=frozenset({"1.0"})).awaits("2.0")


def test_a_retried_delivery_counts_from_its_last_claim() -> None:
    """From the first, a mail that is just being retried would count as left by a dead worker."""
    assert SENT.taken_at == NOON
    assert replace(SENT, retried_at=NOON + timedelta(hours=2)).taken_at == NOON + timedelta(hours=2)


def test_a_trace_is_no_delivery() -> None:
    assert replace(SENT, lead_id=new_trace_id()).is_trace
    assert not SENT.is_trace


@pytest.mark.parametrize("status", DeliveryStatus)
def test_only_a_sent_delivery_was_sent(status: DeliveryStatus) -> None:
    assert replace(SENT, status=status).was_sent == (status is DeliveryStatus.SENT)
