"""The SES API: SendEmail and GetAccount of the SES v2 API, as an SDK calls them (identities: senders.py).

Any credentials will do; signatures are not checked. Source: the service model of `sesv2` and the SES API v2
Reference.
"""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from local.inbox.account import SendingAccount
from local.inbox.addresses import bare_address, bare_addresses, syntax_error
from local.inbox.faults import Fault, FaultBook, FaultKind, MailProtocol
from local.inbox.headers import head_of, header_values
from local.inbox.http_server import BreakConnection, Request, Response
from local.inbox.mailbox import Envelope, KeptMessage, Mailbox
from local.inbox.routing import RouteHandler, Router
from local.inbox.ses_errors import (
    BadRequest,
    DailyQuotaExceeded,
    MessageRejected,
    RateExceeded,
    ServiceFailure,
    SesError,
)

MOST_RECIPIENTS = 50
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True)
class Submission:
    """A SendEmail request, understood; `senders` are all identities that SES would want verified."""

    content: bytes
    envelope: Envelope
    senders: list[str]


class SesApi:
    """Answers the API; `announce` is told of every message that was kept.

    `forgotten`: messages that the stack sent and does not know of any more, since it was killed and has come back as
    it was saved before. Sending one of them again gets the answer that it got then, once, and mails nobody twice.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        account: SendingAccount,
        faults: Callable[[], FaultBook],
        announce: Callable[[KeptMessage, bytes], None],
        forgotten: Sequence[KeptMessage] = (),
    ) -> None:
        self._mailbox = mailbox
        self._account = account
        self._faults = faults
        self._announce = announce
        self._forgotten = {_mail_of(message.envelope): message for message in forgotten if message.envelope.tags}

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/v2/email/outbound-emails", answering_errors(self.send_email))
        router.add("GET", "/v2/email/account", answering_errors(self.get_account))

    async def send_email(self, request: Request) -> Response:
        submission = understand(_json_object(request.body))
        recipients = list(submission.envelope.recipients)
        fault = self._faults().next_for(MailProtocol.SES, recipients)
        if fault is not None:
            await _before_keeping(fault)
        self._account.check(submission.senders, recipients, submission.envelope.configuration_set)
        self._account.take(recipients)
        message = self._forgotten.pop(_mail_of(submission.envelope), None)
        if message is None:
            message = self._mailbox.keep(submission.content, submission.envelope)
        self._announce(message, submission.content)
        if fault is not None and fault.kind is FaultKind.DROP:
            raise BreakConnection
        return Response.of_json({"MessageId": message.message_id})

    async def get_account(self, _request: Request) -> Response:
        limits = self._account.limits
        if limits.throttle_questions:
            raise RateExceeded
        return Response.of_json(
            {
                "DedicatedIpAutoWarmupEnabled": False,
                "EnforcementStatus": limits.enforcement_status,
                "ProductionAccessEnabled": limits.production_access_enabled,
                "SendQuota": {
                    "Max24HourSend": limits.max_24_hour_send,
                    "MaxSendRate": limits.max_send_rate,
                    "SentLast24Hours": float(self._account.sent_last_24_hours()),
                },
                "SendingEnabled": limits.sending_enabled,
            }
        )


def understand(fields: dict[str, Any]) -> Submission:
    """Read a SendEmail request. Raises BadRequest in SES's words where those are known."""
    destination = fields.get("Destination") or {}
    to, cc, bcc = (_strings(destination, f"{kind}Addresses", "Destination") for kind in ("To", "Cc", "Bcc"))
    reply_to = _strings(fields, "ReplyToAddresses", "the request")
    sender = str(fields.get("FromEmailAddress") or "")
    _check_syntax([*to, *cc, *bcc, *reply_to, *([sender] if sender else [])])
    content = _content(fields.get("Content") or {})
    head = head_of(content)
    from_headers = bare_addresses(header_values(head, "From"))
    if not from_headers:
        raise BadRequest("Missing required header 'From'.")
    recipients = to + cc + bcc
    if not recipients:  # allowed for Raw: then the headers name them
        recipients = bare_addresses([value for name in ("To", "Cc", "Bcc") for value in header_values(head, name)])
    if not recipients:
        raise BadRequest("Missing required header 'To'.")
    if len(recipients) > MOST_RECIPIENTS:
        raise BadRequest(f"Recipient count exceeds {MOST_RECIPIENTS}.")
    _check_syntax([*recipients, *from_headers])
    envelope = Envelope(
        protocol=MailProtocol.SES.value,
        sender=sender or from_headers[0],
        recipients=tuple(bare_address(recipient) for recipient in recipients),
        configuration_set=str(fields.get("ConfigurationSetName") or head["X-SES-CONFIGURATION-SET"] or ""),
        # Tags of the call win over tags in the message's headers, they are not joined (as SES does).
        tags=_tags(fields.get("EmailTags") or []) or _header_tags(str(head["X-SES-MESSAGE-TAGS"] or "")),
    )
    return Submission(content, envelope, [*([sender] if sender else []), *from_headers])


def _mail_of(envelope: Envelope) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
    """What tells one mail of a program from all its others: to whom it goes, and its tags."""
    return envelope.recipients, frozenset(envelope.tags.items())


def _check_syntax(mailboxes: list[str]) -> None:
    for mailbox in mailboxes:
        fault = syntax_error(mailbox)
        if fault is not None:
            raise BadRequest(fault)


async def _before_keeping(fault: Fault) -> None:
    """Play the part of a fault that comes before a message is kept; returns when it shall be kept after all."""
    if fault.seconds:
        await asyncio.sleep(fault.seconds)
    match fault.kind:
        case FaultKind.THROTTLE:
            raise RateExceeded
        case FaultKind.QUOTA:
            raise DailyQuotaExceeded
        case FaultKind.ERROR:
            raise ServiceFailure(fault.status or 500, fault.message or "An internal service error occurred.")
        case FaultKind.REJECT:
            raise MessageRejected(fault.message or "Message rejected by the inbox's play book.")
        case FaultKind.DROP_UNKEPT:
            raise BreakConnection


def _content(content: dict[str, Any]) -> bytes:
    if "Raw" not in content:
        raise BadRequest("Content needs Raw; the inbox makes no messages from Simple or templates.")
    try:
        return base64.b64decode(content["Raw"]["Data"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise BadRequest("Content.Raw.Data is not base64.") from None


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    named = {}
    for tag in tags:
        name, value = str(tag.get("Name", "")), str(tag.get("Value", ""))
        for text in (name, value):
            if not _TAG.fullmatch(text):
                raise BadRequest(
                    f"Invalid tag name or value <{text}>: only alphanumeric ASCII characters, '_', and '-' are allowed."
                )
        named[name] = value
    return named


def _header_tags(header: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in header.split(",") if "=" in pair)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _strings(fields: dict[str, Any], name: str, where: str) -> list[str]:
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"{name} of {where} is not a list of strings.")
    return value


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(value, dict):
        raise BadRequest("The body is not a JSON object.")
    return value


def answering_errors(handler: RouteHandler) -> RouteHandler:
    async def answer(request: Request, *groups: str) -> Response:
        try:
            return await handler(request, *groups)
        except SesError as error:
            return error.response()

    return answer
