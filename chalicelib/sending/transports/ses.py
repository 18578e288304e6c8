"""Amazon SES (API v2). Every message carries its delivery's id as a tag, which SES's own events bring back."""

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from chalicelib.sending.reasons import FailureReason
from chalicelib.sending.transports.base import NotSent, OutcomeUnknown, OutgoingMail, Rejected

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
_REFUSED_FOR_GOOD = {"MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"}
_THROTTLED = {"TooManyRequestsException", "ThrottlingException", "Throttling"}
_BACKOFF_SECONDS = (0.2, 0.4, 0.8, 1.6)


class SesTransport:
    """Hands messages to SES; a throttled call is repeated here for about three seconds."""

    def __init__(self, client: Any, configuration_set: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._configuration_set = configuration_set
        self._pause = pause

    @classmethod
    def deployed(cls, configuration_set: str) -> "SesTransport":
        """With the SDK's own retries off: it repeats after time-outs too, which would send a mail twice."""
        config = Config(
            user_agent="leadflip-campaigns",
            parameter_validation=False,
            connect_timeout=3,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        return cls(boto3.client("sesv2", config=config), configuration_set)

    def send(self, mail: OutgoingMail) -> str:
        for pause in (*_BACKOFF_SECONDS, None):
            try:
                return self._call(mail)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _THROTTLED or pause is None:
                    raise _meaning(error) from error
                self._pause(pause)
            except (ConnectTimeoutError, EndpointConnectionError) as error:
                raise NotSent(str(error)) from error
            except BotoCoreError as error:
                raise OutcomeUnknown(str(error)) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

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
    return NotSent(words)
