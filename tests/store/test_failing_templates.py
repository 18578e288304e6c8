"""A template that fails, whatever it does, fails the deliveries it fails for: the campaign comes to its end."""

import zlib
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.campaigns.drafts import Written
from chalicelib.campaigns.launched_content import source_of
from chalicelib.content.compiled import Segments, TemplateSlot
from chalicelib.content.compiler import compile_content
from chalicelib.content.errors import ContentInvalid
from chalicelib.model.campaign import Audience, Body, CampaignStatus, Schedule
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import SCHEDULE
from chalicelib.model.messages import LaunchMessage
from chalicelib.model.workspace import Workspace
from local.tables import TableNames
from tests.moves import bring_to
from tests.store.test_control import ControlledWorld
from tests.store.test_sending import NOW

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("few_shards")]


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> ControlledWorld:
    return ControlledWorld(dynamodb, tables)


def started(world: ControlledWorld, text: str) -> CampaignId:
    written = Written(
        title="T",
        subject="S",
        from_email="news@acme.example",
        audience=Audience("acme", ("New",)),
        html=None,
        text=text,
    )
    campaign_id = world.drafts.create(written, NOW).campaign.campaign_id
    world.control.send_now(campaign_id, NOW)
    return campaign_id


def details(world: ControlledWorld, campaign_id: CampaignId) -> set[tuple[str | None, str | None]]:
    return {
        (each.reason, each.detail)
        for each in world.deliveries.iter_campaign(campaign_id)
        if each.status.value == "failed"
    }


def test_a_template_that_fails_for_some_leads_fails_for_them_alone(world: ControlledWorld) -> None:
    for number in range(60):
        world.lead(number, fields={"steps": "many" if number % 3 == 0 else 3})
    campaign_id = started(world, "{{ range(lead.fields.steps) }}")
    world.work()
    assert world.settle(campaign_id) == {
        "sent": 40,
        "failed": 20,
        "reason/rendering_failed": 20,
        "untracked": 40,
    }
    assert details(world, campaign_id) == {("rendering_failed", "the template fails: TypeError")}
    assert world.campaign(campaign_id).status is CampaignStatus.SENT
    assert all(b"0, 1, 2" in mail.message for mail in world.mail.accepted)


@pytest.mark.parametrize(
    ("template", "detail"),
    [
        ("{{ (lead.tags.append)(lead.tags) }}{{ lead.tags }}", "the template fails: AttributeError"),
        (
            "{% for i in range(26) %}{% if (lead.tags.extend)(lead.tags) %}{% endif %}{% endfor %}",
            "the template fails: AttributeError",
        ),
        ("{{ range(0, 9, 0) }}", "the template fails: ValueError"),
        ("{{ range(10 ** 36) }}", "the template fails: OverflowError"),
        ("{% no template", "the template fails: TemplateError"),
    ],
)
def test_content_that_was_launched_before_it_was_refused_fails_for_everybody_and_ends(
    world: ControlledWorld, template: str, detail: str
) -> None:
    for number in range(12):
        world.lead(number, tags=["vip"])
    campaign_id = started(world, "Hello")
    campaign = world.campaign(campaign_id)
    compiled = compile_content(source_of(campaign, world.campaigns.body(campaign), Workspace()), None)
    launched = replace(compiled, text=Segments(("", ""), (TemplateSlot(template),))).to_bytes()
    world.campaigns.fix_key(campaign_id, 1)
    for name in ("untracked", "compiled"):  # what is stored already is not compiled again
        world.campaigns.save_blob(campaign, name, zlib.compress(launched))
    world.work()
    assert world.settle(campaign_id) == {"failed": 12, "reason/rendering_failed": 12}
    assert details(world, campaign_id) == {("rendering_failed", detail)}
    assert world.campaign(campaign_id).status is CampaignStatus.SENT


def test_a_mail_of_hundreds_of_megabytes_is_neither_launched_nor_sent_as_one(world: ControlledWorld) -> None:
    for number in range(5):
        world.lead(number)
    loops = "".join(f"{{% for i in range(990) %}}{number}{'x' * 3_900}{{% endfor %}}" for number in range(100))
    written = Written(
        title="T",
        subject="S",
        from_email="news@acme.example",
        audience=Audience("acme", ("New",)),
        html=f"<p>{loops}</p>",
    )
    campaign_id = world.drafts.create(written, NOW).campaign.campaign_id
    world.control.send_now(campaign_id, NOW)
    world.work()
    assert world.campaigns.find_launched(world.campaign(campaign_id)).html_bytes is None
    assert world.settle(campaign_id) == {"failed": 5, "reason/rendering_failed": 5}
    assert details(world, campaign_id) == {("rendering_failed", "the template takes too many steps or writes too much")}
    assert world.campaign(campaign_id).status is CampaignStatus.SENT


def saved_before_it_was_refused(world: ControlledWorld, text: str) -> CampaignId:
    """A draft with content that could not be saved now."""
    campaign_id = world.draft()
    world.campaigns.update_draft(world.campaign(campaign_id), Body(None, text), at=NOW)
    return campaign_id


def test_a_draft_whose_content_is_refused_by_now_goes_back_to_its_author(world: ControlledWorld) -> None:
    lead = world.lead(1, tags=["vip"])
    campaign_id = saved_before_it_was_refused(world, "One\n{{ (lead.tags.pop)(0) }}")
    with pytest.raises(ContentInvalid, match="nothing can be called here"):
        world.control.send_now(campaign_id, NOW)
    bring_to(world.campaigns, campaign_id, CampaignStatus.PLANNING)  # as an earlier release does
    world.launcher.launch(campaign_id, NOW)
    campaign = world.campaign(campaign_id)
    assert campaign.status is CampaignStatus.DRAFT
    assert campaign.status_reason is not None
    assert "text at line 2, column 19: nothing can be called here" in campaign.status_reason
    assert world.mail.accepted == []
    assert world.drafts.change(campaign_id, {"text": "Two"}, NOW).campaign.status_reason is None
    world.control.send_now(campaign_id, NOW)
    world.work()
    assert [mail.to_email for mail in world.mail.accepted] == [lead.email]


def test_a_scheduled_campaign_whose_content_is_refused_by_now_is_missed(world: ControlledWorld) -> None:
    world.lead(1)
    campaign_id = saved_before_it_was_refused(world, "{{ lead.tags.pop(0) }}")
    schedule = Schedule("s", NOW, "2026-11-23T12:00", "UTC")
    campaign = world.campaign(campaign_id)
    assert world.campaigns.move(campaign_id, SCHEDULE, as_read=campaign, schedule=schedule, proof_waived=True)
    world.launcher.handle(LaunchMessage(campaign_id, schedule_id="s"), NOW)
    campaign = world.campaign(campaign_id)
    assert (campaign.status, campaign.proof_waived) == (CampaignStatus.MISSED, False)
    assert "lead.tags.pop(...) cannot be called" in (campaign.status_reason or "")
    assert world.sqs.bodies == {}
