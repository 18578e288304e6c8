"""What merge tags may say of a lead."""

from chalicelib.model.lead import Lead


def merge_fields(lead: Lead) -> dict[str, object]:
    """The lead's attributes by the names that authors use in `{{ lead.… }}`."""
    return {
        "lead_id": lead.lead_id,
        "external_id": lead.external_id,
        "entity": lead.entity,
        "stage": lead.stage,
        "email": lead.email,
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "tags": list(lead.tags),
        "fields": dict(lead.fields),
    }
