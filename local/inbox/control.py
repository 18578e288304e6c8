"""The API for tests: the play book of faults and the account's limits, changed while the inbox runs."""

import dataclasses

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.inbox.account import Enforcement, SendingAccount
from local.inbox.faults import FaultBook
from local.inbox.http_server import Request, Response
from local.inbox.identities import Verification
from local.inbox.routing import RouteHandler, Router


class AccountChange(BaseModel):
    """`PUT /account`: the fields to change; the others stay."""

    model_config = ConfigDict(extra="forbid")

    max_send_rate: float | None = Field(default=None, gt=0)
    max_24_hour_send: float | None = Field(default=None, ge=-1)
    sending_enabled: bool | None = None
    production_access_enabled: bool | None = None
    enforcement_status: Enforcement | None = None
    suspended: bool | None = None
    access_denied: bool | None = None
    configuration_set_exists: bool | None = None
    mail_from_verified: bool | None = None
    throttle_questions: bool | None = None
    identities: dict[str, Verification] | None = None
    sent_last_24_hours: int | None = Field(default=None, ge=0)


class ControlApi:
    """`/faults` and `/account`."""

    def __init__(self, account: SendingAccount) -> None:
        self._account = account
        self._book = FaultBook()

    def fault_book(self) -> FaultBook:
        """The book as it stands now; PUT replaces it."""
        return self._book

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/faults", self.get_faults)
        router.add("PUT", "/faults", answering_invalid(self.put_faults))
        router.add("DELETE", "/faults", self.delete_faults)
        router.add("GET", "/account", self.get_account)
        router.add("PUT", "/account", answering_invalid(self.put_account))

    async def get_faults(self, _request: Request) -> Response:
        return Response.of_json(self._book.model_dump(mode="json"))

    async def put_faults(self, request: Request) -> Response:
        self._book = FaultBook.model_validate_json(request.body)
        return await self.get_faults(request)

    async def delete_faults(self, _request: Request) -> Response:
        self._book = FaultBook()
        return Response(204)

    async def get_account(self, _request: Request) -> Response:
        limits = dataclasses.asdict(self._account.limits)
        others = {
            "identities": self._account.identities.statuses,
            "sent_last_24_hours": self._account.sent_last_24_hours(),
        }
        return Response.of_json({**limits, **others})

    async def put_account(self, request: Request) -> Response:
        change = AccountChange.model_validate_json(request.body)
        if change.sent_last_24_hours is not None:
            self._account.set_sent_last_24_hours(change.sent_last_24_hours)
        if "identities" in change.model_fields_set:
            self._account.identities.set_statuses(change.identities)
            self._account.identities.forget_added()
        limits = change.model_dump(exclude_none=True, exclude={"identities", "sent_last_24_hours"})
        self._account.limits = dataclasses.replace(self._account.limits, **limits)
        return await self.get_account(request)


def answering_invalid(handler: RouteHandler) -> RouteHandler:
    """Answer a body that does not fit its model with 400 and what is wrong with each field."""

    async def answer(request: Request, *groups: str) -> Response:
        try:
            return await handler(request, *groups)
        except ValidationError as invalid:
            errors = [{"field": ".".join(map(str, error["loc"])), "reason": error["msg"]} for error in invalid.errors()]
            return Response.of_json({"errors": errors}, 400)

    return answer
