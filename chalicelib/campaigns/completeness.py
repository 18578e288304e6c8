"""What a draft still lacks before it can be sent. A draft may be saved without any of it."""

from collections.abc import Mapping, Sequence

from chalicelib.content.preflight import Finding, Severity
from chalicelib.model.campaign import Body, Campaign
from chalicelib.model.errors import Fault, InvalidFields

MISSING = "is missing"
_NEEDED: Mapping[str, str] = {
    "title": "Give the campaign a title. Only you see it.",
    "subject": "Write a subject.",
    "from_email": "Choose a From address.",
    "audience.entity": "Choose a business line.",
    "audience.stages": "Choose at least one stage.",
    "html": "Write the email. It has no content yet.",
}
"""For each field without which nothing is sent: a finding's message."""
NEEDED_BY_A_MAIL = ("subject", "from_email", "html")
"""Of these fields, what a test send needs."""


class Incomplete(InvalidFields, problem="incomplete-campaign", title="Something is missing before it can be sent"):
    """Fields that a draft may lack are needed to send it; `faults` names them."""


def missing_in(campaign: Campaign, body: Body) -> list[Fault]:
    """A fault for each field that is missing, in the order in which the editor shows them."""
    audience = campaign.audience
    present = {
        "title": campaign.title,
        "subject": campaign.subject,
        "from_email": campaign.from_email,
        "audience.entity": audience.entity,
        "audience.stages": audience.stages,
        "html": body.has_content,
    }
    return [Fault(field, MISSING) for field in _NEEDED if not present[field]]


def require_complete(campaign: Campaign, body: Body, fields: Sequence[str] = tuple(_NEEDED)) -> None:
    """Raises Incomplete if one of the fields is missing."""
    faults = [fault for fault in missing_in(campaign, body) if fault.field in fields]
    if faults:
        raise Incomplete(faults)


def missing_findings(faults: Sequence[Fault]) -> list[Finding]:
    """What `missing_in` found, as the pre-send check says it."""
    return [Finding(Severity.ERROR, "missing", _NEEDED[fault.field], fault.field) for fault in faults]
