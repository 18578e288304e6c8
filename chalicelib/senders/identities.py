"""Domains and addresses that SES knows: listed, added with Easy DKIM and a MAIL FROM domain, removed.

SES may take only one such call a second from an account: the reference of API v1 says so of the same operations, that
of v2 only that too many are refused. The SDK repeats what was throttled, and then the answer is 503.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.model.errors import Conflicting, Fault, InvalidFields, Missing, Unavailable

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

MAIL_FROM_LABEL = "bounce"
"""The subdomain that bounces come back to: SES takes no domain that receives other mail."""
_ZONE = "dkim.amazonses.com"
"""Where the keys of Easy DKIM are, unless SES names a region's own zone (DkimAttributes.SigningHostedZone)."""


class SenderNotFound(Missing, problem="sender-not-found", title="There is no such sender"):
    """SES does not know this domain or address."""


class InvalidSender(InvalidFields, problem="invalid-sender", title="The sender is not valid"):
    """Not a domain or address that SES could send for."""


class TooManySenders(Conflicting, problem="too-many-senders", title="SES takes no more senders"):
    """The account has as many identities as SES allows."""


class SendersUnknown(Conflicting, problem="senders-unknown", title="Senders are not known here"):
    """Mails go by an SMTP server, which cannot be asked who may send (record 0047)."""


@dataclass(frozen=True, slots=True)
class IdentitySummary:
    """What SES's list says of an identity."""

    sender: str
    verified: bool
    status: str
    """PENDING, SUCCESS, FAILED, TEMPORARY_FAILURE or NOT_STARTED."""

    @property
    def kind(self) -> str:
        return "address" if "@" in self.sender else "domain"


@dataclass(frozen=True, slots=True)
class Identity(IdentitySummary):
    """All that SES says of an identity and that is needed here."""

    dkim_status: str
    signs: bool
    """Mails are signed with DKIM for this domain."""
    dkim_records: tuple[tuple[str, str], ...]
    """Easy DKIM's CNAME records, name and target; none for addresses, and where the keys are not SES's own."""
    mail_from: str | None
    mail_from_status: str | None
    verified_at: datetime | None = field(compare=False)
    """When SES last found it verified."""


class SesIdentities:
    def __init__(self, client: "SESV2Client") -> None:
        self._client = client

    @property
    def region(self) -> str:
        return str(self._client.meta.region_name)

    def list_page(self, *, limit: int, position: str | None) -> tuple[list[IdentitySummary], str | None]:
        """One page, in SES's order, and where the next one starts. One call, whatever the number of identities."""
        asked: dict[str, Any] = {"PageSize": limit} | ({} if position is None else {"NextToken": position})
        with _errors():
            answer = self._client.list_email_identities(**asked)
        found = [
            IdentitySummary(each["IdentityName"], each["SendingEnabled"], each.get("VerificationStatus", "NOT_STARTED"))
            for each in answer["EmailIdentities"]
        ]
        return found, answer.get("NextToken")

    def get(self, sender: str) -> Identity:
        """Raises SenderNotFound."""
        with _errors():
            return identity_of(sender, self._client.get_email_identity(EmailIdentity=sender))

    def add(self, sender: str) -> Identity:
        """Have SES know a sender; a domain without a MAIL FROM domain is given one. May be repeated.

        An address gets a mail from SES with a link that verifies it. Raises InvalidSender, TooManySenders.
        """
        is_domain = "@" not in sender
        key: dict[str, Any] = {"DkimSigningAttributes": {"NextSigningKeyLength": "RSA_2048_BIT"}} if is_domain else {}
        with _errors(known="AlreadyExistsException"):
            self._client.create_email_identity(EmailIdentity=sender, **key)
        identity = self.get(sender)
        if not is_domain or identity.mail_from is not None:
            return identity
        mail_from = f"{MAIL_FROM_LABEL}.{sender}"
        with _errors():
            # Without the MX record, mails leave from amazonses.com, instead of being refused.
            self._client.put_email_identity_mail_from_attributes(
                EmailIdentity=sender, MailFromDomain=mail_from, BehaviorOnMxFailure="USE_DEFAULT_VALUE"
            )
        return replace(identity, mail_from=mail_from, mail_from_status="PENDING")

    def remove(self, sender: str) -> None:
        """Raises SenderNotFound."""
        with _errors():
            self._client.delete_email_identity(EmailIdentity=sender)


def identity_of(sender: str, answer: Mapping[str, Any]) -> Identity:
    """From the answer to GetEmailIdentity."""
    dkim, mail_from = answer.get("DkimAttributes", {}), answer.get("MailFromAttributes", {})
    is_easy = "@" not in sender and dkim.get("SigningAttributesOrigin") != "EXTERNAL"
    zone = dkim.get("SigningHostedZone") or _ZONE
    tokens = dkim.get("Tokens", []) if is_easy else []
    status = dkim.get("Status", "NOT_STARTED")
    return Identity(
        sender,
        verified=bool(answer["VerifiedForSendingStatus"]),
        status=answer.get("VerificationStatus", "NOT_STARTED"),
        dkim_status=status,
        signs=bool(dkim.get("SigningEnabled")) and status == "SUCCESS",
        dkim_records=tuple((f"{token}._domainkey.{sender}", f"{token}.{zone}") for token in tokens),
        mail_from=mail_from.get("MailFromDomain"),
        mail_from_status=mail_from.get("MailFromDomainStatus"),
        verified_at=answer.get("VerificationInfo", {}).get("LastSuccessTimestamp"),
    )


@contextmanager
def _errors(known: str = "") -> Iterator[None]:
    """SES's errors as ours; `known` is none. Names: the service's model of these operations."""
    try:
        yield
    except BotoCoreError as error:
        raise Unavailable(str(error)) from error
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code == known:
            return
        if code == "NotFoundException":
            raise SenderNotFound from None
        if code == "BadRequestException":
            raise InvalidSender([Fault("sender", f"is refused by Amazon SES: {message}")]) from None
        if code == "LimitExceededException":
            raise TooManySenders(message) from None
        if code in ("TooManyRequestsException", "ConcurrentModificationException", "InternalServiceErrorException"):
            raise Unavailable(str(error)) from error
        raise
