"""Why something counted or did not, in words."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from chalicelib.analytics.evidence import MACHINES, Evidence, evidence_of
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus
from chalicelib.model.verdicts import BURST, judged
from chalicelib.tracking.agents import MachineReason
from tests.unit.analytics.any_delivery import CAMPAIGN, LEAD, NOON, deliveries

SENT = Delivery(CAMPAIGN, LEAD, DeliveryStatus.SENT, NOON, "0.0", sent_at=NOON)
DELIVERED = replace(SENT, delivered_at=NOON + timedelta(seconds=4))


def click(seconds: float, machine: str | None = None) -> Click:
    return Click(NOON + timedelta(seconds=seconds), None, machine)


def texts(delivery: Delivery) -> list[str]:
    return [each.text for each in evidence_of(delivery, {})]


def test_every_reason_has_words() -> None:
    assert MACHINES.keys() == {*MachineReason, BURST}


def test_a_burst_is_told_with_its_links_its_span_and_its_time_after_delivery() -> None:
    swept = {str(number): click(35 + number * 0.05) for number in range(9)}
    (burst,) = evidence_of(
        replace(DELIVERED, clicks=swept), {str(number): f"https://a.example/{number}" for number in range(9)}
    )
    assert burst.text == "Not counted: 9 links within 0.4 s, 31 s after delivery; typical of a security scanner."
    assert (burst.kind, burst.reason) == ("click", BURST)
    assert burst.links == {link: f"https://a.example/{link}" for link in "012345678"}


def test_a_link_that_differs_by_recipient_has_its_recipients_url() -> None:
    own = replace(click(5), url="https://a.example/ann")
    (followed,) = evidence_of(replace(SENT, clicks={"1": own}), {"1": "https://a.example/{{ name }}"})
    assert followed.links == {"1": "https://a.example/ann"}


def test_a_burst_counts_from_its_first_click_and_takes_a_tenth_of_a_second_at_least() -> None:
    spread = {"1": click(30.4), "2": click(30.9), "3": click(31.2)}
    (text,) = texts(replace(SENT, clicks=spread))
    assert text.startswith("Not counted: 3 links within 0.8 s, 30 s after sending;")
    (text,) = texts(replace(SENT, clicks=dict.fromkeys("123", click(30))))
    assert text.startswith("Not counted: 3 links within 0.1 s,")


def test_a_second_burst_is_told_with_all_of_its_links() -> None:
    """Of its clicks on links that were followed before, the verdict keeps none."""
    first = {"1": click(30), "2": click(30.1), "3": click(30.2)}
    again = {link: (click(7_200 + number * 0.1),) for number, link in enumerate(("1", "2", "3"))}
    assert texts(replace(SENT, clicks=first, later=again)) == [
        "Not counted: 3 links within 0.2 s, 30 s after sending; typical of a security scanner.",
        "Not counted: 3 links within 0.2 s, 2 hours after sending; typical of a security scanner.",
    ]


def test_machines_that_say_so_are_told_by_their_reason() -> None:
    scanned = replace(SENT, scans={"1": click(60, "tool"), "2": click(12, "tool"), "3": click(1, "no_user_agent")})
    assert texts(scanned) == [
        "Not counted: 1 link followed by an unnamed program, 1 s after sending.",
        "Not counted: 2 links followed by a scanner or tool, 12 s after sending.",
    ]


def test_a_machine_open_is_in_opened_and_says_so() -> None:
    at = NOON + timedelta(seconds=5)
    by_proxy = replace(SENT, opened_at=at, opened_machine="privacy_proxy")
    assert texts(by_proxy) == ["Counted as a machine open: loaded by a privacy proxy, 5 s after sending."]
    later = replace(by_proxy, opened_person_at=at + timedelta(days=3))
    assert texts(later) == [
        "Not counted: loaded by a privacy proxy, 5 s after sending.",
        "Counted: opened by a person, 3 days after sending.",
    ]


def test_a_persons_first_open_is_told_once() -> None:
    at = NOON + timedelta(seconds=5)
    opened_by_person = replace(SENT, opened_at=at, opened_person_at=at)
    assert texts(opened_by_person) == ["Counted: opened by a person, 5 s after sending."]


def test_an_open_that_is_no_persons_and_has_no_reason_is_told_as_a_machines() -> None:
    (open_by_machine,) = evidence_of(replace(SENT, opened_at=NOON), {})
    assert open_by_machine.text == "Counted as a machine open: loaded by a machine, 0 s after sending."
    assert (open_by_machine.kind, open_by_machine.reason) == ("open", "unknown")


@pytest.mark.parametrize(
    ("seconds", "when"),
    [
        (-3, ", 3 s before sending"),
        (0, ", 0 s after sending"),
        (119, ", 119 s after sending"),
        (120, ", 2 minutes after sending"),
        (7_100, ", 118 minutes after sending"),
        (7_200, ", 2 hours after sending"),
        (172_000, ", 48 hours after sending"),
        (172_800, ", 2 days after sending"),
    ],
)
def test_a_persons_click_says_how_long_after_sending(seconds: float, when: str) -> None:
    assert texts(replace(SENT, clicks={"1": click(seconds)})) == [f"Counted: clicked by a person{when}."]


def test_a_mail_that_is_not_known_to_have_left_has_no_time_to_count_from() -> None:
    lost = replace(SENT, sent_at=None, status=DeliveryStatus.FAILED, clicks={"1": click(5)})
    assert texts(lost) == ["Counted: clicked by a person."]


def test_a_reason_of_another_release_has_words_too() -> None:
    assert texts(replace(SENT, scans={"1": click(5, "of_tomorrow")})) == [
        "Not counted: 1 link followed by a machine, 5 s after sending."
    ]


@given(deliveries)
def test_evidence_agrees_with_the_verdicts_in_order_of_time(delivery: Delivery) -> None:
    found = evidence_of(delivery, {})
    assert [each.at for each in found] == sorted(each.at for each in found)
    verdicts, clicks = judged(delivery), [each for each in found if each.kind == "click"]

    def links(counted: bool) -> set[str]:
        return {link for each in clicks if (each.reason is None) is counted for link in each.links}

    assert links(counted=True) == verdicts.persons.keys()
    assert links(counted=False) == verdicts.machines.keys()
    assert opened(found) == (delivery.opened_person_at is not None)


def opened(found: tuple[Evidence, ...]) -> bool:
    return any(each.kind == "open" and each.reason is None for each in found)
