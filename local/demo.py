"""`make demo`: send a campaign on the running stack, play its recipients, compare what it tells with what they did."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from local.client import RunningStack, running_stack
from local.command import run
from local.console import NotReady, say, step
from local.recipients import PARTS, Deed, Mail
from local.seed import DRAFT, LEADS, RULE, example

PATIENCE_SECONDS = 180
RULE_PATIENCE_SECONDS = 60
"""A rule acts within half a minute of a click."""
SHOWN_LEADS = 10
CAST = [
    *("reads and clicks", "does nothing", "opens five times", "does nothing", "clicks, images blocked"),
    "has a privacy proxy",
]
"""Played in turn by the recipients, after the first, who unsubscribes."""
SCANNED = "nordlicht.example"
"""A company whose scanner follows every link of every mail that its people get."""
SETTLED_SECONDS = 4.0
"""After so long a click is no part of a sweep any more: minutes in life, twice the rule's window here."""

T = TypeVar("T")
Panel = dict[str, int]
Stages = dict[str, str]
"""Of leads, by address."""


class Demo:
    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self.api = stack.api

    def import_leads(self) -> dict[str, Any]:
        return self.api("POST", "/v1/leads/import", example(LEADS, self._stack.inbox_url), "text/csv")

    def draft(self) -> dict[str, Any]:
        """The example campaign as a draft: the one that `make run` left, or a new one when that was sent."""
        title = json.loads(DRAFT.read_text())["title"]
        for campaign in self.api.pages("/v1/campaigns"):
            if campaign["title"] == title and campaign["status"] == "draft":
                return campaign
        return self.api("POST", "/v1/campaigns", example(DRAFT, self._stack.inbox_url))

    def rule(self) -> dict[str, Any]:
        """The example rule as its file says: the one that an earlier demo left, or a new one."""
        name = json.loads(RULE.read_text())["name"]
        for rule in self.api("GET", "/v1/rules")["items"]:
            if rule["name"] == name:
                return self.api("PATCH", f"/v1/rules/{rule['rule_id']}", RULE.read_bytes())
        return self.api("POST", "/v1/rules", RULE.read_bytes())

    def leads(self, audience: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.api.pages(f"/v1/leads?entity={quote(audience['entity'])}"))

    def moved(self, before: Stages, audience: dict[str, Any], expected: Stages) -> Stages:
        """Where leads are now who were elsewhere; as soon as it is what is expected, or as it is after a minute."""

        def moved() -> Stages:
            now = stages(self.leads(audience))
            return {email: stage for email, stage in now.items() if before.get(email, stage) != stage}

        return awaited(moved, lambda found: found == expected, RULE_PATIENCE_SECONDS)

    def mails(self, campaign: dict[str, Any], known: set[str]) -> list[Mail]:
        """What came into the inbox of this campaign since `known`, read as bytes."""
        found = []
        for message in self.inbox():
            if message["id"] not in known:
                with urllib.request.urlopen(f"{self._stack.inbox_url}/messages/{message['id']}.eml") as response:
                    found.append(Mail.read(response.read()))
        deliveries = self.api.pages(f"/v1/campaigns/{campaign['campaign_id']}/deliveries")
        return of_deliveries(found, {each["delivery_id"] for each in deliveries})

    def inbox(self) -> list[dict[str, str]]:
        with urllib.request.urlopen(f"{self._stack.inbox_url}/messages") as response:
            messages: list[dict[str, str]] = json.load(response)
            return messages

    def send(self, campaign: dict[str, Any]) -> None:
        """Send and wait until the campaign is done."""
        path = f"/v1/campaigns/{campaign['campaign_id']}"
        self.api("POST", f"{path}/send")
        status = awaited(lambda: self.api("GET", path)["status"], lambda found: found == "sent", PATIENCE_SECONDS)
        if status != "sent":
            raise NotReady(
                f"The campaign is {status} after {PATIENCE_SECONDS} s. See what the functions say: make logs"
            )

    def numbers(self, campaign: dict[str, Any], expected: Panel) -> dict[str, Any]:
        """The stats, as soon as they show what is expected, or as they are after half a minute."""
        path = f"/v1/campaigns/{campaign['campaign_id']}/stats"
        return awaited(lambda: self.api("GET", path), lambda stats: stats.items() >= expected.items(), 30)


def awaited(read: Callable[[], T], is_enough: Callable[[T], bool], seconds: float) -> T:
    """What is read, as soon as it is enough, or as it is after so long."""
    until = time.monotonic() + seconds
    while not is_enough(found := read()) and time.monotonic() < until:
        time.sleep(0.5)
    return found


def of_deliveries(mails: list[Mail], delivery_ids: set[str]) -> list[Mail]:
    """Those of them that were sent for these deliveries: another campaign may be under way."""
    return [mail for mail in mails if mail.unsubscribe_url.rpartition("/")[2] in delivery_ids]


def stages(leads: list[dict[str, Any]]) -> Stages:
    return {lead["email"]: lead["stage"] for lead in leads if lead["email"] is not None}


def play(mails: list[Mail]) -> tuple[list[tuple[str, Deed]], Counter[str]]:
    """Give every mail's recipient a part and let them act; the scanner comes first, as in life.

    What was done with each mail, beside the address it went to, and how often each part was played.
    """
    scanned = [mail for mail in mails if mail.to.endswith(f"@{SCANNED}")]
    others = [mail for mail in mails if not mail.to.endswith(f"@{SCANNED}")]
    parts = ["unsubscribes"] + [CAST[number % len(CAST)] for number in range(1, len(others))]
    swept = [PARTS["is swept by a scanner"](mail) for mail in scanned]
    deeds = [PARTS[part](mail) for mail, part in zip(others, parts, strict=True)]
    time.sleep(SETTLED_SECONDS)
    behind = [PARTS["clicks behind the scanner"](mail) for mail in scanned[::3]]
    swept[::3] = behind
    played = Counter({"is swept by a scanner": len(swept), "clicks behind the scanner": len(behind)}) + Counter(parts)
    addresses = [mail.to for mail in (*scanned, *others)]
    return list(zip(addresses, [*swept, *deeds], strict=True)), played


def main() -> int:
    demo = Demo(running_stack())
    with step("Importing examples/leads.csv"):
        imported = demo.import_leads()
    with step("Finding the draft"):
        campaign = demo.draft()
        audience = demo.api("GET", f"/v1/campaigns/{campaign['campaign_id']}/audience")["total"]
        leads = demo.leads(campaign["audience"])
        selected = [lead for lead in leads if lead["stage"] in campaign["audience"]["stages"]]
        unreachable = sum(lead["email"] is None and not lead["unsubscribed"] for lead in selected)
        known = {message["id"] for message in demo.inbox()}
    with step("Writing the rule of examples/rule.json"):
        rule = demo.rule()
    with step(f"Sending “{campaign['title']}” to {audience} leads"):
        demo.send(campaign)
    with step("Reading the mails and playing their recipients"):
        mails = demo.mails(campaign, known)
        played_by, played = play(mails)
        deeds = [deed for _, deed in played_by]
    did = {
        "total": audience,
        "sent": len(mails),
        "failed": unreachable,
        "opened": sum(deed.opened for deed in deeds),
        "clicked": sum(deed.clicked for deed in deeds),
        "opened_machine_only": sum(deed.opened and deed.by_machine for deed in deeds),
        "clicked_machine_only": sum(deed.by_machine and not (deed.opened or deed.clicked) for deed in deeds),
    }
    with step("Waiting for the numbers"):
        stats = demo.numbers(campaign, did)
    before = stages(leads)
    waiting = set(rule["if"]["stages"])
    clickers = [email for email, deed in played_by if deed.clicked and before[email] in waiting]
    expected = dict.fromkeys(clickers, rule["then"][0]["stage"])
    with step("Waiting for the rule, which acts once a scanner can be told from a person (up to a minute)"):
        moved = demo.moved(before, campaign["audience"], expected)
    scanned = {email for email, deed in played_by if deed.by_machine and not deed.clicked}
    agrees = report(imported, played, did, stats)
    follows = report_rule(rule, before, moved, expected, scanned)
    say("\nOn the web page, the insights warn of a link scanner: these recipients clicked sooner than people do.")
    return 0 if agrees and follows else 1


def report(imported: dict[str, Any], played: Counter[str], did: Panel, stats: dict[str, Any]) -> bool:
    """Print the panel beside what was done; whether they agree."""
    lines = "created", "updated", "unchanged"
    say(f"\nImport: {', '.join(f'{imported[name]} {name}' for name in lines)}, {len(imported['errors'])} bad lines")
    say("Recipients: " + ", ".join(f"{count} x {part}" for part, count in played.items()))
    say(f"\n  {'':22}{'panel':>8}{'did':>8}")
    for name, number in did.items():
        mark = "" if stats[name] == number else "   <- differs"
        say(f"  {name.replace('_', ' ').capitalize():22}{stats[name]:>8}{number:>8}{mark}")
    say("\nBeside them: " + ", ".join(f"{name.replace('_', ' ')} {stats[name]}" for name in BESIDE))
    for advice in stats["advice"]:
        say(f"  {advice['severity']}: {advice['text']}")
    if all(stats[name] == number for name, number in did.items()):
        say("\nThe numbers agree with what the recipients did.")
        return True
    say("\nThe numbers do NOT agree with what the recipients did.")
    return False


def report_rule(rule: dict[str, Any], before: Stages, moved: Stages, expected: Stages, scanned: set[str]) -> bool:
    """Print whom the rule moved; whether they are those who clicked the link themselves."""
    say(f"\nRule “{rule['name']}” moved {len(moved)} leads, of {len(expected)} that it should have moved:")
    for email in sorted(moved)[:SHOWN_LEADS]:
        say(f"  {email:44}{before[email]} → {moved[email]}")
    if len(moved) > SHOWN_LEADS:
        say(f"  and {len(moved) - SHOWN_LEADS} more: Automation on the web page shows them in the rule's log")
    say(f"Machines alone opened or clicked {len(scanned)} leads' mails; {len(scanned & moved.keys())} of those moved.")
    if moved == expected:
        say("The rule moved exactly those who clicked the pricing link themselves.")
        return True
    for email in sorted(moved.keys() ^ expected.keys())[:SHOWN_LEADS]:
        say(f"  {email}: {'moved by mistake' if email in moved else 'clicked and was not moved'}")
    say("The rule did NOT move exactly those who clicked the pricing link themselves.")
    return False


BESIDE = ("skipped", "pending", "clicked_without_open", "unsubscribed")


if __name__ == "__main__":
    run(main)
