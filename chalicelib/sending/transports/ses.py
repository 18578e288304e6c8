"""Amazon SES (API v2). Every message carries its delivery's id as a tag, which SES's own events bring back."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from chalicelib.sending.reasons import FailureReason, WaitReason
from chalicelib.sending.transports.base import NotSent, OutcomeUnknown, OutgoingMail, Rejected

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
_REFUSED_FOR_GOOD = {"MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"}
_WAITS_FOR = {
    "TooManyRequestsException": WaitReason.RATE,
    "ThrottlingException": WaitReason.RATE,
    "Throttling": WaitReason.RATE,
    "LimitExceededException": WaitReason.QUOTA,
    "SendingPausedException": WaitReason.SENDING_PAUSED,
    "AccountSuspendedException": WaitReason.SENDING_PAUSED,
}


@cache
def ses_client() -> Any:
    """The process's SES client, the SDK's own retries off: it repeats after time-outs too, which sends a mail twice."""
    config = Config(
        user_agent="leadflip-campaigns",
        parameter_validation=False,
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("sesv2", config=config)


class SesTransport:
    """Hands messages to SES, each once."""

    def __init__(self, client: Any, configuration_set: str) -> None:
        self._client = client
        self._configuration_set = configuration_set

    @classmethod
    def deployed(cls, configuration_set: str) -> "SesTransport":
        return cls(ses_client(), configuration_set)

    def send(self, mail: OutgoingMail) -> str:
        try:
            return self._call(mail)
        except ClientError as error:
            raise _meaning(error) from error
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


def _meaning(error: ClientError) -> Rejected | NotSent | OutcomeUnknown:
    code = error.response["Error"]["Code"]
    words = error.response["Error"].get("Message") or code
    if code in _REFUSED_FOR_GOOD:
        about_address = code == "BadRequestException" and "address" in words.lower()
        return Rejected(FailureReason.INVALID_ADDRESS if about_address else FailureReason.REJECTED, words)
    if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return OutcomeUnknown(words)
    waits_for = _WAITS_FOR.get(code, WaitReason.MAIL_SERVICE)
    if waits_for is WaitReason.RATE and "quota" in words.lower():  # SES has said so with a throttling error, too
        waits_for = WaitReason.QUOTA
    return NotSent(words, waits_for)
