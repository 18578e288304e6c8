"""Applies the rules to events from the bus.

Rules act on leads and on nothing else. No change of a lead makes an event, so no rule triggers another, and there can
be no loops (docs/decisions/0066).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.automation.rules import Incident, act_on, applies_to, is_for
from chalicelib.backoff import attempts
from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.lead import LeadChange
from chalicelib.model.rule import Act, Rule
from chalicelib.sqs import Failures, Record, for_each_record
from chalicelib.store.leads import Leads
from chalicelib.store.rules import Acts, Rules
from chalicelib.telemetry import count

_ATTEMPTS = 8


class Automation:
    """`clock` gives the current time, aware, in whole milliseconds."""

    def __init__(self, rules: Rules, leads: Leads, acts: Acts, clock: Callable[[], datetime]) -> None:
        self._rules = rules
        self._leads = leads
        self._acts = acts
        self._clock = clock

    def handle(self, incident: Incident) -> int:
        """Apply the rules that this event is for; how many acted. Raises StoreUnavailable; it may be repeated then."""
        return sum(self._act(rule, incident) for rule in self._rules.list_all() if is_for(rule, incident))

    def _act(self, rule: Rule, incident: Incident) -> bool:
        """Act on the lead as it is now, unless the rule has acted on this delivery; whether it acted."""
        for _ in attempts(_ATTEMPTS):
            if self._acts.has(incident.lead_id, rule.rule_id, incident.campaign_id):
                return False
            lead = self._leads.find(incident.lead_id)
            if lead is None:
                # Without the destination, which may name a person who was erased.
                gone = replace(incident, url=None)
                act = self._act_of(rule, gone, (), ("The lead was deleted before the rule could look at it.",))
                return self._acts.record(act, None)
            if not applies_to(rule.if_, lead):
                return False
            outcome = act_on(rule.then, lead, self._clock())
            change = None if outcome.lead is lead else LeadChange(lead, outcome.lead)
            if self._acts.record(self._act_of(rule, incident, outcome.done, outcome.failed), change):
                return True
        raise StoreUnavailable("the lead kept changing")

    def _act_of(self, rule: Rule, incident: Incident, done: tuple[str, ...], failed: tuple[str, ...]) -> Act:
        return Act(
            rule_id=rule.rule_id,
            rule_name=rule.name,
            lead_id=incident.lead_id,
            campaign_id=incident.campaign_id,
            campaign_title=incident.campaign_title,
            event=incident.trigger,
            url=incident.url,
            at=self._clock(),
            done=done,
            failed=failed,
        )


def automate_events(event: dict[str, Any], automation: Automation) -> Failures:
    """Handles Lambda's SQS event of events from the bus; each that fails is retried, and dead-lettered in the end."""

    def handle(record: Record) -> None:
        incident = Incident.of(record.json_body)
        if incident is not None:
            count("automated", {"Acts": automation.handle(incident)}, kind=incident.trigger.value)

    return for_each_record(event, handle)
