"""What keeps a campaign's pending mails back, in words."""

from datetime import UTC, datetime

import pytest

from chalicelib.api.stats import in_words
from chalicelib.model.reasons import WaitReason
from chalicelib.sending.rate import Waiting


def test_waiting_for_the_quota_is_said_with_the_time_of_its_end() -> None:
    text = in_words(Waiting(WaitReason.QUOTA, datetime(2026, 11, 24, 14, 20, tzinfo=UTC)))
    assert text == "Waiting for the sending quota, resumes about 24 November, 14:20 UTC."


@pytest.mark.parametrize("reason", WaitReason)
def test_every_reason_to_wait_has_words(reason: WaitReason) -> None:
    assert in_words(Waiting(reason, datetime(2026, 11, 24, tzinfo=UTC))).startswith("Waiting for the ")
