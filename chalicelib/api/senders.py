"""/v1/senders and /v1/sending-account: who may send, with which DNS records, and how much."""

from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import Field

from chalicelib.api.http.answers import AnswerModel, Moment, Overlaid
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.model.addresses import MalformedAddress, parse_address, parse_domain
from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.errors import Fault, Unavailable
from chalicelib.model.ids import CampaignId
from chalicelib.senders.identities import Identity, InvalidSender, SenderNotFound, SendersUnknown, TooManySenders
from chalicelib.senders.records import Purpose, State, check

senders = Resource("senders")

_CAMPAIGNS_SEARCHED = 100
_DONE = {CampaignStatus.SENT, CampaignStatus.CANCELLED}
_PARSE: Mapping[str, Callable[[str], str]] = {"domain": parse_domain, "address": parse_address}
Kind = Literal["domain", "address"]
Status = Literal["PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED"]


class NewSender(RequestModel):
    """Exactly one of the two."""

    domain: str | None = Field(default=None, description="Allows every address of the domain and of its subdomains.")
    address: str | None = Field(default=None, description="Gets an email from Amazon SES with a link to verify it.")

    def name(self) -> str:
        """As SES knows it. Raises InvalidSender."""
        given = [(field, text) for field, text in self if text is not None]
        if len(given) != 1:
            raise InvalidSender([Fault("domain", "is required, or address, and not both")])
        ((field, text),) = given
        try:
            return _PARSE[field](text)
        except MalformedAddress as error:
            raise InvalidSender([Fault(field, str(error))]) from None


class SenderSummary(AnswerModel):
    sender: str = Field(description="A domain or an email address.")
    kind: Kind
    verified: bool = Field(description="Emails may be sent from it.")
    status: Status = Field(description="How far Amazon SES is with verifying it.")


class RecordAnswer(AnswerModel):
    """A DNS record to publish. `seen`: the values that its name has in DNS now, at most five."""

    purpose: Purpose
    type: str
    name: str
    value: str
    state: State = Field(description="`unknown`: DNS did not answer.")
    seen: list[str]


class DmarcAnswer(AnswerModel):
    """What receivers make of emails from this sender. `passes` is null if DNS did not answer."""

    domain: str | None = Field(description="Where the policy is published, if there is one.")
    policy: str | None
    passes: bool | None
    reason: str | None = Field(description="Why emails do not pass.")


class UsingCampaign(AnswerModel):
    campaign_id: CampaignId
    title: str
    status: CampaignStatus


class SenderAnswer(SenderSummary):
    dkim_status: Status
    mail_from: str | None = Field(description="The subdomain that bounces come back to.")
    mail_from_status: Status | None
    records: list[RecordAnswer] = Field(description="Of a domain: what to publish, and what DNS has now.")
    dmarc: DmarcAnswer
    used_by: list[UsingCampaign] = Field(description="Those of the newest 100 campaigns that are not sent yet.")
    verified_at: Moment | None = Field(description="When Amazon SES last found it verified.")
    checked_at: Moment


class AccountAnswer(AnswerModel):
    """What the mail service lets this account send. With an SMTP server only `service` is known."""

    service: Literal["ses", "smtp"]
    sandbox: bool | None = Field(default=None, description="It may write to verified addresses only.")
    sending_enabled: bool | None = None
    enforcement_status: str | None = None
    quota: int | None = Field(default=None, description="Emails in 24 hours; null: no limit.")
    sent: int | None = Field(default=None, description="Emails in the last 24 hours.")
    rate: float | None = Field(default=None, description="Emails a second.")


@Operation(senders, "GET", "/v1/senders", Page[SenderSummary], query=PageQuery, raises=[SendersUnknown])
def list_senders(call: Call) -> object:
    """List senders.

    Domains and addresses that Amazon SES knows. Read one to get its DNS records.
    """
    query = call.query(PageQuery)
    return query.page(*call.context.identities.list_page(limit=query.limit, position=query.position()))


@Operation(
    senders, "POST", "/v1/senders", SenderAnswer, status=201, body=NewSender,
    raises=[InvalidSender, TooManySenders, SendersUnknown],
)  # fmt: skip
def add_sender(call: Call) -> object:
    """Add a sender.

    A domain is given keys (Easy DKIM, 2,048 bits) and a MAIL FROM domain; publish the records of the answer. Adding a
    known sender again changes nothing else.
    """
    return _answer(call, call.context.identities.add(call.body(NewSender).name()))


@Operation(senders, "GET", "/v1/senders/{sender}", SenderAnswer, raises=[SenderNotFound, SendersUnknown])
def read_sender(call: Call, sender: str) -> object:
    """Read a sender.

    With the DNS records to publish, what DNS has now, and whether emails pass DMARC. Looked up at each request.
    """
    return _answer(call, call.context.identities.get(_known(sender)))


@Operation(senders, "DELETE", "/v1/senders/{sender}", status=204, raises=[SenderNotFound, SendersUnknown])
def remove_sender(call: Call, sender: str) -> None:
    """Remove a sender.

    Emails can no longer be sent from it: campaigns that use it pause. Its DNS records stay where they are.
    """
    call.context.identities.remove(_known(sender))


@Operation(senders, "GET", "/v1/sending-account", AccountAnswer)
def read_sending_account(call: Call) -> object:
    """Read the sending account."""
    if not call.context.sending_account.asks_senders:
        return AccountAnswer(service="smtp")
    state = call.context.sending_account.state()
    if state is None:
        raise Unavailable("Amazon SES did not answer")
    return Overlaid(state, service="ses")


def _answer(call: Call, identity: Identity) -> Overlaid:
    context = call.context
    checked = check(identity, context.identities.region, context.dns)
    newest, _ = context.campaigns.list_page(limit=_CAMPAIGNS_SEARCHED, position=None)
    using = [each for each in newest if each.status not in _DONE and _is_from(each.from_email, identity.sender)]
    return Overlaid(identity, records=checked.records, dmarc=checked.dmarc, used_by=using, checked_at=context.now())


def _is_from(address: str, sender: str) -> bool:
    return address == sender or f".{address.rpartition('@')[2].lower()}".endswith(f".{sender}")


def _known(sender: str) -> str:
    """A sender's name in a path. Raises SenderNotFound for what is neither domain nor address."""
    try:
        return _PARSE["address" if "@" in sender else "domain"](sender)
    except MalformedAddress:
        raise SenderNotFound from None
