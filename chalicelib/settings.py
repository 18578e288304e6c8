"""Reads the environment: the settings this function was deployed with, typed and frozen. Nothing else reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cache
from typing import Any

from chalicelib.model.delivery import BurstRule


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and addresses of the stack's resources; the template sets each as a variable of its name in capitals."""

    leads_table: str
    deliveries_table: str
    campaigns_table: str
    launch_queue_url: str
    plan_queue_url: str
    send_queue_url: str
    hits_queue_url: str
    candidates_queue_url: str
    event_bus: str
    """Name of the bus that events are published on."""
    launch_queue_arn: str
    """The same queue as `launch_queue_url`, as schedules name it."""
    plan_queue_arn: str
    send_queue_arn: str
    schedule_group: str
    schedule_role: str
    """ARN of the role in which schedules put their message on a queue."""
    key_ring_secret: str
    """ARN of the secret that holds the signing keys."""
    tracking_url: str
    """Base of all links in mails, without a trailing slash."""
    configuration_set: str
    smtp_secret: str | None
    """ARN of the secret that describes the operator's own SMTP server; None: mail goes by Amazon SES."""
    dns_server: str | None
    """`host:port` of the name server to ask; None on AWS: the one that the function's environment has."""
    unnamed_stream_shard: str | None
    """The shard to assume when a stream event names none; None on AWS, where that is an error."""


_OPTIONAL = ("smtp_secret", "dns_server", "unnamed_stream_shard")


@cache
def settings() -> Settings:
    """Read the environment once per process. Raises KeyError naming a variable that the template forgot."""
    values: dict[str, Any] = {
        each.name: os.environ[each.name.upper()] for each in fields(Settings) if each.name not in _OPTIONAL
    }
    values |= {name: os.environ.get(name.upper()) or None for name in _OPTIONAL}
    return Settings(**values | {"tracking_url": values["tracking_url"].rstrip("/")})


def burst_rule() -> BurstRule:
    """When clicks are too fast for a person. After a change, recount the campaigns whose numbers should follow it."""
    links, window_ms = os.environ.get("BURST_LINKS"), os.environ.get("BURST_WINDOW_MS")
    rule = BurstRule()
    return BurstRule(
        links=int(links) if links else rule.links,
        window=timedelta(milliseconds=int(window_ms)) if window_ms else rule.window,
    )


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """How a function reaches AWS: region, its role's temporary credentials, and endpoints other than AWS's own."""

    region: str
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    endpoints: Mapping[str, str]
    """By service in the SDK's spelling (`DYNAMODB`, `SECRETS_MANAGER`); the empty name stands for all others."""


def aws_access() -> AwsAccess:
    """What Lambda gives every function, under the names the SDK reads. Raises KeyError naming what is missing.

    The credentials in a function's environment outlive the process: Lambda starts new ones before they end.
    """
    environment = os.environ
    prefix = "AWS_ENDPOINT_URL"
    return AwsAccess(
        region=environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"],
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
        session_token=environment.get("AWS_SESSION_TOKEN") or None,
        endpoints={
            name.removeprefix(prefix).removeprefix("_"): url.rstrip("/")
            for name, url in environment.items()
            if name.startswith(prefix) and url
        },
    )


def function_name() -> str:
    """The name Lambda gave this function, the stack's in it; `local` outside of Lambda."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "local"


def served_routes() -> list[str]:
    """Which routes this function serves (`ROUTES`): `api`, `track` or `none`. Unset, as when packaging, means all."""
    return os.environ.get("ROUTES", "api,track").split(",")
