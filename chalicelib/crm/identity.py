"""Which lead somebody speaks of: by external id, by address, or by the whole content of an imported line."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chalicelib.crm.leads import InvalidLead, Said
from chalicelib.model.addresses import address_key
from chalicelib.model.errors import Fault
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Identity, Lead


def content_hash(said: Said) -> str:
    """The same for two lines that say the same, whatever the order of columns, and with or without empty ones."""
    words: dict[str, Any] = {name: value for name, value in said.items() if value}
    words["fields"] = {name: value for name, value in (said.get("fields") or {}).items() if value is not None}
    text = json.dumps(words, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def identities_of(said: Said, content: str | None) -> list[Identity]:
    """What checked words, with an entity, can be recognised by: the strongest first."""
    entity, external_id, email = str(said["entity"]), said.get("external_id"), said.get("email")
    values = (("external", external_id), ("email", address_key(email) if email else None), ("content", content))
    return [Identity(entity, kind, value) for kind, value in values if value]


class Roster:
    """Leads by identity, as they will be once the lines so far are written."""

    def __init__(self, leads: Mapping[LeadId, Lead], owners: Mapping[Identity, LeadId]) -> None:
        self._leads = dict(leads)
        # An owner whose lead is gone was removed between the two reads.
        self._owners = {identity: owner for identity, owner in owners.items() if owner in leads}

    def whose(self, said: Said, content: str | None) -> Lead | None:
        """The lead these words are about; None for a new one.

        The external id decides; an address may then not be another lead's. By its address alone a lead is recognised
        unless both sides have external ids, and different ones. Raises InvalidLead in both cases.
        """
        owners = [self._owners[known] for known in identities_of(said, content) if known in self._owners]
        if not owners:
            return None
        lead = self._leads[owners[0]]
        if any(other != lead.lead_id for other in owners):
            raise InvalidLead([Fault("email", "belongs to another lead of this entity")])
        external_id = said.get("external_id")
        if external_id and lead.external_id and external_id != lead.external_id:
            raise InvalidLead([Fault("email", "belongs to a lead with another external id")])
        return lead

    def put(self, lead: Lead) -> None:
        """This lead is so from now on."""
        before = self._leads.get(lead.lead_id)
        for identity in before.identities - lead.identities if before else ():
            self._owners.pop(identity, None)  # an address that no line of the file names was not looked up
        self._owners.update(dict.fromkeys(lead.identities, lead.lead_id))
        self._leads[lead.lead_id] = lead
