"""Ids tell their kind, fit into a delivery id, and spread leads in one way for ever."""

import time

import pytest

from chalicelib.model.ids import (
    ID_BYTES,
    campaign_id_from,
    id_bytes,
    is_campaign_id,
    is_lead_id,
    is_trace_id,
    lead_id_from,
    new_campaign_id,
    new_lead_id,
    new_rule_id,
    new_trace_id,
    shard_of,
    trace_id_from,
)


def test_an_id_is_of_its_own_kind_only() -> None:
    """A look-up by an id of another kind finds nothing instead of somebody else's row."""
    lead, trace, campaign, rule = new_lead_id(), new_trace_id(), new_campaign_id(), new_rule_id()
    assert [each for each in (lead, trace, campaign, rule) if is_lead_id(each)] == [lead]
    assert [each for each in (lead, trace, campaign, rule) if is_campaign_id(each)] == [campaign]
    assert is_trace_id(trace)
    assert not is_trace_id(lead)


@pytest.mark.parametrize("text", ["", "lead_", "{}0", " {}", "{}\n", "x{}"])
def test_what_only_holds_an_id_is_none(text: str) -> None:
    assert not is_lead_id(text.format(new_lead_id()))
    assert not is_campaign_id(text.format(new_campaign_id()))


def test_an_id_is_twelve_bytes_and_comes_back_from_them() -> None:
    """A delivery id carries these bytes and nothing else."""
    lead, trace, campaign = new_lead_id(), new_trace_id(), new_campaign_id()
    assert lead_id_from(id_bytes(lead)) == lead
    assert trace_id_from(id_bytes(trace)) == trace
    assert campaign_id_from(id_bytes(campaign)) == campaign
    assert {len(id_bytes(lead)), len(id_bytes(trace)), len(id_bytes(campaign))} == {ID_BYTES}


@pytest.mark.parametrize("new_id", [new_campaign_id, new_rule_id])
def test_campaigns_and_rules_list_in_the_order_they_were_created(new_id: type) -> None:
    before, first = time.time_ns() // 1_000_000, new_id()
    assert before <= int(first.partition("_")[2][:12], 16) <= time.time_ns() // 1_000_000
    time.sleep(0.002)
    assert first < new_id()


def test_a_lead_stays_in_its_shard() -> None:
    """In a shard computed otherwise, a later release would not find the deliveries of an earlier one."""
    leads = [lead_id_from(number.to_bytes(ID_BYTES, "big")) for number in (0, 1, 2, 255)]
    assert [shard_of(each, 64) for each in leads] == [15, 17, 22, 7]
    assert [shard_of(each, 16) for each in leads] == [15, 1, 6, 7]
