"""Amazon SES (API v2). Every message carries its delivery's id as a tag, which SES's own events bring back."""

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import AccountRefused, NotSent, OutcomeUnknown, OutgoingMail, Rejected, TransportError

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
# What concerns every mail, by `code: words`, and what to do about it; SES says most of it by its code or by a
# MessageRejected of these words. Sources: the errors of SendEmail in the service's model, "Amazon SES email sending
# errors" in the SES Developer Guide, and answers that users of SES have shown.
_CONCERNS_ALL = [
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (
            r"MailFromDomainNotVerified|mail from domain is not verified",
            "Amazon SES finds no MX record for the sender's MAIL FROM domain. Add the record that the SES console "
            "shows for the sender's identity, or use the default MAIL FROM domain of SES.",
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
]
_NOT_VERIFIED = re.compile(
    r"address is not verified(?:\. The following identities failed the check in region (\S+): (.+))?"
)


# https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html: of one process's clock or credentials
_ABOUT_THE_WORKER = {
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
}


class SesTransport:
    """Hands messages to SES, each once: its client must repeat nothing, which the SDK does after time-outs too."""

    def __init__(self, client: "SESV2Client", configuration_set: str) -> None:
        self._client = client
        self._configuration_set = configuration_set

    def send(self, mail: OutgoingMail) -> str:
        try:
            return self._call(mail)
        except ClientError as error:
            raise _meaning(error, mail, self._configuration_set) from error
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise NotSent(str(error)) from error
        except BotoCoreError as error:
            raise OutcomeUnknown(str(error)) from error

    def _call(self, mail: OutgoingMail) -> str:
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
    if status == 403:  # by IAM, a policy of the organisation, or of the sender's identity: whatever the code is
        return AccountRefused(
            f"This stack may not send by Amazon SES from {mail.from_email} ({code}). Look at the IAM policies of its "
            "functions' roles, your organisation's, and the sending policies of the sender's identity."
        )
    for pattern, advice in _CONCERNS_ALL:
        if pattern.search(f"{code}: {words}"):
            return AccountRefused(advice.format(configuration_set=configuration_set))
    if code in _REFUSED_FOR_GOOD:
        about_address = code == "BadRequestException" and "address" in words.lower()
        return Rejected(FailureReason.INVALID_ADDRESS if about_address else FailureReason.REJECTED, words)
    waits_for = _WAITS_FOR.get(code, WaitReason.MAIL_SERVICE)
    if waits_for is WaitReason.RATE and "quota" in words.lower():  # SES has said so with a throttling error, too
        waits_for = WaitReason.QUOTA
    return NotSent(words, waits_for)


def _not_verified(said: re.Match[str], mail: OutgoingMail) -> str:
    """SES names those who failed, the recipient among them while the account is in the sandbox; never all of many."""
    region, failed = (said[1] or "this region").lower(), (said[2] or "").lower()
    if mail.from_email.lower() not in failed and mail.to_email.lower() in failed:
        return (
            f"This AWS account is in the Amazon SES sandbox in {region} and can send to verified addresses only. "
            "Request production access in the account dashboard of the SES console."
        )
    return (
        f"Amazon SES cannot send from {mail.from_email}, because neither the address nor its domain is verified in "
        f"{region}. Verify one of them in the SES console."
    )
