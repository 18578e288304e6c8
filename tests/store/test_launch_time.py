"""Any mail that is accepted launches within 10 seconds, whatever its megabyte exhausts: on a real engine."""

import time
from typing import Any

import pytest

from chalicelib.content.errors import ContentInvalid
from local.tables import TableNames
from tests.store.test_schedule import ScheduledWorld
from tests.store.test_sending import NOW
from tests.unit.content.hostile import DOCUMENTS

SECONDS = 10  # of CPU time; what cannot be proven is launched with the waiver


@pytest.mark.soak
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_megabyte_of_malice_launches_in_seconds(dynamodb: Any, tables: TableNames, name: str) -> None:
    world = ScheduledWorld(dynamodb, tables)
    world.lead(1)
    campaign_id = world.draft()
    world.drafts.change(campaign_id, {"html": DOCUMENTS[name]()}, NOW)
    started = time.process_time()
    try:
        waived = world.control.send_now(campaign_id, NOW, waived=["proof"]).proof_waived
    except ContentInvalid:
        pytest.skip("does not compile")
    sending = time.process_time() - started
    world.launcher.launch(campaign_id, NOW)
    launching = time.process_time() - started - sending
    print(f"{name:44}{sending:7.2f} s{launching:7.2f} s  {'waived' if waived else 'proven'}")
    assert world.plans.find_progress(campaign_id) is not None
    assert max(sending, launching) < SECONDS
