"""Deliveries for tests: any that the store could hold."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from chalicelib.model.delivery import Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.ids import CampaignId, LeadId

CAMPAIGN = CampaignId("cmp_" + "0" * 24)
LEAD = LeadId("lead_" + "1" * 24)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

# Some close together, some hours apart: a burst is decided by seconds.
moments = (st.integers(0, 6_000) | st.integers(0, 10_000_000)).map(lambda ms: NOON + timedelta(milliseconds=ms))
links = st.sampled_from(["1", "2", "3m", "4"])


def clicks(machine: str | None) -> st.SearchStrategy[dict[str, Click]]:
    return st.dictionaries(links, moments.map(lambda at: Click(at, None, machine)), max_size=4)


deliveries = st.builds(
    Delivery,
    campaign_id=st.just(CAMPAIGN),
    lead_id=st.just(LEAD),
    status=st.sampled_from(DeliveryStatus),
    claimed_at=moments,
    unit=st.just("0.0"),
    reason=st.none() | st.sampled_from(["missing_address", "rejected"]),
    empty_links=st.integers(0, 2),
    sent_at=st.none() | moments,
    opened_at=st.none() | moments,
    opened_person_at=st.none() | moments,
    tracking=st.sampled_from(Tracking),
    clicks=clicks(None),
    later=st.dictionaries(links, st.lists(moments.map(lambda at: Click(at, None)), min_size=1, max_size=2), max_size=3),
    scans=clicks("tool"),
    unsubscribed_at=st.none() | moments,
    delivered_at=st.none() | moments,
    bounced_at=st.none() | moments,
    bounced_soft_at=st.none() | moments,
    complained_at=st.none() | moments,
    retry=st.integers(0, 2),
    replanned=st.frozensets(st.sampled_from(["1.0", "2.0"])),
)
