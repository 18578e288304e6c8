"""The JSON door's composition root: what its handlers work with, made when first needed.

Tests hand in their own settings and client; a function on AWS uses the environment's. Nothing is read when routes are
registered, because packaging imports the app without an environment.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from chalicelib.settings import Settings, settings
from chalicelib.store.client import dynamodb
from chalicelib.store.leads import Leads
from chalicelib.store.tokens import Tokens


def _now() -> datetime:
    # Whole milliseconds, as they are stored: what is answered at once equals what is read later.
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Context:
    """Collaborators of one app. `now` gives the current time, aware, in whole milliseconds."""

    def __init__(
        self,
        read_settings: Callable[[], Settings] = settings,
        client: Callable[[], Any] = dynamodb,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._read_settings = read_settings
        self._make_client = client
        self.now = now

    @cached_property
    def settings(self) -> Settings:
        return self._read_settings()

    @cached_property
    def client(self) -> Any:
        """The DynamoDB client."""
        return self._make_client()

    @cached_property
    def leads(self) -> Leads:
        return Leads(self.client, self.settings.leads_table)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.client, self.settings.campaigns_table)
