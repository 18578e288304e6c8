"""Clients of the SDK that give up in time."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config


@cache
def quick_client(service: str) -> Any:
    """The process's client of a service, for where somebody waits: it answers or fails within 21 seconds.

    A REST API gives a request 29 seconds; left to itself, botocore waits a minute for an answer, up to five times
    (botocore.config.Config). Three attempts of 2 s to connect and 4 s for an answer, with pauses of at most 1 s and 2 s
    between (botocore's standard mode).
    """
    return boto3.client(
        service,
        config=Config(
            user_agent="leadflip-campaigns",
            parameter_validation=False,
            tcp_keepalive=True,
            connect_timeout=2,
            read_timeout=4,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )
