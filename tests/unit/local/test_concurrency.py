"""What `make deploy` says about the account's room."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from local.concurrency import advice
from local.console import NotReady
from local.package import on_lambda, package
from local.stack import DEFAULTS


class Account:
    """Lambda and SES of an account; both clients in one."""

    def __init__(self, executions: int, reserved: int = 0, rate: float = 14, refuses: bool = False) -> None:
        self.executions, self.reserved, self.rate, self.refuses = executions, reserved, rate, refuses

    def get_account_settings(self) -> dict[str, Any]:
        if self.refuses:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetAccountSettings")
        unreserved = self.executions - self.reserved
        limit = {"ConcurrentExecutions": self.executions, "UnreservedConcurrentExecutions": unreserved}
        return {"AccountLimit": limit}

    def get_account(self) -> dict[str, Any]:
        return {"SendQuota": {"MaxSendRate": self.rate}}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(package(DEFAULTS.builds, on_lambda()).template.read_text())
    return loaded


def said(account: Account, template: dict[str, Any], before: dict[str, str] | None = None, **after: str) -> str:
    return "\n".join(advice(lambda service: account, template, before or {}, after))


def taken(template: dict[str, Any], **after: str) -> int:
    words = said(Account(1000), template, None, **after)
    return int(words.partition("take up to ")[2].partition(" of them")[0])


def test_a_new_account_is_told_that_it_is_small_and_how_to_get_more(template: dict[str, Any]) -> None:
    words = said(Account(10), template)
    assert "may run 10 functions at once" in words
    assert "request-service-quota-increase" in words


def test_an_ordinary_account_is_told_what_it_can_reserve(template: dict[str, Any]) -> None:
    assert "TrackConcurrency and ApiConcurrency may reserve up to 900 of them together" in said(Account(1000), template)
    assert "quota-increase" not in said(Account(1000), template)


def test_a_reserve_that_aws_would_refuse_is_refused_before_anything_changes(template: dict[str, Any]) -> None:
    with pytest.raises(NotReady, match="would reserve 1 of 10 executions, and AWS refuses to leave fewer than 10"):
        said(Account(10), template, TrackConcurrency="1")
    with pytest.raises(NotReady, match="would reserve 995 of 1000"):
        said(Account(1000), template, TrackConcurrency="990", ApiConcurrency="5")


def test_a_reserve_that_aws_may_refuse_is_warned_of(template: dict[str, Any]) -> None:
    assert "AWS may refuse these reserves" in said(Account(1000), template, TrackConcurrency="950")
    assert "may refuse" not in said(Account(1000), template, TrackConcurrency="900")


def test_what_this_stack_has_reserved_already_is_not_counted_twice(template: dict[str, Any]) -> None:
    account = Account(1000, reserved=900)
    assert "may refuse" not in said(account, template, {"TrackConcurrency": "900"}, TrackConcurrency="900")


def test_more_senders_take_more_of_the_account(template: dict[str, Any]) -> None:
    """`send`, and `feedback` that keeps up with it."""
    assert taken(template, SendConcurrency="40") - taken(template, SendConcurrency="2") == 2 * 38


def test_a_source_that_is_a_resource_of_its_own_takes_executions_too(template: dict[str, Any]) -> None:
    source = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"ScalingConfig": {"MaximumConcurrency": 7}}}
    more = template | {"Resources": template["Resources"] | {"Reports": source}}
    assert taken(more) - taken(template) == 7


@pytest.mark.parametrize(("rate", "needed"), [(1, None), (26, None), (27, 3), (500, 39)])
def test_senders_that_are_too_few_for_the_rate_are_named(
    template: dict[str, Any], rate: float, needed: int | None
) -> None:
    words = said(Account(1000, rate=rate), template)
    assert ("SendConcurrency=2 sends about 26" in words) == (needed is not None)
    assert needed is None or f"SendConcurrency={needed} would use it all" in words


def test_a_mail_server_of_ones_own_has_a_rate_of_its_own(template: dict[str, Any]) -> None:
    assert "SES" not in said(Account(1000, rate=500), template, SmtpSecret="arn:aws:secretsmanager:x")


def test_an_account_that_may_not_be_looked_at_is_deployed_to_all_the_same(template: dict[str, Any]) -> None:
    assert "cannot be said" in said(Account(10, refuses=True), template)
