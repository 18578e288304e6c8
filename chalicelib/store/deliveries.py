"""Writes what happens to deliveries: one campaign's e-mail to one lead, the only truth about what happened to it.

    claim ── sending ──── sent ──────────────────┐
      │  ^      └────── record_failed ── failed  ├── opens, clicks and unsubscribing are first-time facts on top
      │  └ waiting ──── mark_for_retry ────┘     │
      └── skipped or failed at once ─────────────┘

Every fact is one conditional write that holds for its first caller only; nothing here is ever counted or summed. First
claims and their ends: claims.py; what the mail service reports: feedback.py.
"""

from dataclasses import replace
from datetime import datetime

from chalicelib.model.delivery import Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId, is_trace_id
from chalicelib.model.verdicts import says_something_new
from chalicelib.store import keys
from chalicelib.store.delivery_lists import DeliveryLists
from chalicelib.store.delivery_rows import CLICK_MAPS, click_values
from chalicelib.store.statements import (
    Condition,
    Update,
    below,
    differs,
    equals,
    exists,
    has_size,
    lacks,
    missing,
    one_of,
)


class Deliveries(DeliveryLists):
    """The deliveries table. Every method may raise StoreUnavailable."""

    def claim_again(self, delivery: Delivery) -> bool:
        """Take the right to send (or to end at once) a delivery that waits to be sent again; True for one caller.

        That caller is known by its claim's nonce, also when its answer was lost and the write was repeated.
        """
        values = {name: getattr(delivery, name) for name in ("status", "nonce", "retried_at")}
        values |= {name: getattr(delivery, name) for name in ("email", "reason", "detail", "subject", "empty_links")}
        still_waits = equals("status", DeliveryStatus.WAITING)
        update = self._update(delivery.campaign_id, delivery.lead_id).set(values)
        refusal = self._table.refusal(update.require(still_waits))
        return refusal is None or refusal.get("nonce") == {"S": delivery.nonce}

    def release(self, claimed: Delivery) -> bool:
        """Give back a claim whose mail certainly did not leave, so that a later attempt may claim it again."""
        ours = (equals("status", DeliveryStatus.SENDING), _same_claim(claimed))
        key = keys.delivery(claimed.campaign_id, claimed.lead_id)
        if not claimed.retry:
            return self._table.write(self._table.delete(key).require(*ours, missing("retry")))
        # One that is sent again has a history, which stays: it waits as before.
        return self._table.write(self._table.update(key).set(status=DeliveryStatus.WAITING).require(*ours))

    def mark_for_retry(self, campaign_id: CampaignId, lead_id: LeadId, number: int) -> bool:
        """Let a failed delivery wait to be sent again; True once per request (`number`: 1, 2, ...)."""
        failed = equals("status", DeliveryStatus.FAILED)
        not_in_this_request = missing("retry") | below("retry", number)
        update = self._update(campaign_id, lead_id).set(status=DeliveryStatus.WAITING, retry=number)
        return self._table.write(update.remove("reason", "detail").require(failed, not_in_this_request))

    def record_failed(self, claimed: Delivery, *, reason: str, detail: str | None) -> bool:
        """End a delivery that stands at `sending`, unless another claim has taken it meanwhile."""
        update = self._update(claimed.campaign_id, claimed.lead_id)
        update.set(status=DeliveryStatus.FAILED, reason=reason, detail=detail or None)
        return self._table.write(update.require(equals("status", DeliveryStatus.SENDING), _same_claim(claimed)))

    def record_replanned(self, campaign_id: CampaignId, lead_id: LeadId, unit: str) -> bool:
        """Note that another planning unit counted the same lead too; True the first time, False for its own unit.

        Only on a delivery that stays: a first claim may still be given back. What counts never vanishes with a row, so
        that a recount that reads a bucket twice sees every change that counts (docs/decisions/0025).
        """
        ended = one_of("status", DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED)
        stays = ended | exists("retry")
        other_unit, not_noted = differs("unit", unit), missing("replanned") | lacks("replanned", unit)
        update = self._update(campaign_id, lead_id).add(replanned={unit})
        return self._table.write(update.require(stays, other_unit, not_noted))

    def record_open(self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime, machine: str | None) -> bool:
        """Note the first pixel load: by anyone, or the first by a person. One conditional write."""
        update = self._update(campaign_id, lead_id)
        if machine is None:
            first = missing("opened_person_at")
            update.set(opened_person_at=at).set_once(opened_at=at)
        else:
            first = missing("opened_at")
            update.set(opened_at=at, opened_machine=machine)
        if is_trace_id(lead_id):
            # A trace begins with its first hit: its name was signed, and nothing was written down for it before.
            return self._table.write(update.set_once({name: {} for name in CLICK_MAPS}).require(first))
        delivery_exists = exists("lead_id")
        return self._table.write(update.require(delivery_exists, first))

    def record_click(self, campaign_id: CampaignId, lead_id: LeadId, link: str, click: Click) -> bool:
        """Note a click on a link: the first of a person, the first of a machine. True if it was noted.

        One conditional write. Only a person's click on a link that was clicked before may take a second one: when it
        changes who clicked, since what came before has turned out to be a scanner (model/verdicts.py).
        """
        if is_trace_id(lead_id):
            click = replace(click, url=None)  # where it differs per recipient, it would tell whose trace this is
        clicked = "clicks" if click.machine is None else "scans"
        delivery_exists, first = exists("lead_id"), missing((clicked, link))
        update = self._update(campaign_id, lead_id).set({(clicked, link): click_values(click)})
        refusal = self._table.refusal(update.require(delivery_exists, first))
        if refusal == {} and is_trace_id(lead_id):
            return self._begin_trace(campaign_id, lead_id, clicked, link, click)
        if refusal and click.machine is None:
            return self._record_later(self.from_row(refusal), link, click)
        return refusal is None

    def _begin_trace(self, campaign_id: CampaignId, trace: LeadId, clicked: str, link: str, click: Click) -> bool:
        """A trace whose first hit is a click, which needs a map to be put into: one more write, once."""
        maps = {name: {link: click_values(click)} if name == clicked else {} for name in CLICK_MAPS}
        return self._table.write(self._update(campaign_id, trace).set(maps).require(missing("lead_id")))

    def _record_later(self, before: Delivery, link: str, click: Click) -> bool:
        """Note one more click on a link, if that says something new; False also when another came in between."""
        if not says_something_new(before, link, click):
            return False
        known, later = len(before.later.get(link, ())), ("later", link)
        as_judged = has_size(later, known) if known else missing(later)
        update = self._update(before.campaign_id, before.lead_id).append(later, [click_values(click)])
        return self._table.write(update.require(as_judged))

    def record_unsubscribed(self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime) -> bool:
        """Note that this mail's unsubscribe link was used."""
        delivery_exists, is_first = exists("lead_id"), missing("unsubscribed_at")
        update = self._update(campaign_id, lead_id).set(unsubscribed_at=at)
        return self._table.write(update.require(delivery_exists, is_first))

    def _update(self, campaign_id: CampaignId, lead_id: LeadId) -> Update:
        return self._table.update(keys.delivery(campaign_id, lead_id))


def _same_claim(delivery: Delivery) -> Condition:
    """The condition that nobody has claimed it since. Claims made by older versions have no nonce."""
    return equals("nonce", delivery.nonce) if delivery.nonce else missing("nonce")
