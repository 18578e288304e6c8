"""What the mail service lets this stack send, asked before a campaign is sent. Later refusals come from transports."""

from enum import Enum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.telemetry import logger

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client


class Hindrance(Enum):
    """What keeps an account from sending to everybody; the value is the text for the marketer."""

    SENDING_DISABLED = (
        "Amazon SES has paused sending for this AWS account. No emails can be sent. The account dashboard in the SES "
        "console shows why, and how to resume."
    )
    ACCOUNT_IN_SANDBOX = (
        "This AWS account is in the Amazon SES sandbox. It can send to verified addresses only, and the campaign "
        "pauses at the first other address. Request production access in the account dashboard of the SES console."
    )
    ACCOUNT_UNDER_REVIEW = (
        "Amazon SES is reviewing this AWS account because of its bounces or complaints. Further ones may end its "
        "sending. The account dashboard in the SES console shows the details."
    )


class SendingAccount:
    """By itself an SMTP server's, which cannot be asked: its refusals will tell."""

    def is_verified(self, address: str) -> bool | None:
        """Whether the mail service lets us send from this address; None if it did not answer."""
        return None

    def hindrance(self) -> Hindrance | None:
        """The worst one; None also if the mail service did not answer: its refusals will tell."""
        return None


class SesAccount(SendingAccount):
    """Asks SES, where an address may send if it, its domain or a parent domain is verified.

    Source: "Creating and verifying identities" in the SES Developer Guide: a domain covers its subdomains at any depth;
    the most specific verified identity decides about settings such as DKIM, not about whether a mail may leave.
    """

    def __init__(self, client: "SESV2Client") -> None:
        self._client = client

    def is_verified(self, address: str) -> bool | None:
        labels = address.rpartition("@")[2].split(".")
        domains = [".".join(labels[first:]) for first in range(len(labels) - 1)]  # nobody verifies `com`
        try:
            return any(self._identity_is_verified(each) for each in (*domains, address))
        except (BotoCoreError, ClientError) as error:
            logger().warning("sender_not_looked_up", exc_info=error)
            return None

    def _identity_is_verified(self, identity: str) -> bool:
        try:
            return bool(self._client.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "NotFoundException":
                return False
            raise

    def hindrance(self) -> Hindrance | None:
        try:
            account = self._client.get_account()
        except (BotoCoreError, ClientError) as error:
            logger().warning("account_not_looked_up", exc_info=error)
            return None
        reputation = account.get("EnforcementStatus")
        if not account["SendingEnabled"] or reputation == "SHUTDOWN":
            return Hindrance.SENDING_DISABLED
        if not account["ProductionAccessEnabled"]:
            return Hindrance.ACCOUNT_IN_SANDBOX
        return Hindrance.ACCOUNT_UNDER_REVIEW if reputation == "PROBATION" else None
