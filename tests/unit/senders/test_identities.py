"""What SES says of domains and addresses, its errors, and what it is asked."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.model.errors import Unavailable
from chalicelib.senders.identities import (
    IdentitySummary,
    InvalidSender,
    SenderNotFound,
    SesIdentities,
    TooManySenders,
    identity_of,
)
from tests.stand_in import StandIn

VERIFIED: dict[str, Any] = {
    "VerifiedForSendingStatus": True,
    "VerificationStatus": "SUCCESS",
    "DkimAttributes": {"SigningEnabled": True, "Status": "SUCCESS", "Tokens": ["one", "two"]},
    "MailFromAttributes": {"MailFromDomain": "b.shop.example", "MailFromDomainStatus": "SUCCESS"},
    "VerificationInfo": {"LastSuccessTimestamp": datetime(2026, 11, 27, tzinfo=UTC)},
}


class Ses(StandIn):
    """Notes what it is asked, and answers `known`; creating an identity raises `refusal`."""

    def __init__(self, known: dict[str, Any], refusal: Exception | None = None) -> None:
        self.known, self.refusal = known, refusal
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get_email_identity(self, **asked: Any) -> dict[str, Any]:
        return self.known

    def create_email_identity(self, **asked: Any) -> None:
        self.asked.append(("create", asked))
        if self.refusal:
            raise self.refusal

    def put_email_identity_mail_from_attributes(self, **asked: Any) -> None:
        self.asked.append(("mail from", asked))

    def list_email_identities(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(("list", asked))
        new = {"IdentityName": "a@shop.example", "SendingEnabled": False}
        known = {"IdentityName": "shop.example", "SendingEnabled": True, "VerificationStatus": "SUCCESS"}
        return {"EmailIdentities": [new, known], "NextToken": "more"}

    def delete_email_identity(self, **asked: Any) -> None:
        self.asked.append(("delete", asked))


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateEmailIdentity")


def test_a_verified_domain_signs_and_has_its_records() -> None:
    shop = identity_of("shop.example", VERIFIED)
    assert (shop.kind, shop.verified, shop.status, shop.dkim_status, shop.signs) == (
        *("domain", True, "SUCCESS", "SUCCESS"),
        True,
    )
    assert shop.dkim_records == (
        ("one._domainkey.shop.example", "one.dkim.amazonses.com"),
        ("two._domainkey.shop.example", "two.dkim.amazonses.com"),
    )
    assert (shop.mail_from, shop.mail_from_status) == ("b.shop.example", "SUCCESS")
    assert shop.verified_at == VERIFIED["VerificationInfo"]["LastSuccessTimestamp"]


def test_what_ses_leaves_out_has_not_begun() -> None:
    new = identity_of("shop.example", {"VerifiedForSendingStatus": False})
    assert (new.verified, new.status, new.dkim_status, new.signs) == (False, "NOT_STARTED", "NOT_STARTED", False)
    assert (new.dkim_records, new.mail_from, new.mail_from_status, new.verified_at) == ((), None, None, None)


@pytest.mark.parametrize(
    "dkim", [{"SigningEnabled": False, "Status": "SUCCESS"}, {"SigningEnabled": True, "Status": "FAILED"}]
)
def test_a_domain_signs_only_with_a_key_that_is_found_and_used(dkim: dict[str, Any]) -> None:
    assert not identity_of("shop.example", VERIFIED | {"DkimAttributes": dkim}).signs


def test_an_address_has_no_records() -> None:
    address = identity_of("me@shop.example", VERIFIED)
    assert (address.kind, address.dkim_records) == ("address", ())


def test_a_new_domain_gets_easy_dkim_and_a_mail_from_domain() -> None:
    ses = Ses({"VerifiedForSendingStatus": False})
    added = SesIdentities(ses).add("shop.example")
    key = {"DkimSigningAttributes": {"NextSigningKeyLength": "RSA_2048_BIT"}}
    mail_from = {"MailFromDomain": "bounce.shop.example", "BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}
    assert ses.asked == [
        ("create", {"EmailIdentity": "shop.example"} | key),
        ("mail from", {"EmailIdentity": "shop.example"} | mail_from),
    ]
    assert (added.mail_from, added.mail_from_status) == ("bounce.shop.example", "PENDING")


@pytest.mark.parametrize("sender", ["shop.example", "me@shop.example"])
def test_a_known_sender_stays_as_it_is(sender: str) -> None:
    ses = Ses(VERIFIED if "@" not in sender else {"VerifiedForSendingStatus": True}, refused("AlreadyExistsException"))
    assert SesIdentities(ses).add(sender) == identity_of(sender, ses.known)
    assert [what for what, _ in ses.asked] == ["create"]


def test_an_address_is_added_without_a_key() -> None:
    ses = Ses({"VerifiedForSendingStatus": False})
    SesIdentities(ses).add("me@shop.example")
    assert ses.asked == [("create", {"EmailIdentity": "me@shop.example"})]


def test_a_list_goes_on_where_ses_says() -> None:
    ses = Ses({})
    found, position = SesIdentities(ses).list_page(limit=7, position=None)
    assert position == "more"
    assert found == [
        IdentitySummary("a@shop.example", False, "NOT_STARTED"),
        IdentitySummary("shop.example", True, "SUCCESS"),
    ]
    SesIdentities(ses).list_page(limit=7, position=position)
    assert ses.asked == [("list", {"PageSize": 7}), ("list", {"PageSize": 7, "NextToken": "more"})]


def test_a_sender_is_removed() -> None:
    ses = Ses({})
    SesIdentities(ses).remove("shop.example")
    assert ses.asked == [("delete", {"EmailIdentity": "shop.example"})]


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (refused("NotFoundException"), SenderNotFound),
        (refused("BadRequestException"), InvalidSender),
        (refused("LimitExceededException"), TooManySenders),
        (refused("TooManyRequestsException"), Unavailable),
        (refused("ConcurrentModificationException"), Unavailable),
        (refused("InternalServiceErrorException"), Unavailable),
        (EndpointConnectionError(endpoint_url="https://ses.example"), Unavailable),
        (refused("AccessDeniedException"), ClientError),
    ],
)
def test_the_errors_of_ses_say_what_the_caller_can_do(error: Exception, ours: type[Exception]) -> None:
    with pytest.raises(ours) as raised:
        SesIdentities(Ses({}, error)).add("shop.example")
    if isinstance(raised.value, InvalidSender):
        assert str(raised.value) == "sender is refused by Amazon SES: no"
