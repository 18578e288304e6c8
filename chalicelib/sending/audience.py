"""Whether a campaign would reach anybody."""

from chalicelib.store.campaigns import Audience
from chalicelib.store.leads import Leads


def is_empty(leads: Leads, audience: Audience) -> bool:
    """Reads until the first lead, so that a large audience costs no more than a small one."""
    return next(leads.iter_audience(audience.entity, audience.stages, audience.tags), None) is None
