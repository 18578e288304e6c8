"""/v1/suppressions: the addresses that are not mailed. Addresses come in bodies, which no access log has."""

from typing import Literal

from pydantic import Field

from chalicelib.api.http.answers import AnswerModel, Moment, Overlaid
from chalicelib.api.http.authentication import caller
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.requests import InvalidBody, RequestModel, read_bytes
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.imports import LineErrorAnswer
from chalicelib.api.leads import Reason, SuppressionAnswer
from chalicelib.crm.import_rows import FileTooLong
from chalicelib.crm.suppression import allow_address, suppress_many
from chalicelib.crm.suppression_files import NoAddress, read_addresses
from chalicelib.model.addresses import MalformedAddress, parse_address
from chalicelib.model.errors import Fault, Missing
from chalicelib.model.suppression import Mark, Resubscription, SuppressedAddress, SuppressionReason

suppressions = Resource("suppressions")

REMOVED = "removed"
Listed = Literal["hard_bounce", "complaint", "unsubscribed", "manual", "removed"]
"""Reasons and `removed` as one type: of a union, an error would name each branch as a field."""


class SuppressionNotFound(Missing, problem="suppression-not-found", title="The address is not on the suppression list"):
    """Nothing keeps the address from being mailed."""


class SuppressionsQuery(PageQuery):
    q: str | None = Field(
        default=None,
        max_length=254,
        description="Only addresses that start like this, in ASCII or in the letters of their domain.",
    )
    reason: Listed | None = Field(
        default=None, description="Only for this reason; `removed`: addresses that were taken off the list."
    )

    def shows(self, each: SuppressedAddress) -> bool:
        if self.reason == REMOVED:
            return not each.reasons and each.lifted is not None
        return bool(each.reasons) if self.reason is None else self.reason in each.reasons


class NewSuppressions(RequestModel):
    emails: list[str] = Field(min_length=1, max_length=100)
    reason: Reason


class ImportSuppressionsQuery(RequestModel):
    reason: Reason | None = None


class RemovalBody(RequestModel):
    email: str
    reason: Reason


class SuppressedMarkAnswer(SuppressionAnswer):
    entity: str | None = Field(description="Of an unsubscription: the business line; null for every one.")


class RemovedAnswer(AnswerModel):
    at: Moment
    by: str
    reason: str


class SuppressedAddressAnswer(AnswerModel):
    email: str | None = Field(description="In lower case; null for an erased person, of whom a hash is kept.")
    marks: list[SuppressedMarkAnswer] = Field(description="What keeps it from being mailed, first one first.")
    removed: RemovedAnswer | None = Field(description="How it was last taken off the list.")


class AddedAnswer(AnswerModel):
    added: int
    known: int = Field(description="Addresses that somebody had put on the list before.")


class ImportedSuppressionsAnswer(AddedAnswer):
    errors: list[LineErrorAnswer]


@Operation(suppressions, "GET", "/v1/suppressions", Page[SuppressedAddressAnswer], query=SuppressionsQuery)
def list_suppressed_addresses(call: Call) -> object:
    """List the addresses that are not mailed.

    By address. With a reason a page may be short, or even empty, and still have a cursor. A change takes a second to
    appear.
    """
    query = call.query(SuppressionsQuery)
    found = call.context.leads.suppressions.list_page(
        start=query.q or "", limit=query.limit, position=query.position(), shown=query.shows
    )
    return query.page(map(_shown, found[0]), found[1])


@Operation(suppressions, "POST", "/v1/suppressions", AddedAnswer, body=NewSuppressions)
def suppress_addresses(call: Call) -> object:
    """Put addresses on the suppression list.

    At most 100. They are not mailed by any business line, and neither are leads that are given one of them later.
    """
    given = call.body(NewSuppressions)
    addresses = [_parsed(text, f"emails[{place}]") for place, text in enumerate(given.emails)]
    mark = _mark(call, "api", given.reason)
    added, known = suppress_many(call.context.leads, addresses, mark)
    return {"added": added, "known": known}


@Operation(
    suppressions,
    "POST",
    "/v1/suppressions/import",
    ImportedSuppressionsAnswer,
    query=ImportSuppressionsQuery,
    content_types=("text/csv", "text/plain"),
    raises=[FileTooLong, NoAddress],
)
def import_suppressions(call: Call) -> object:
    """Put a file of addresses on the suppression list.

    One a line, or a CSV file: the first address of each line counts. At most 1,000 lines: send a longer file
    in pieces. Good lines are taken, the others reported; the same file again changes nothing.
    """
    reason, file = call.query(ImportSuppressionsQuery).reason, read_addresses(read_bytes(call.request))
    added, known = suppress_many(call.context.leads, file.addresses, _mark(call, "import", reason))
    return {"added": added, "known": known, "errors": file.errors}


@Operation(suppressions, "POST", "/v1/suppressions/remove", status=204, body=RemovalBody, raises=[SuppressionNotFound])
def remove_suppression(call: Call) -> None:
    """Take an address off the suppression list.

    Whatever kept it there, for every business line; its leads are resubscribed, with the reason on their timelines. Do
    this only when its owner has asked for it.
    """
    context, given = call.context, call.body(RemovalBody)
    allowed = Resubscription(context.now(), caller(call.request).name, given.reason)
    if not allow_address(context.leads, context.resubscriptions, _parsed(given.email, "email"), allowed):
        raise SuppressionNotFound("Nothing keeps this address from being mailed.")


def _mark(call: Call, source: str, reason: str | None) -> Mark:
    return Mark(SuppressionReason.MANUAL, call.context.now(), source, by=caller(call.request).name, note=reason)


def _parsed(text: str, field: str) -> str:
    try:
        return parse_address(text)
    except MalformedAddress as error:
        raise InvalidBody([Fault(field, str(error))]) from None


def _shown(each: SuppressedAddress) -> dict[str, object]:
    """What a SuppressedAddressAnswer is made of."""
    marks = [(None, mark) for mark in each.everywhere] + list(each.unsubscribed.items())
    return {
        "email": None if each.is_erased else each.address,
        "marks": [Overlaid(mark, entity=entity) for entity, mark in sorted(marks, key=lambda pair: pair[1].at)],
        "removed": each.lifted,
    }
