"""Structured logs: one logger for all functions. Metrics are log lines too (CloudWatch's embedded metric format)."""

from functools import cache

from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """The process's structured logger. Its service name differs from the Chalice app's: equal names log twice."""
    return Logger(service="leadflip-campaigns", log_uncaught_exceptions=False)
