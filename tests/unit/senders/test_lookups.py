"""DNS look-ups before a real name server, the inbox's."""

import time
from collections.abc import Iterator

import pytest

from chalicelib.senders.lookups import TIMEOUT_SECONDS, Dns, Question
from tests.unit.inbox.running_inbox import RunningInbox, started_inbox

LONG = "v=DMARC1; p=none; rua=mailto:" + "x" * 600
RECORDS = [
    ["a.shop.example", "CNAME", "Target.Example"],
    ["b.shop.example", "MX", "10 One.Example"],
    ["b.shop.example", "MX", "20 two.example"],
    ["c.shop.example", "TXT", LONG],
    ["c.shop.example", "TXT", 'say "<b>hi</b>" \\'],
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with started_inbox(tmp_path_factory.mktemp("inbox")) as inbox:
        yield inbox


def test_each_question_gets_its_answer(server: RunningInbox) -> None:
    assert server.request("PUT", "/dns", {"records": RECORDS}).status == 200
    a, b, c = (Question(f"{name}.shop.example", kind) for name, kind in (("a", "CNAME"), ("b", "MX"), ("c", "TXT")))
    other_kind, nobody = Question("b.shop.example", "TXT"), Question("nobody.unverified.example", "TXT")
    too_long = Question("x" * 64 + ".example", "TXT")
    found = Dns(f"127.0.0.1:{server.http_port}").look_up([a, b, c, other_kind, nobody, too_long])
    assert found[a] == ("target.example",)
    assert sorted(found[b] or ()) == ["10 one.example", "20 two.example"]
    assert sorted(found[c] or ()) == sorted([LONG, 'say "<b>hi</b>" \\'])
    assert (found[other_kind], found[nobody], found[too_long]) == ((), (), None)


def test_a_silent_server_costs_a_few_seconds_whatever_the_number_of_questions(server: RunningInbox) -> None:
    assert server.request("PUT", "/dns", {"records": [], "silent": True}).status == 200
    questions = [Question(f"{number}.shop.example", "TXT") for number in range(12)]
    began = time.monotonic()
    assert set(Dns(f"127.0.0.1:{server.http_port}").look_up(questions).values()) == {None}
    assert time.monotonic() - began < len(questions) / 2 * TIMEOUT_SECONDS
