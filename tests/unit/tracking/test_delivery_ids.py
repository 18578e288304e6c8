"""Delivery ids and link signatures: what was made is read back, what was touched is refused."""

from hypothesis import assume, example, given
from hypothesis import strategies as st

from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id
from chalicelib.tracking.delivery_ids import (
    CampaignTracking,
    DeliveryName,
    link_is_genuine,
    make_delivery_id,
    read_delivery_id,
    without_delivery_id,
)
from chalicelib.tracking.key_ring import KeyRingSource

RING = '{"current": 2, "1": "an old key", "2": "the current key"}'
KEYS = KeyRingSource(lambda: RING)

hex_ids = st.binary(min_size=12, max_size=12).map(bytes.hex)
campaign_ids = hex_ids.map(lambda text: CampaignId("cmp_" + text))
lead_ids = hex_ids.map(lambda text: LeadId("lead_" + text))


@given(campaign_ids, lead_ids, st.sampled_from([1, 2]))
def test_an_id_names_its_campaign_and_lead(campaign_id: CampaignId, lead_id: LeadId, number: int) -> None:
    text = make_delivery_id(KEYS.ring().keys[number], number, campaign_id, lead_id)
    assert len(text) == 48
    assert read_delivery_id(text, KEYS) == DeliveryName(campaign_id, lead_id, number)


@given(campaign_ids, lead_ids, st.integers(0, 47), st.characters(min_codepoint=33, max_codepoint=0x2FF))
@example(CampaignId("cmp_14aa11d357a040e5681b07a3"), LeadId("lead_721001ab6b80aaef8e9b66b8"), 34, "/")
def test_an_id_with_any_character_changed_is_refused(
    campaign_id: CampaignId, lead_id: LeadId, place: int, other: str
) -> None:
    text = make_delivery_id(b"the current key", 2, campaign_id, lead_id)
    assume(text[place] != other)
    assert read_delivery_id(text[:place] + other + text[place + 1 :], KEYS) is None


AROUND = st.text(alphabet="/%2F<>@.é-_a", max_size=20)


@given(campaign_ids, lead_ids, st.integers(0, 255), AROUND, AROUND, st.integers(33, 48))
def test_no_text_keeps_an_id_that_was_hidden_in_it(
    campaign_id: CampaignId, lead_id: LeadId, number: int, before: str, after: str, length: int
) -> None:
    cut_off = make_delivery_id(b"any key", number, campaign_id, lead_id)[:length]
    hidden = without_delivery_id(before + cut_off + after, campaign_id, lead_id)
    assert hidden.startswith(f"{before}…")
    assert (before + "…" + after).endswith(hidden.removeprefix(before).removeprefix("…"))


@given(st.text(max_size=200))
def test_nothing_else_is_hidden(text: str) -> None:
    assert without_delivery_id(text, new_campaign_id(), new_lead_id()) == text


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    assert read_delivery_id(text, KEYS) is None


def test_an_id_of_an_unknown_key_is_refused() -> None:
    text = make_delivery_id(b"somebody else's", 9, new_campaign_id(), new_lead_id())
    assert read_delivery_id(text, KEYS) is None


def test_an_id_signed_with_another_key_under_a_known_number_is_refused() -> None:
    text = make_delivery_id(b"somebody else's", 2, new_campaign_id(), new_lead_id())
    assert read_delivery_id(text, KEYS) is None


@given(st.sampled_from(["1", "12", "3m"]), st.text(min_size=1, max_size=200))
def test_a_signature_vouches_for_exactly_its_link_and_destination(link: str, destination: str) -> None:
    campaign_id, lead_id = new_campaign_id(), new_lead_id()
    tracking = CampaignTracking("https://t.example", campaign_id, 2, b"the current key")
    signature = tracking.sign(link, destination)
    name = DeliveryName(campaign_id, lead_id, 2)
    assert link_is_genuine(name, KEYS, link, destination, signature)
    assert not link_is_genuine(name, KEYS, link + "1", destination, signature)
    assert not link_is_genuine(name, KEYS, link, destination + "/", signature)
    assert not link_is_genuine(name, KEYS, link, destination, signature[:-1])
    assert not link_is_genuine(DeliveryName(new_campaign_id(), lead_id, 2), KEYS, link, destination, signature)
    assert not link_is_genuine(DeliveryName(campaign_id, lead_id, 1), KEYS, link, destination, signature)


def test_a_link_and_its_destination_cannot_be_cut_elsewhere() -> None:
    campaign_id = new_campaign_id()
    tracking = CampaignTracking("https://t.example", campaign_id, 2, b"the current key")
    signature = tracking.sign("1", "2:https://x.example")
    name = DeliveryName(campaign_id, new_lead_id(), 2)
    assert link_is_genuine(name, KEYS, "1", "2:https://x.example", signature)
    assert not link_is_genuine(name, KEYS, "1:2", "https://x.example", signature)


@given(campaign_ids, hex_ids)
def test_a_traces_id_is_read_as_a_trace_and_no_leads_id_as_one(campaign_id: CampaignId, text: str) -> None:
    trace, lead = LeadId("anon_" + text), LeadId("lead_" + text)
    key = KEYS.ring().keys[2]
    assert read_delivery_id(make_delivery_id(key, 2, campaign_id, trace), KEYS) == DeliveryName(campaign_id, trace, 2)
    assert read_delivery_id(make_delivery_id(key, 2, campaign_id, lead), KEYS) == DeliveryName(campaign_id, lead, 2)
