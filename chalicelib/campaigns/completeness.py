"""What a draft still lacks before it can be sent. A draft may be saved without any of it."""

from collections.abc import Sequence

from chalicelib.model.campaign import Body, Campaign
from chalicelib.model.errors import Fault, InvalidFields

_MISSING = "is missing"
_NO_CONTENT = "is missing, and so are markdown and mjml: one of them is needed"
NEEDED_BY_A_MAIL = ("subject", "from_email", "html")
"""Of the fields without which nothing is sent, what a test send needs."""


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
    return [Fault(field, _NO_CONTENT if field == "html" else _MISSING) for field, value in present.items() if not value]


def require_complete(campaign: Campaign, body: Body, fields: Sequence[str] | None = None) -> None:
    """Raises Incomplete if one of the fields is missing, by default if anything is."""
    faults = [fault for fault in missing_in(campaign, body) if fields is None or fault.field in fields]
    if faults:
        raise Incomplete(faults)
