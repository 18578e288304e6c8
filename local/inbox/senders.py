"""Identities over the SES v2 API, the inbox's page of them, and the control of its DNS."""

import json
import time
from typing import Any

from pydantic import BaseModel, ConfigDict

from local.inbox import markup
from local.inbox.account import SendingAccount
from local.inbox.control import answering_invalid
from local.inbox.dns_server import DnsServer
from local.inbox.http_server import Request, Response
from local.inbox.identities import DKIM_ZONE, DnsRecord, Verification, tokens
from local.inbox.pages import html_page
from local.inbox.routing import RouteHandler, Router
from local.inbox.ses import answering_errors
from local.inbox.ses_errors import AlreadyExists, BadRequest, NotFound, RateExceeded


class DnsChange(BaseModel):
    """`PUT /dns`: all records, and whether the server answers."""

    model_config = ConfigDict(extra="forbid")

    records: list[DnsRecord]
    silent: bool = False


class SendersApi:
    def __init__(self, account: SendingAccount, dns: DnsServer) -> None:
        self._account = account
        self._identities = account.identities
        self._dns = dns

    def add_routes(self, router: Router) -> None:
        at = "/v2/email/identities"
        router.add("POST", at, answering_errors(self._unless_throttled(self.create)))
        router.add("POST", "/v2/email/list-identities", answering_errors(self._unless_throttled(self.list)))
        router.add("PUT", f"{at}/([^/]+)/mail-from", answering_errors(self._unless_throttled(self.put_mail_from)))
        router.add("GET", f"{at}/([^/]+)", answering_errors(self._unless_throttled(self.get)))
        router.add("DELETE", f"{at}/([^/]+)", answering_errors(self._unless_throttled(self.delete)))
        router.add("GET", "/dns", self.get_dns)
        router.add("PUT", "/dns", answering_invalid(self.put_dns))
        router.add("GET", "/senders", self.page)
        router.add("POST", "/senders/([^/]+)", self.publish)

    def _unless_throttled(self, handler: RouteHandler) -> RouteHandler:
        async def answer(request: Request, *groups: str) -> Response:
            if self._account.limits.throttle_questions:
                raise RateExceeded
            return await handler(request, *groups)

        return answer

    async def create(self, request: Request) -> Response:
        fields = json.loads(request.body)
        name = str(fields.get("EmailIdentity", "")).lower()
        if "." not in name or name.startswith("@") or " " in name:
            raise BadRequest(f"Invalid identity {name}.")
        if name in self._identities.added or name in (self._identities.statuses or {}):
            raise AlreadyExists(f"Email identity {name} already exist.")
        self._identities.added[name] = False
        self._identities.save()
        shown = self._described(name)
        return Response.of_json(
            {each: shown[each] for each in ("IdentityType", "VerifiedForSendingStatus", "DkimAttributes")}
        )

    async def list(self, request: Request) -> Response:
        fields = json.loads(request.body or b"{}")
        size, after = fields.get("PageSize", 100), fields.get("NextToken", "")
        names = [name for name in self._identities.names() if name > after]
        shown = [self._described(name) | {"IdentityName": name} for name in names[:size]]
        kept = ("IdentityType", "IdentityName", "VerificationStatus")
        items = [
            {each: one[each] for each in kept} | {"SendingEnabled": one["VerifiedForSendingStatus"]} for one in shown
        ]
        return Response.of_json({"EmailIdentities": items} | ({"NextToken": names[size - 1]} if names[size:] else {}))

    async def get(self, _request: Request, name: str) -> Response:
        return Response.of_json(self._described(name))

    async def delete(self, _request: Request, name: str) -> Response:
        if not self._identities.remove(name.lower()):
            raise NotFound(f"Email identity {name} does not exist.")
        return Response.of_json({})

    async def put_mail_from(self, request: Request, name: str) -> Response:
        mail_from = json.loads(request.body).get("MailFromDomain")
        if self._identities.status_of(name) is None:
            raise NotFound(f"Email identity {name} does not exist.")
        if not str(mail_from).endswith(f".{name}"):
            raise BadRequest(
                f"Provided MAIL-FROM domain <{mail_from}> is not subdomain of the domain of the identity <{name}>."
            )
        self._identities.mail_from[name] = str(mail_from)
        self._identities.save()
        return Response.of_json({})

    def _described(self, name: str) -> dict[str, Any]:
        """The answer to GetEmailIdentity."""
        name = name.lower()
        status = self._identities.status_of(name)
        if status is None:
            raise NotFound(f"Email identity {name} does not exist.")
        described: dict[str, Any] = {
            "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": status is Verification.SUCCESS,
            "VerificationStatus": status,
            "DkimAttributes": {"SigningEnabled": False, "Status": Verification.NOT_STARTED},
            "VerificationInfo": {"LastSuccessTimestamp": int(time.time())} if status is Verification.SUCCESS else {},
            "Policies": {},
            "Tags": [],
        }
        if "@" not in name:
            described["DkimAttributes"] = {
                "SigningEnabled": True,
                "Status": status,
                "Tokens": tokens(name),
                "SigningHostedZone": DKIM_ZONE,
                "SigningAttributesOrigin": "AWS_SES",
                "NextSigningKeyLength": "RSA_2048_BIT",
                "CurrentSigningKeyLength": "RSA_2048_BIT",
            }
        if mail_from := self._identities.mail_from.get(name):
            described["MailFromAttributes"] = {
                "MailFromDomain": mail_from,
                "MailFromDomainStatus": "SUCCESS" if self._identities.has_mail_from(name) else "PENDING",
                "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
            }
        return described

    async def get_dns(self, _request: Request) -> Response:
        records = [each._asdict() for each in self._identities.records]
        return Response.of_json({"records": records, "silent": self._dns.silent})

    async def put_dns(self, request: Request) -> Response:
        change = DnsChange.model_validate_json(request.body)
        self._identities.records, self._dns.silent = change.records, change.silent
        self._identities.save()
        return await self.get_dns(request)

    async def page(self, _request: Request) -> Response:
        return html_page(
            markup.list_of_senders([(each, self._identities.status_of(each)) for each in self._identities.names()])
        )

    async def publish(self, request: Request, name: str) -> Response:
        """What the owner of a domain or address would do: publish its records, or follow the link."""
        if request.headers.get("sec-fetch-site") != "same-origin" or name not in self._identities.added:
            return Response(403, b"Use the button on the page of senders.\n")
        self._identities.added[name] = True
        kept = [each for each in self._identities.records if each not in self._identities.wanted(name)]
        self._identities.records = kept + ([] if "@" in name else self._identities.wanted(name))
        self._identities.save()
        return Response(303, headers={"Location": "/senders"})
