"""The errors of the SES v2 API, with SES's names, statuses and words.

SesError
├── BadRequest                 400  the request itself is wrong
├── MessageRejected            400  the message or its sender is not acceptable
├── SendingPaused              400  the account must not send now
├── AccountSuspended           400  ... and will not any more
├── MailFromDomainNotVerified  400  the sender's custom MAIL FROM domain has no MX record
├── DailyQuotaExceeded         400  LimitExceededException
├── AccessDenied               403  IAM does not let the caller
├── NotFound                   404  no such identity or configuration set
├── AlreadyExists              400  the identity was added before
├── RateExceeded               429  TooManyRequestsException
└── ServiceFailure             5xx  SES's own fault; a client repeats it

Sources: the service model of `sesv2` (names and statuses); "Amazon SES email sending errors" in the SES Developer
Guide and answers seen from the service (messages).
"""

from local.inbox.http_server import Response


class SesError(Exception):
    """An error answer; the text is the `message` of the JSON body."""

    status = 400
    code = "BadRequestException"

    def response(self) -> Response:
        """The answer as an SDK parses it: the code in `x-amzn-ErrorType`, the text in the body."""
        return Response.of_json({"message": str(self)}, self.status, {"x-amzn-ErrorType": self.code})


class BadRequest(SesError):
    pass


class MessageRejected(SesError):
    code = "MessageRejected"


class SendingPaused(SesError):
    code = "SendingPausedException"


class AccountSuspended(SesError):
    code = "AccountSuspendedException"


class MailFromDomainNotVerified(SesError):
    code = "MailFromDomainNotVerifiedException"


class AccessDenied(SesError):
    status = 403
    code = "AccessDeniedException"


class DailyQuotaExceeded(SesError):
    code = "LimitExceededException"

    def __init__(self) -> None:
        super().__init__("Daily message quota exceeded.")


class NotFound(SesError):
    status = 404
    code = "NotFoundException"


class AlreadyExists(SesError):
    code = "AlreadyExistsException"


class RateExceeded(SesError):
    status = 429
    code = "TooManyRequestsException"

    def __init__(self) -> None:
        super().__init__("Maximum sending rate exceeded.")


class ServiceFailure(SesError):
    code = "InternalServiceErrorException"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
