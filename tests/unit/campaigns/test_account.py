"""What is remembered of senders, and for how long."""

from collections.abc import Collection
from typing import Any

from chalicelib.campaigns.account import SesAccount
from chalicelib.senders.lookups import Answers, Question
from tests.api_client import HealthySes, OnlyDmarc


class Reverified(HealthySes):
    """SES looks at each sender's records now and then, and says when it last did."""

    def __init__(self) -> None:
        self.looked_at = 0

    def get_email_identity(self, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803
        self.looked_at += 1
        return super().get_email_identity(EmailIdentity) | {
            "VerificationInfo": {"LastSuccessTimestamp": self.looked_at}
        }


class SometimesSilent(OnlyDmarc):
    def __init__(self) -> None:
        self.asked = 0
        self.silent = False

    def look_up(self, questions: Collection[Question]) -> Answers:
        self.asked += 1
        return dict.fromkeys(questions) if self.silent else super().look_up(questions)


def test_dns_is_asked_once_a_minute_and_soon_again_when_it_did_not_answer() -> None:
    dns, now = SometimesSilent(), [0.0]
    account = SesAccount(Reverified(), dns, lambda: now[0])

    def passes_after(seconds: float) -> bool | None:
        now[0] += seconds
        return account.sender("news@shop.example").passes_dmarc

    assert [passes_after(each) for each in (0, 59)] == [True, True]
    assert dns.asked == 1
    dns.silent = True
    assert [passes_after(each) for each in (2, 1)] == [None, None]
    assert dns.asked == 2
    dns.silent = False
    assert (passes_after(5), dns.asked) == (True, 3)
