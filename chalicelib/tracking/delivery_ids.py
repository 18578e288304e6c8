"""Delivery ids and link signatures, verified without any look-up.

    delivery id = base64url( key number 1 | campaign 12 | lead 12 | HMAC(key, those 25) cut to 11 )   48 characters
    signature   = base64url( HMAC(key, campaign | link | destination) cut to 12 )                     16 characters

HMAC is HMAC-SHA256. Both are compared in constant time.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass

from chalicelib.model.ids import (
    CampaignId,
    LeadId,
    campaign_id_from,
    id_bytes,
    is_trace_id,
    lead_id_from,
    trace_id_from,
)
from chalicelib.tracking.key_ring import KeyRingSource

_TAG_BYTES = 11
_SIGNATURE_BYTES = 12
_ID_LENGTH = 48


@dataclass(frozen=True, slots=True)
class DeliveryName:
    """The content of a genuine delivery id."""

    campaign_id: CampaignId
    lead_id: LeadId
    key_number: int


_DELIVERY = b"delivery:"
_TRACE = b"trace:"


def _tag(key: bytes, purpose: bytes, message: bytes, length: int) -> bytes:
    return hmac.digest(key, purpose + message, "sha256")[:length]


def make_delivery_id(key: bytes, key_number: int, campaign_id: CampaignId, lead_id: LeadId) -> str:
    """The id of a lead's delivery, or of a trace, which is signed for another purpose."""
    body = bytes([key_number]) + id_bytes(campaign_id) + id_bytes(lead_id)
    purpose = _TRACE if is_trace_id(lead_id) else _DELIVERY
    return urlsafe_b64encode(body + _tag(key, purpose, body, _TAG_BYTES)).decode()


def without_delivery_id(text: str, campaign_id: CampaignId, lead_id: LeadId) -> str:
    """The text with "…" for this delivery's id, whole or cut off, whichever key signed it."""
    # The key's number affects only the first two characters, and the signature begins after the 33rd.
    body = urlsafe_b64encode(bytes(1) + id_bytes(campaign_id) + id_bytes(lead_id)).decode()[2:33]
    return re.sub(rf"[\w-]{{,2}}{body}[\w-]{{,15}}", "…", text, flags=re.ASCII) if body in text else text


def read_delivery_id(text: str, keys: KeyRingSource) -> DeliveryName | None:
    """The content of an id; None if it is forged, truncated or no id. Raises KeyRingUnavailable."""
    raw = _decoded(text)
    if raw is None:
        return None
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    key = keys.key(body[0])
    if key is None:
        return None
    for purpose, lead_id_of in ((_DELIVERY, lead_id_from), (_TRACE, trace_id_from)):
        if hmac.compare_digest(tag, _tag(key, purpose, body, _TAG_BYTES)):
            return DeliveryName(campaign_id_from(body[1:13]), lead_id_of(body[13:25]), body[0])
    return None


def _decoded(text: str) -> bytes | None:
    if len(text) != _ID_LENGTH or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text)
    except NotBase64:
        return None
    # Python also accepts "+" and "/", and ignores characters outside the alphabet.
    return raw if urlsafe_b64encode(raw).decode() == text else None


def sign_link(key: bytes, campaign_id: CampaignId, link: str, destination: str) -> str:
    # The link's length first: no other split into link and destination may give the same bytes.
    message = id_bytes(campaign_id) + f"{len(link)}:{link}{destination}".encode("utf-8", "surrogatepass")
    return urlsafe_b64encode(_tag(key, b"link:", message, _SIGNATURE_BYTES)).decode()


def link_is_genuine(name: DeliveryName, keys: KeyRingSource, link: str, destination: str, signature: str) -> bool:
    key = keys.key(name.key_number)
    if key is None or not signature.isascii():
        return False
    return hmac.compare_digest(signature, sign_link(key, name.campaign_id, link, destination))


@dataclass(frozen=True, slots=True)
class CampaignTracking:
    """Makes a campaign's tracking URLs, delivery ids and link signatures, with the key that it was launched with."""

    base_url: str
    campaign_id: CampaignId
    key_number: int
    key: bytes

    def sign(self, link: str, destination: str) -> str:
        return sign_link(self.key, self.campaign_id, link, destination)

    def delivery_id(self, lead_id: LeadId) -> str:
        return make_delivery_id(self.key, self.key_number, self.campaign_id, lead_id)

    def unsubscribe_url(self, delivery_id: str) -> str:
        return f"{self.base_url}/t/u/{delivery_id}"
