"""DMARC's policies, organizational domains and alignment, with the RFC's own examples and by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.senders.dmarc import (
    Policies,
    Policy,
    is_aligned,
    names_to_look_up,
    organizational_domain,
    policy_domain,
    read_policy,
    walk,
)

LABELS = st.text("abc", min_size=1, max_size=2)
DOMAINS = st.lists(LABELS, min_size=1, max_size=10).map(".".join)


def policies(**texts: str) -> Policies:
    """By domain, its dots written as underscores."""
    found = {name.replace("_", "."): read_policy([text]) for name, text in texts.items()}
    return {name: policy for name, policy in found.items() if policy is not None}


def test_the_walk_takes_eight_questions_at_most() -> None:
    """RFC 9989, 4.10: the example of a long name."""
    long = "a.b.c.d.e.f.g.h.i.j.mail.example.com"
    assert walk(long) == [
        long, "g.h.i.j.mail.example.com", "h.i.j.mail.example.com", "i.j.mail.example.com", "j.mail.example.com",
        "mail.example.com", "example.com", "com",
    ]  # fmt: skip
    assert walk("mail.example.com") == ["mail.example.com", "example.com", "com"]


@pytest.mark.parametrize(
    ("texts", "policy"),
    [
        (["v=DMARC1; p=reject; adkim=s"], (True, False)),
        (["v = DMARC1 ;P= Quarantine;aspf=S;;x"], (False, True)),
        (["v=DMARC1"], (False, False)),
        (["google-site-verification=x", "v=DMARC1;p=none"], (False, False)),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], None),
        (["v=DMARC10; p=none"], None),
        (["p=none; v=DMARC1"], None),
        (["v=spf1 -all", "", ";", "<script>"], None),
    ],
)
def test_a_policy_is_read_as_receivers_read_it(texts: list[str], policy: tuple[bool, bool] | None) -> None:
    found = read_policy(texts)
    assert (found and (found.strict_dkim, found.strict_spf)) == policy


@pytest.mark.parametrize(
    ("known", "domain", "organization"),
    [
        ({}, "mail.shop.example", "mail.shop.example"),
        ({"shop_example": "v=DMARC1"}, "mail.shop.example", "shop.example"),
        ({"shop_example": "v=DMARC1", "mail_shop_example": "v=DMARC1"}, "mail.shop.example", "shop.example"),
        ({"shop_example": "v=DMARC1", "mail_shop_example": "v=DMARC1;psd=n"}, "mail.shop.example", "mail.shop.example"),
        ({"bank": "v=DMARC1;psd=y"}, "mail.my.bank", "my.bank"),
        ({"bank": "v=DMARC1;psd=y"}, "bank", "bank"),
        ({"co_uk": "v=DMARC1;psd=y", "uk": "v=DMARC1"}, "a.shop.co.uk", "shop.co.uk"),
    ],
)
def test_the_organizational_domain_is_where_the_walk_ends(
    known: dict[str, str], domain: str, organization: str
) -> None:
    assert organizational_domain(domain, policies(**known)) == organization


def test_the_policy_is_the_domains_own_or_the_organizations_or_the_suffixs() -> None:
    known = policies(shop_example="v=DMARC1", mail_shop_example="v=DMARC1;p=reject", bank="v=DMARC1;psd=y;p=reject")
    assert policy_domain("mail.shop.example", known) == "mail.shop.example"
    assert policy_domain("a.b.shop.example", known) == "shop.example"
    assert policy_domain("x.my.bank", known) == "bank"
    assert policy_domain("other.example", known) is None


@given(DOMAINS, st.dictionaries(DOMAINS, st.sampled_from("uny"), max_size=6))
def test_the_organization_holds_the_domain_and_is_its_own(domain: str, psds: dict[str, str]) -> None:
    known = {name: Policy("v=DMARC1", False, False, psd) for name, psd in psds.items()}
    organization = organizational_domain(domain, known)
    assert f".{domain}".endswith(f".{organization}")
    assert set(walk(domain)) <= set(names_to_look_up([domain]))
    assert len(walk(domain)) <= 8


@given(DOMAINS, LABELS, st.dictionaries(DOMAINS, st.sampled_from("un"), max_size=4))
def test_strict_alignment_is_relaxed_alignment_too(domain: str, label: str, psds: dict[str, str]) -> None:
    known = {name: Policy("v=DMARC1", False, False, psd) for name, psd in psds.items()}
    for other in (domain, f"{label}.{domain}"):
        if is_aligned(domain, other, strict=True, policies=known):
            assert is_aligned(domain, other, strict=False, policies=known)
        assert is_aligned(domain, other, strict=True, policies=known) == (domain == other)


def test_a_subdomain_is_aligned_unless_the_policy_is_strict() -> None:
    known = policies(shop_example="v=DMARC1")
    assert is_aligned("news.shop.example", "shop.example", strict=False, policies=known)
    assert not is_aligned("news.shop.example", "shop.example", strict=True, policies=known)
    assert not is_aligned("shop.example", "amazonses.com", strict=False, policies=known)
