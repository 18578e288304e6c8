"""Deliveries for tests: any that the store could hold."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from chalicelib.store.deliveries import Click, Delivery, DeliveryStatus
from chalicelib.store.ids import CampaignId, LeadId

CAMPAIGN = CampaignId("cmp_" + "0" * 24)
LEAD = LeadId("lead_" + "1" * 24)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

moments = st.integers(0, 10_000_000).map(lambda ms: NOON + timedelta(milliseconds=ms))
links = st.sampled_from(["1", "2", "3m"])


def clicks(machine: str | None) -> st.SearchStrategy[dict[str, Click]]:
    return st.dictionaries(links, moments.map(lambda at: Click(at, None, machine)), max_size=3)


deliveries = st.builds(
    Delivery,
    campaign_id=st.just(CAMPAIGN),
    lead_id=st.just(LEAD),
    status=st.sampled_from(DeliveryStatus),
    claimed_at=moments,
    unit=st.just("0.0"),
    reason=st.none() | st.sampled_from(["missing_address", "rejected"]),
    sent_at=st.none() | moments,
    opened_at=st.none() | moments,
    opened_person_at=st.none() | moments,
    clicks=clicks(None),
    scans=clicks("tool"),
    unsubscribed_at=st.none() | moments,
    replanned=st.frozensets(st.sampled_from(["1.0", "2.0"])),
)
