"""The product's own wiring over a test's tables: what is not given is put together as when it is deployed."""

from dataclasses import fields, replace
from typing import Any

from chalicelib.scheduler import Schedules
from chalicelib.settings import Settings
from chalicelib.wiring.workers import Workers
from local.tables import TableNames


def settings_of(tables: TableNames | None = None) -> Settings:
    """These tables; every other setting is a dummy, and mails go by Amazon SES."""
    dummies = Settings(**{setting.name: f"no-{setting.name}" for setting in fields(Settings)})
    dummies = replace(dummies, smtp_secret=None, dns_server=None)
    if tables is None:
        return dummies
    return replace(
        dummies,
        leads_table=tables.leads,
        deliveries_table=tables.deliveries,
        campaigns_table=tables.campaigns,
    )


def schedules_over(scheduler: Any) -> Schedules:
    """The wiring's schedules, kept by a scheduler that the test plays."""
    return Schedules(lambda: scheduler, "no-schedule_group", "no-schedule_role", "no-launch_queue_arn")


def workers_of(dynamodb: Any, tables: TableNames) -> Workers:
    """What queues and streams feed. Assign the services that the test plays itself: `workers.sqs = ...`."""
    workers = Workers(settings_of(tables), dynamodb)
    workers.dynamodb_for_sending = dynamodb
    return workers
