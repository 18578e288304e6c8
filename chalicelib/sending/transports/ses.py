"""Amazon SES (API v2). Every message carries its delivery's id as a tag, which SES's own events bring back."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import AccountRefused, NotSent, OutcomeUnknown, OutgoingMail, Rejected, TransportError
from chalicelib.sending.transports import REST_SECONDS

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
_REFUSED_FOR_GOOD = {"MessageRejected", "BadRequestException"}
_WAITS_FOR = {
    "TooManyRequestsException": WaitReason.RATE,
    "ThrottlingException": WaitReason.RATE,
    "Throttling": WaitReason.RATE,
    "LimitExceededException": WaitReason.QUOTA,
}
# Errors that concern every mail, as patterns for `code: message`, and what to do about them. SES reports most by a
# code, some as MessageRejected with such a message. Sources: the errors of SendEmail in the service's model, "Amazon
# SES email sending errors" in the SES Developer Guide, and messages published by users of SES.
_CONCERNS_ALL = (
    (
        r"MailFromDomainNotVerified|mail from domain is not verified",
        "Amazon SES finds no MX record for the sender's MAIL FROM domain. Add the record that Settings, "
        "Senders shows for the sender, or use the default MAIL FROM domain of SES.",
    ),
    (
        r"AccountSuspended|sending suspended for this account",
        "Amazon SES has permanently ended sending for this AWS account. Contact AWS Support, or send through "
        "another account or your own SMTP server.",
    ),
    (
        r"SendingPaused|(?:account is|sending) (?:paused|disabled)|sending is disabled",
        "Amazon SES has paused sending for this AWS account. The account dashboard in the SES console and the "
        "email from AWS to the account's owner say why. Resume sending there.",
    ),
    (
        r"ConfigurationSet\w*DoesNotExist|configuration set.*does not exist|NotFoundException",
        "Amazon SES cannot find the configuration set {configuration_set}. Deploy this stack again to create it.",
    ),
)
_NOT_VERIFIED = re.compile(
    r"address is not verified(?:\. The following identities failed the check in region (\S+): (.+))?"
)
# Errors of one process's clock or credentials: https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
_ABOUT_THE_WORKER = {
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
}
_IDLE_SECONDS = 5.0
"""A connection idle for longer is not used again. Lambda drops idle connections, and one that closes while the process
is frozen looks open to urllib3: the mail handed to it would have an unknown outcome. While a campaign is being sent,
mails follow each other faster. Source: AWS Lambda developer guide, "Best practices for working with AWS Lambda
functions".
"""


@dataclass(slots=True)
class SesTransport:
    """Hands messages to SES. The client must not retry: the SDK also repeats after time-outs, and would send twice."""

    _client: "SESV2Client"
    _configuration_set: str
    _clock: Callable[[], float] = time.time
    _used_at: float = 0.0
    _rests_until: float = 0.0
    _complaint: str = ""

    def send(self, mail: OutgoingMail) -> str:
        if self._clock() < self._rests_until:
            raise NotSent(self._complaint)
        if not 0 <= self._clock() - self._used_at < _IDLE_SECONDS:
            self._client.close()  # its connections alone: the next call makes a new one
        try:
            return self._send(mail)
        except OutcomeUnknown as error:
            self._rests_until, self._complaint = self._clock() + REST_SECONDS, str(error)
            raise
        finally:
            self._used_at = self._clock()

    def _send(self, mail: OutgoingMail) -> str:
        try:
            answer = self._client.send_email(
                FromEmailAddress=mail.from_email,
                Destination={"ToAddresses": [mail.to_email]},
                Content={"Raw": {"Data": mail.message}},
                ConfigurationSetName=self._configuration_set,
                EmailTags=[
                    {"Name": "campaign_id", "Value": mail.campaign_id},
                    {"Name": "delivery_id", "Value": mail.delivery_id},
                ],
            )
        except ClientError as error:
            raise _meaning(error, mail, self._configuration_set) from error
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise NotSent(str(error)) from error
        except BotoCoreError as error:
            raise OutcomeUnknown(str(error)) from error
        return str(answer["MessageId"])


def _meaning(error: ClientError, mail: OutgoingMail, configuration_set: str) -> TransportError:
    code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    words = error.response["Error"].get("Message") or code
    if status >= 500:
        return OutcomeUnknown(words)
    if unverified := _NOT_VERIFIED.search(words):
        return AccountRefused(_not_verified(unverified, mail))
    if code in _ABOUT_THE_WORKER:
        return NotSent(words)
    if status == 403:  # by a policy of IAM, the organisation or the sender's identity, with any code
        return AccountRefused(
            f"This stack may not send by Amazon SES from {mail.from_email} ({code}). Look at the IAM policies of its "
            "functions' roles, your organisation's, and the sending policies of the sender's identity."
        )
    for pattern, advice in _CONCERNS_ALL:
        if re.search(pattern, f"{code}: {words}", re.IGNORECASE):
            return AccountRefused(advice.format(configuration_set=configuration_set))
    if code in _REFUSED_FOR_GOOD:
        about_address = code == "BadRequestException" and "address" in words.lower()
        return Rejected(FailureReason.INVALID_ADDRESS if about_address else FailureReason.REJECTED, words)
    waits_for = _WAITS_FOR.get(code, WaitReason.MAIL_SERVICE)
    if waits_for is WaitReason.RATE and "quota" in words.lower():  # SES may report this as a throttling error
        waits_for = WaitReason.QUOTA
    return NotSent(words, waits_for)


def _not_verified(said: re.Match[str], mail: OutgoingMail) -> str:
    """SES names the unverified identities: in the sandbox the recipient's too."""
    region, failed = (said[1] or "this region").lower(), (said[2] or "").lower()
    if mail.from_email.lower() not in failed and mail.to_email.lower() in failed:
        return (
            f"This AWS account is in the Amazon SES sandbox in {region} and can send to verified addresses only. "
            "Request production access in the account dashboard of the SES console."
        )
    return (
        f"Amazon SES cannot send from {mail.from_email}, because neither the address nor its domain is verified in "
        f"{region}. Verify one of them in Settings, Senders."
    )
