"""What planning costs: the write units of a stored page and of a unit's end, which docs/COST.md and SCALE.md use."""

from collections.abc import Mapping
from typing import Any

from bench.cost import PAGE_WRITES, UNIT_END_WRITES
from chalicelib.crm.audience import LEADS_PER_PAGE
from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.store.plans import Plans
from local.tables import TableNames
from tests.store.cost_model import seen_arguments, write_units


def written(dynamodb: Any, table: str, transaction: Mapping[str, Any]) -> int:
    """Write units of a transaction's actions, from the rows as the engine has them: twice those of single writes."""
    units = 0
    for action in transaction["TransactItems"]:
        ((kind, arguments),) = action.items()
        if kind == "Put":
            row = arguments["Item"]
        else:
            row = dynamodb.get_item(TableName=table, Key=arguments["Key"], ConsistentRead=True)["Item"]
        units += 2 * write_units(row)
    return units


def test_a_page_and_a_units_end_take_the_write_units_of_the_bill(dynamodb: Any, tables: TableNames) -> None:
    plans, campaign_id, unit = Plans(dynamodb, tables.campaigns), new_campaign_id(), "12.15"
    plans.begin(campaign_id, 16)
    leads = sorted(new_lead_id() for _ in range(LEADS_PER_PAGE))
    with seen_arguments(dynamodb, "TransactWriteItems") as transactions:
        assert plans.record_page(campaign_id, unit, 1, leads, leads[-1])
        assert plans.record_page(campaign_id, unit, 2, leads, None, start=leads[-1], enqueued=1)
        assert plans.record_unit_done(campaign_id, unit, enqueued=2)
    *pages, end = (written(dynamodb, tables.campaigns, each) for each in transactions)
    assert pages == [PAGE_WRITES, PAGE_WRITES]
    assert end == UNIT_END_WRITES
