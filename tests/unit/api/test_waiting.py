"""What keeps a campaign's pending mails back, in words."""

from datetime import UTC, datetime

import pytest

from chalicelib.api.stats_models import WaitingAnswer
from chalicelib.model.reasons import WaitReason
from chalicelib.sending.rate import Waiting


def test_waiting_for_the_quota_is_said_with_the_time_of_its_end() -> None:
    answer = WaitingAnswer.of(Waiting(WaitReason.QUOTA, datetime(2026, 11, 24, 14, 20, tzinfo=UTC)))
    assert answer.text == "Waiting for the sending quota, resumes about 24 November, 14:20 UTC."


@pytest.mark.parametrize("reason", WaitReason)
def test_every_reason_has_words(reason: WaitReason) -> None:
    assert WaitingAnswer.of(Waiting(reason, datetime(2026, 11, 24, tzinfo=UTC))).text.startswith("Waiting for ")
