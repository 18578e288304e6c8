"""Which lead a line is about."""

from datetime import UTC, datetime

import pytest

from chalicelib.crm.importing import KnownLeads
from chalicelib.crm.lead_input import InvalidLead, LeadInput, checked
from chalicelib.crm.leads import changed, new_lead
from chalicelib.model.lead import Lead

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def lead(**said: str) -> Lead:
    words: LeadInput = {"entity": "acme", "stage": "New", **said}  # type: ignore[typeddict-item]
    return new_lead(checked(words), NOW)


def known_leads(*leads: Lead) -> KnownLeads:
    owners = {identity: lead.lead_id for lead in leads for identity in lead.identities}
    return KnownLeads({lead.lead_id: lead for lead in leads}, owners)


def test_the_external_id_decides_and_the_address_may_be_new() -> None:
    ada = lead(external_id="7", email="ada@example.com")
    assert known_leads(ada).match({"entity": "acme", "external_id": "7", "email": "new@example.com"}, None) is ada


def test_an_address_is_recognised_whatever_its_case() -> None:
    ada = lead(email="Ada@example.com")
    assert known_leads(ada).match({"entity": "acme", "email": "aDA@Example.COM"}, None) is ada


def test_the_same_address_in_another_entity_is_somebody_else() -> None:
    assert (
        known_leads(lead(email="ada@example.com")).match({"entity": "other", "email": "ada@example.com"}, None) is None
    )


def test_a_lead_without_external_id_gets_one() -> None:
    ada = lead(email="ada@example.com")
    assert known_leads(ada).match({"entity": "acme", "external_id": "7", "email": "ada@example.com"}, None) is ada


@pytest.mark.parametrize("external_id", ["7", "8"])
def test_an_address_of_another_lead_is_refused(external_id: str) -> None:
    known = known_leads(lead(external_id="7"), lead(external_id="9", email="bob@example.com"))
    with pytest.raises(InvalidLead, match="email belongs to a"):
        known.match({"entity": "acme", "external_id": external_id, "email": "bob@example.com"}, None)


def test_an_address_given_up_is_free_for_the_next_line() -> None:
    ada = lead(external_id="7", email="ada@example.com")
    known = known_leads(ada)
    known.put(changed(ada, {"email": None}, NOW))
    assert known.match({"entity": "acme", "external_id": "8", "email": "ada@example.com"}, None) is None
