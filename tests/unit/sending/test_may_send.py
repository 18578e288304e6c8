"""How long mails leave after a pause, and how often a worker asks."""

from dataclasses import dataclass

import pytest

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId, new_campaign_id
from chalicelib.sending.may_send import SendPermission
from tests.stand_in import StandIn


@dataclass
class Found:
    status: CampaignStatus


class Asked(StandIn):
    """Answers with one campaign, or with none, and counts how often."""

    def __init__(self, status: CampaignStatus | None) -> None:
        self.status = status
        self.times = 0

    def find(self, campaign_id: CampaignId) -> Found | None:
        self.times += 1
        return Found(self.status) if self.status else None


GOING = {CampaignStatus.PLANNING, CampaignStatus.SENDING, CampaignStatus.SENT}


@pytest.mark.parametrize("status", [*CampaignStatus, None])
def test_mails_leave_while_a_campaign_is_going_or_counts_as_sent(status: CampaignStatus | None) -> None:
    """A campaign that counts as sent too early must lose nobody."""
    assert SendPermission(Asked(status)).is_going(new_campaign_id()) == (status in GOING)


def test_a_yes_is_believed_for_a_second_and_no_longer() -> None:
    """Longer, and more mails leave after a pause; shorter, and every mail costs a read."""
    asked, now, campaign_id = Asked(CampaignStatus.SENDING), 100.0, new_campaign_id()
    permission = SendPermission(asked, lambda: now)
    assert permission.is_going(campaign_id)
    asked.status = CampaignStatus.PAUSED
    now = 100.99
    assert permission.is_going(campaign_id)
    assert asked.times == 1
    now = 101.0
    assert not permission.is_going(campaign_id)


def test_a_no_is_never_believed() -> None:
    """Resuming enqueues leads at once: dropped once more, they would get no mail."""
    asked, campaign_id = Asked(CampaignStatus.PAUSED), new_campaign_id()
    permission = SendPermission(asked, lambda: 100.0)
    assert not permission.is_going(campaign_id)
    asked.status = CampaignStatus.SENDING
    assert permission.is_going(campaign_id)


def test_a_yes_is_not_believed_after_the_clock_was_put_back() -> None:
    asked, now, campaign_id = Asked(CampaignStatus.SENDING), 100.0, new_campaign_id()
    permission = SendPermission(asked, lambda: now)
    assert permission.is_going(campaign_id)
    asked.status, now = CampaignStatus.PAUSED, 40.0
    assert not permission.is_going(campaign_id)
