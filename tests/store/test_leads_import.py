"""Importing on a real engine: what counts, what changes, and what two imports at once do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.crm.import_files import Layout, read_file
from chalicelib.crm.importing import ImportReport, NewGroup, import_leads
from chalicelib.crm.lead_input import LeadInput
from chalicelib.crm.leads import create_lead
from chalicelib.crm.suppression import suppress_address
from chalicelib.model.lead import Lead
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store.leads import Leads
from local.tables import TableNames

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def leads(dynamodb: Any, tables: TableNames) -> Leads:
    return Leads(dynamodb, tables.leads)


def run(leads: Leads, *lines: str, at: datetime = NOW) -> ImportReport:
    return import_leads(leads, read_file("\n".join(lines).encode(), "csv", Layout(as_it_is=True)), at)


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged


def everybody(leads: Leads) -> dict[str, Lead]:
    page, cursor = leads.list_page(limit=10_000)
    assert cursor is None
    return {lead.lead_id: lead for lead in page}


def only(leads: Leads) -> Lead:
    (lead,) = everybody(leads).values()
    return lead


def test_the_same_file_twice_changes_nothing(leads: Leads) -> None:
    file = read_file((EXAMPLES / "leads.csv").read_bytes(), "csv")
    first = import_leads(leads, file, NOW)
    assert (counts(first), len(first.errors)) == ((495, 0, 0), 5)
    before = everybody(leads)
    assert len(before) == 495
    again = import_leads(leads, file, LATER)
    assert (counts(again), len(again.errors)) == ((0, 0, 495), 5)
    assert everybody(leads) == before


def test_a_changed_line_updates_its_lead_alone(leads: Leads) -> None:
    run(leads, "external_id,entity,stage,city", "1,acme,New,Rom", "2,acme,New,Bern")
    assert counts(run(leads, "external_id,entity,stage,city", "1,acme,New,Rom", "2,acme,Lost,Bern", at=LATER)) == (
        0,
        1,
        1,
    )
    assert sorted((lead.stage, lead.updated_at) for lead in everybody(leads).values()) == [
        ("Lost", LATER),
        ("New", NOW),
    ]


def test_an_import_merges_into_a_lead_and_empty_cells_clear(leads: Leads) -> None:
    said: LeadInput = {"entity": "acme", "stage": "Hot", "email": "a@b.example", "first_name": "A", "last_name": "B"}
    create_lead(leads, {**said, "external_id": "7", "fields": {"city": "Rom", "age": 40}}, NOW)
    run(leads, "external_id,entity,email,first_name,city", ",acme,A@B.example,,", at=LATER)
    lead = only(leads)
    assert (lead.external_id, lead.stage, lead.first_name, lead.last_name) == ("7", "Hot", None, "B")
    assert lead.fields == {"age": 40}


@pytest.mark.one_engine
def test_leads_that_have_no_address_then_are_counted_once(leads: Leads) -> None:
    create_lead(leads, {"entity": "acme", "stage": "New", "email": "a@b.example", "external_id": "7"}, NOW)
    lines = ["external_id,entity,stage,first_name", "7,acme,New,Ada", "8,acme,New,Bea", "8,acme,New,B", "9,acme,New,Cy"]
    assert run(leads, *lines).without_email == run(leads, *lines).without_email == 2


@pytest.mark.one_engine
def test_defaults_are_for_new_leads_and_tags_are_added(leads: Leads) -> None:
    create_lead(leads, {"entity": "acme", "stage": "Hot", "email": "a@b.example", "tags": ["old"]}, NOW)
    layout, defaults = Layout({"mail": "email"}), LeadInput(entity="acme", stage="New", tags=("fair",))
    file = read_file(b"mail\na@b.example\nc@b.example\nc@b.example\n", "csv", layout=layout, defaults=defaults)
    dry = import_leads(leads, file, LATER, dry_run=True)
    assert len(everybody(leads)) == 1
    assert counts(dry) == counts(import_leads(leads, file, LATER)) == (1, 1, 0)
    assert sorted((lead.stage, lead.tags) for lead in everybody(leads).values()) == [
        ("Hot", ("old", "fair")),
        ("New", ("fair",)),
    ]
    assert counts(import_leads(leads, file, LATER)) == (0, 0, 2)
    many = LeadInput(tags=[f"tag {number}" for number in range(49)])
    too_many = import_leads(leads, replace(file, defaults=file.defaults | many), LATER)
    assert [(error.line, error.field, error.reason) for error in too_many.errors] == [
        (2, "tags", "must not be more than 50")
    ]


def test_the_unsubscribed_stay_so(leads: Leads) -> None:
    lead = create_lead(leads, {"entity": "acme", "stage": "New", "email": "a@b.example"}, NOW)
    leads.unsubscribe(lead.lead_id, at=NOW, source="link")
    assert run(leads, "entity,stage,email", "acme,Hot,a@b.example").updated == 1
    assert only(leads).unsubscribed
    assert only(leads).stage == "Hot"


@pytest.mark.parametrize(
    "written", ["Ada@Bu\u0308cher.Example", "ada@B\u00dcCHER.example", "ADA@xn--bcher-kva.example"]
)
def test_an_international_address_finds_its_lead_and_its_suppression_however_it_is_written(
    leads: Leads, written: str
) -> None:
    lead = create_lead(leads, {"entity": "acme", "stage": "New", "email": "Ada@xn--bcher-kva.Example"}, NOW)
    bounced = Mark(SuppressionReason.HARD_BOUNCE, NOW, "bounce", None)
    suppress_address(leads, "Ada@xn--bcher-kva.Example", bounced, lead_id=lead.lead_id)
    assert counts(run(leads, "entity,stage,email", f"acme,Hot,{written}", at=LATER)) == (0, 1, 0)
    found = only(leads)
    assert (found.lead_id, found.suppressed) == (lead.lead_id, bounced)
    run(leads, "entity,stage,email", f"other,New,{written}", at=LATER)
    assert all(each.suppressed == bounced for each in everybody(leads).values())


def test_a_later_line_about_the_same_lead_wins(leads: Leads) -> None:
    lines = (
        "external_id,entity,stage,email",
        "7,acme,New,a@b.example",
        "7,acme,Hot,a@b.example",
        "7,acme,Hot,a@b.example",
    )
    report = run(leads, *lines)
    assert (counts(report), report.repeated, report.new_groups) == ((1, 0, 0), 2, [NewGroup("acme", "Hot")])
    assert only(leads).stage == "Hot"
    report = run(leads, *lines, at=LATER)
    assert (counts(report), report.repeated, report.new_groups) == ((0, 0, 1), 2, [])
    assert only(leads).updated_at == NOW


def test_a_line_without_any_identity_is_known_by_its_content(leads: Leads) -> None:
    lines = ("entity,stage,last_name", "acme,New,Ada", "acme,New,Bob", "acme,New,Ada")
    assert counts(run(leads, *lines)) == (2, 0, 0)
    assert counts(run(leads, *lines)) == (0, 0, 2)


def test_an_address_may_pass_from_one_lead_to_another_within_a_file(leads: Leads) -> None:
    run(leads, "external_id,entity,stage,email", "1,acme,New,a@b.example", "2,acme,New,c@b.example")
    passing = ("external_id,entity,stage,email", "1,acme,New,", "2,acme,New,a@b.example", "3,acme,New,c@b.example")
    assert counts(run(leads, *passing)) == (1, 2, 0)
    assert {lead.external_id: lead.email for lead in everybody(leads).values()} == {
        "1": None,
        "2": "a@b.example",
        "3": "c@b.example",
    }


def test_lines_that_cannot_be_meant_are_reported_and_the_others_kept(leads: Leads) -> None:
    create_lead(leads, {"entity": "acme", "stage": "New", "external_id": "9", "email": "nine@b.example"}, NOW)
    report = run(
        leads,
        "external_id,entity,email",
        "1,acme,nine@b.example",
        "2,acme,two@b.example",
        "9,acme,9@b.example",
        "3,acme,not an address",
    )
    assert counts(report) == (0, 1, 0)
    assert [(error.line, error.field) for error in report.errors] == [(2, "email"), (3, "stage"), (5, "email")]


def test_imports_of_the_same_file_at_once_make_every_lead_once(leads: Leads) -> None:
    lines = ["external_id,entity,stage,email", *(f"{number},acme,New,p{number}@b.example" for number in range(300))]
    with ThreadPoolExecutor(3) as threads:
        reports = list(threads.map(lambda _: run(leads, *lines), range(3)))
    assert sum(report.created for report in reports) == 300
    assert [sum(counts(report)) for report in reports] == [300, 300, 300]
    assert len(everybody(leads)) == 300
