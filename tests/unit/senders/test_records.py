"""What DNS has, compared with what a sender's domain needs; and whether its mails pass DMARC."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from chalicelib.senders.identities import Identity, identity_of
from chalicelib.senders.lookups import Answers, Dns, Question
from chalicelib.senders.records import Checked, State, check

SES = {
    "VerifiedForSendingStatus": True,
    "VerificationStatus": "SUCCESS",
    "DkimAttributes": {
        "SigningEnabled": True,
        "Status": "SUCCESS",
        "Tokens": ["one", "two", "three"],
        "SigningHostedZone": "dkim.eu-south-2.amazonses.com",
        "SigningAttributesOrigin": "AWS_SES",
    },
    "MailFromAttributes": {"MailFromDomain": "bounce.shop.example", "MailFromDomainStatus": "PENDING"},
}
SHOP = identity_of("shop.example", SES)
POLICY = {("_dmarc.shop.example", "TXT"): ("v=DMARC1; p=none;",)}
HOST = "feedback-smtp.eu-west-1.amazonses.com"


class Zone(Dns):
    """DNS with these values; what is None gets no answer."""

    def __init__(self, values: dict[tuple[str, str], tuple[str, ...] | None]) -> None:
        self._values = values

    def look_up(self, questions: Collection[Question]) -> Answers:
        return {each: self._values.get(each, ()) for each in questions}


def checked(values: dict[tuple[str, str], tuple[str, ...] | None], identity: Identity = SHOP) -> Checked:
    return check(identity, "eu-west-1", Zone(values))


def state(kind: str, name: str, *seen: str) -> State:
    name = f"{name}.shop.example"
    return next(
        each.state for each in checked({(name, kind): seen}).records if (each.name, each.type) == (name, kind)
    )  # fmt: skip


def test_the_records_to_publish_are_those_that_ses_asks_for() -> None:
    assert [(each.type, each.name, each.value) for each in checked({}).records] == [
        ("CNAME", "one._domainkey.shop.example", "one.dkim.eu-south-2.amazonses.com"),
        ("CNAME", "two._domainkey.shop.example", "two.dkim.eu-south-2.amazonses.com"),
        ("CNAME", "three._domainkey.shop.example", "three.dkim.eu-south-2.amazonses.com"),
        ("MX", "bounce.shop.example", f"10 {HOST}"),
        ("TXT", "bounce.shop.example", "v=spf1 include:amazonses.com ~all"),
        ("TXT", "_dmarc.shop.example", "v=DMARC1; p=none;"),
    ]
    assert {each.state for each in checked({}).records} == {State.MISSING}


def test_a_region_that_names_no_zone_has_the_common_one_and_own_keys_have_no_records() -> None:
    common = {**SES, "DkimAttributes": {"Status": "PENDING", "Tokens": ["one"]}}
    assert identity_of("shop.example", common).dkim_records == (
        ("one._domainkey.shop.example", "one.dkim.amazonses.com"),
    )
    own = {**SES, "DkimAttributes": {"Tokens": ["selector"], "SigningAttributesOrigin": "EXTERNAL"}}
    assert identity_of("shop.example", own).dkim_records == ()


@pytest.mark.parametrize(
    ("kind", "name", "seen", "expected"),
    [
        ("CNAME", "one._domainkey", ["one.dkim.eu-south-2.amazonses.com"], State.FOUND),
        ("CNAME", "one._domainkey", ["one.dkim.amazonses.com"], State.WRONG),
        ("MX", "bounce", [f"10 {HOST}"], State.FOUND),
        ("MX", "bounce", [f"5 {HOST}"], State.FOUND),
        ("MX", "bounce", [f"10 {HOST}", "20 mail.shop.example"], State.WRONG),
        ("MX", "bounce", ["10 feedback-smtp.us-east-1.amazonses.com"], State.WRONG),
        ("TXT", "bounce", ["v=spf1 include:amazonses.com ~all"], State.FOUND),
        ("TXT", "bounce", ["V=SPF1 ip4:192.0.2.1 +include:amazonses.com -all", "other"], State.FOUND),
        ("TXT", "bounce", ["v=spf1 include:_spf.google.com ~all"], State.WRONG),
        ("TXT", "bounce", ["v=spf1 include:amazonses.com ~all", "v=spf1 -all"], State.WRONG),
        ("TXT", "bounce", ["google-site-verification=x"], State.MISSING),
        ("TXT", "_dmarc", ["v=DMARC1; p=reject"], State.FOUND),
        ("TXT", "_dmarc", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], State.WRONG),
    ],
)
def test_a_record_is_found_missing_or_wrong(kind: str, name: str, seen: list[str], expected: State) -> None:
    assert state(kind, name, *seen) is expected


def test_without_an_answer_nothing_is_said() -> None:
    silent: dict[tuple[str, str], tuple[str, ...] | None] = {
        ("bounce.shop.example", "MX"): None,
        ("_dmarc.shop.example", "TXT"): None,
    }
    found = checked(silent)
    assert [each.state for each in found.records][3:] == [State.UNKNOWN, State.MISSING, State.UNKNOWN]
    assert (found.dmarc.passes, found.dmarc.reason) == (None, None)


def test_what_strangers_published_is_shown_in_part() -> None:
    many = tuple("x" * 9_000 for _ in range(50))
    (shown,) = [each.seen for each in checked({("bounce.shop.example", "MX"): many}).records if each.type == "MX"]
    assert (len(shown), {len(each) for each in shown}) == (5, {500})


def test_a_signed_domain_with_a_policy_passes() -> None:
    found = checked({**POLICY})
    assert (found.dmarc.passes, found.dmarc.policy, found.dmarc.domain) == (True, "v=DMARC1; p=none;", "shop.example")


def test_it_is_said_whether_there_is_no_policy_or_more_than_one() -> None:
    several = {("_dmarc.shop.example", "TXT"): ("v=DMARC1; p=none", "other", "v=DMARC1; p=reject")}
    assert checked({}).dmarc.reason == "no DMARC record is published for shop.example"
    said = "shop.example has 2 DMARC records, and receivers ignore all of them. Remove all but one"
    assert checked({**several}).dmarc.reason == said


def test_a_policy_of_the_organization_is_enough() -> None:
    deep = identity_of("news.shop.example", SES)
    found = checked({**POLICY}, deep)
    assert found.dmarc.domain == "shop.example"
    assert (found.records[-1].name, found.records[-1].state) == ("_dmarc.shop.example", State.FOUND)


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({"signs": False, "mail_from_status": "PENDING"}, False),
        ({"signs": False, "mail_from_status": "SUCCESS"}, True),
        ({"signs": False, "mail_from_status": "SUCCESS", "mail_from": "other.shop.example"}, False),
        ({"signs": True, "mail_from": None}, True),
    ],
)
def test_dkim_or_an_aligned_mail_from_domain_suffices(changes: dict[str, object], passes: bool) -> None:
    spf = {("bounce.shop.example", "TXT"): ("v=spf1 include:amazonses.com ~all",)}
    assert checked({**POLICY, **spf}, replace(SHOP, **changes)).dmarc.passes is passes  # type: ignore[arg-type]


def test_a_strict_policy_wants_the_very_domain_and_not_its_subdomain_for_bounces() -> None:
    strict: dict[tuple[str, str], tuple[str, ...] | None] = {("_dmarc.shop.example", "TXT"): ("v=DMARC1; aspf=s",)}
    by_spf_alone = replace(SHOP, signs=False, mail_from_status="SUCCESS")
    assert checked(strict, by_spf_alone).dmarc.passes is False


def test_an_address_signs_for_nobody_and_has_no_records() -> None:
    address = identity_of("me@shop.example", {"VerifiedForSendingStatus": True})
    found = checked({**POLICY}, address)
    assert (found.records, found.dmarc.passes) == ([], False)
    assert "only the address is verified" in (found.dmarc.reason or "")
