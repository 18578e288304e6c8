"""`make smoke`: does a deployed stack do what it promises? Nine mails to SES's mailbox simulator say so.

Run it once after deploying, with credentials that may read the stack: it sends a campaign, plays its recipients, has
bounces and complaints reported, schedules a second campaign, and compares numbers, timelines and events with what was
done. It takes a few minutes on AWS, at most ten, and half a minute on the local stack. Afterwards its leads, its token
and its subscription to the events are removed; the two campaigns stay in the list, as whatever was sent does.

Source: "Testing Email Sending", docs.aws.amazon.com/ses/latest/DeveloperGuide/mailbox-simulator.html: addresses may
carry +labels, a sandbox may write to them, and neither quota nor reputation counts them.
"""

import argparse
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.content.destinations import click_url_parts
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.tracking.delivery_ids import CampaignTracking
from chalicelib.tracking.key_ring import KeyRing
from local.client import Api, clients_and_outputs, running_stack
from local.command import run
from local.console import NotReady, say
from local.recipients import Mail, WrongAnswer, follow, load_images, request
from local.subscription import subscribed
from local.token import create

SIMULATOR = "simulator.amazonses.com"
PAGE = "https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html"
"""Where the mail's link leads; nobody follows the redirect."""
CAST = {
    "reader": "success",
    "clicker": "success",
    "leaver": "success",
    "silent": "success",
    "away": "ooto",
    "bounces": "bounce",
    "suppressed": "suppressionlist",
    "complains": "complaint",
}
"""The simulator's mailbox of each lead of the first campaign, by first name."""
LATER = "scheduled"
"""The only lead of the second campaign."""
NEVER_MAILED_AGAIN = ("bounces", "suppressed", "complains")
SCHEDULE_MINUTES = 2
"""On AWS, where a schedule may fire up to a minute late."""

Client = Callable[[str], Any]
ReadEvents = Callable[[], dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Target:
    """The stack that is tried."""

    api: Api
    tracking_url: str
    client: Client
    """Makes boto3 clients for where the stack is."""
    outputs: dict[str, str]
    from_email: str
    schedule_ahead: timedelta


@dataclass(slots=True)
class Report:
    """What was found, said as it is found."""

    patience_seconds: float = 240
    """For one thing; for all together twice as long."""
    failed: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def hold(self, title: str, read: Callable[[], Any], expected: Any, otherwise: str) -> None:
        """Wait until what is read is what is expected, and say whether it came to that.

        `otherwise`: what to look at when it did not.
        """
        started = time.monotonic()
        while True:
            try:
                found = read()
            except (NotReady, OSError) as problem:
                found = str(problem)
            now = time.monotonic()
            if found == expected or now > min(
                started + self.patience_seconds, self.started + 2 * self.patience_seconds
            ):
                self.say_whether(f"{title} ({now - started:.1f} s)", found, expected, otherwise)
                return
            time.sleep(0.5)

    def say_whether(self, title: str, found: Any, expected: Any, otherwise: str) -> None:
        if found == expected:
            say(f"  ok      {title}")
        else:
            self.fail(title, f"expected {expected}, found {found}", otherwise)

    def fail(self, title: str, found: str, otherwise: str) -> None:
        self.failed.append(title)
        say(f"  FAILED  {title}: {found}")
        say(f"          {otherwise}")


class Smoke:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._api = target.api
        self.report = Report()
        self.entity = f"smoke-{secrets.token_hex(4)}"
        self.leads: dict[str, str] = {}
        """Their ids by first name."""
        self.mails: dict[str, Mail] = {}
        """What the leads of the first campaign have got, by first name: addresses computed with the stack's key."""

    def run(self) -> bool:
        """Whether everything was as it should be. What it made is removed also when something was not."""
        target = self._target
        detail = {"entity": [self.entity]}
        with subscribed(target.client, target.outputs["EventBusName"], self.entity, detail) as read_events:
            try:
                self._run(read_events)
            except (NotReady, WrongAnswer, OSError, ClientError, BotoCoreError) as problem:
                self.report.fail("The smoke test went on to its end", str(problem), "What comes after was not tried.")
            finally:
                self._clean_up()
        return not self.report.failed

    def _run(self, read_events: ReadEvents) -> None:
        self.report.say_whether(
            "Leads were imported", self._import(), (len(CAST) + 1, []), "See the log of api_handler."
        )
        self.report.hold("Leads are in their audiences", self._find_leads, {*CAST, LATER}, "See the index `audience`.")
        first, second = self._campaign("Now"), self._campaign("Later")
        self._preflight(first)
        at = datetime.now(UTC) + self._target.schedule_ahead
        self._api("POST", f"{second}/schedule", {"at": f"{at:%Y-%m-%dT%H:%M:%S}", "timezone": "UTC"})
        self.report.hold(
            "A scheduled campaign was sent",
            lambda: self._api("GET", second)["status"],
            "sent",
            f"GET {second} says in status_reason what keeps it; else see whether ScheduleRole may be used.",
        )
        self._api("POST", f"{first}/send")
        self.report.hold(
            "A campaign was sent",
            lambda: self._numbers(first, "total", "sent", "failed", "skipped", "pending"),
            {"total": len(CAST), "sent": len(CAST), "failed": 0, "skipped": 0, "pending": 0},
            f"GET {first} says in status_reason, and its stats in waiting and failures, what keeps it.",
        )
        self.mails = self._computed_mails(first)
        load_images(self.mails["reader"])
        leads_to = [follow(self.mails[name].links[0]) for name in ("reader", "clicker")]
        self.report.say_whether("Links lead where the author said", leads_to, [PAGE, PAGE], "See the log of track.")
        status, _, _ = request("POST", self.mails["leaver"].unsubscribe_url, {"List-Unsubscribe": "One-Click"})
        self.report.say_whether("Unsubscribing by one click is answered", status, 200, "See the log of track.")
        self._compare(first, read_events)

    def _compare(self, first: str, read_events: ReadEvents) -> None:
        hold = self.report.hold
        hold(
            "Opens, clicks and unsubscribing were counted",
            lambda: self._numbers(first, "opened", "clicked", "clicked_without_open", "unsubscribed"),
            {"opened": 1, "clicked": 2, "clicked_without_open": 1, "unsubscribed": 1},
            "See the log of fold and the queue FoldDeadLetters; a recount mends numbers (docs/OPERATIONS.md).",
        )
        hold(
            "The link's clicks were counted",
            lambda: [each["clicked"] for each in self._api("GET", f"{first}/links")["items"]],
            [2],
            "See the log of fold.",
        )
        hold(
            "The mail service reported bounces and complaints",
            lambda: self._numbers(first, "bounced", "complained"),
            {"bounced": 2, "complained": 1},
            "SES -> topic FeedbackTopic -> queue FeedbackQueue -> feedback: look for where the reports stay.",
        )
        hold(
            "Whose mail came back or who complained is not mailed again",
            lambda: [bool(self._api("GET", f"/v1/leads/{self.leads[each]}/suppressions")["items"]) for each in CAST],
            [name in (*NEVER_MAILED_AGAIN, "leaver") for name in CAST],
            "See the logs of feedback and track.",
        )
        hold(
            "The reader's timeline tells of the open and the click",
            lambda: [(bool(each["opened"]), bool(each["clicked"])) for each in self._timeline("reader")],
            [(True, True)],
            "See the log of track.",
        )
        hold(
            "Events were published",
            lambda: sorted({f"{each['detail-type']} {self._who(each)}" for each in read_events().values()}),
            [
                "CampaignEmailBounced bounces",
                "CampaignEmailBounced suppressed",
                "CampaignEmailComplained complains",
                "CampaignEmailOpened reader",
                "CampaignFinished of nobody",
                "CampaignLinkClicked clicker",
                "CampaignLinkClicked reader",
                "LeadUnsubscribed leaver",
            ],
            "See the logs of candidates and publish, and the queues StreamDeadLetters and CandidatesDeadLetters.",
        )

    def _preflight(self, campaign: str) -> None:
        findings = self._api("GET", f"{campaign}/preflight")["findings"]
        errors = {each["code"]: each["message"] for each in findings if each["severity"] == "error"}
        if errors.pop("account_in_sandbox", None):
            say("  note    The account is in SES's sandbox, which may write to the simulator and to few others.")
        self.report.say_whether("Preflight finds no errors", errors, {}, "Mend what it says before sending to people.")

    def _import(self) -> tuple[int, list[Any]]:
        people = [(name, "Now") for name in CAST] + [(LATER, "Later")]
        lines = [f"{self.entity},{stage},{self._address(name)},{name}" for name, stage in people]
        file = "\n".join(["entity,stage,email,first_name", *lines])
        answer = self._api("POST", "/v1/leads/import", file.encode(), "text/csv")
        return answer["created"], answer["errors"]

    def _campaign(self, stage: str) -> str:
        """Draft a campaign to the leads of a stage; its path in the API."""
        draft = {
            "title": f"Smoke test {self.entity}, {stage.lower()}",
            "subject": "Hello {{ lead.first_name }}",
            "from_email": self._target.from_email,
            "html": f'<p>Hello {{{{ lead.first_name }}}}, <a href="{PAGE}">read this</a>.</p>',
            "audience": {"entity": self.entity, "stages": [stage]},
        }
        return f"/v1/campaigns/{self._api('POST', '/v1/campaigns', draft)['campaign_id']}"

    def _computed_mails(self, campaign: str) -> dict[str, Mail]:
        """By first name, what the mails hold: nobody reads the simulator's mailboxes, but the operator has the key."""
        secret = self._target.client("secretsmanager")
        ring = KeyRing.parse(secret.get_secret_value(SecretId=self._target.outputs["KeyRingSecret"])["SecretString"])
        campaign_id = CampaignId(campaign.rpartition("/")[2])
        tracking = CampaignTracking(self._target.tracking_url, campaign_id, ring.current, ring.keys[ring.current])
        ((link, url),) = [(each["link"], each["url"]) for each in self._api("GET", f"{campaign}/links")["items"]]
        before, after = click_url_parts(tracking.base_url, link, url, tracking.sign(link, url))
        mails = {}
        for name in CAST:
            delivery_id = tracking.delivery_id(LeadId(self.leads[name]))
            mails[name] = Mail(
                to=self._address(name),
                subject=f"Hello {name}",
                headers={},
                html="",
                text="",
                pixels=(f"{tracking.base_url}/t/o/{delivery_id}.gif",),
                links=(f"{before}{delivery_id}{after}",),
                unsubscribe_url=tracking.unsubscribe_url(delivery_id),
            )
        self.report.hold(
            "The API names the deliveries as their mails do",
            lambda: {each["delivery_id"] for each in self._api.pages(f"{campaign}/deliveries")},
            {mail.unsubscribe_url.rpartition("/")[2] for mail in mails.values()},
            "The campaign was signed with another key than the key ring's current one.",
        )
        return mails

    def _address(self, name: str) -> str:
        return f"{CAST.get(name, 'success')}+{self.entity}-{name}@{SIMULATOR}"

    def _clean_up(self) -> None:
        """Lift the suppressions of the simulator's addresses, and remove the leads."""
        try:
            for name, lead_id in self.leads.items():
                if name in NEVER_MAILED_AGAIN:
                    self._api("POST", f"/v1/leads/{lead_id}/resubscribe", {"reason": "the smoke test has ended"})
                self._api("DELETE", f"/v1/leads/{lead_id}")
        except (NotReady, OSError) as problem:
            self.report.fail("Its leads were removed", str(problem), f"Remove those of the entity {self.entity}.")

    def _who(self, event: dict[str, Any]) -> str:
        lead_id = event["detail"].get("lead_id")
        return next((name for name, known in self.leads.items() if known == lead_id), "of nobody")

    def _numbers(self, campaign: str, *names: str) -> dict[str, int]:
        stats = self._api("GET", f"{campaign}/stats")
        return {name: stats[name] for name in names}

    def _timeline(self, name: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._api("GET", f"/v1/leads/{self.leads[name]}/timeline")["items"]
        return items

    def _find_leads(self) -> set[str]:
        for stage in ("Now", "Later"):
            for each in self._api.pages(f"/v1/leads?entity={self.entity}&stage={stage}"):
                self.leads[each["first_name"]] = each["lead_id"]
        return set(self.leads)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.smoke", description="Try a deployed stack.")
    parser.add_argument("--stack", help="a CloudFormation stack on AWS; without it the running local stack")
    parser.add_argument("--from-email", help="who sends: an address, or one of a domain, that SES has verified")
    given = parser.parse_args()
    if given.stack is None:
        local = running_stack()
        from_email = given.from_email or "news@shop.example"
        ahead = timedelta(seconds=3)
        return tried(Target(local.api, local.tracking_url, local.client, local.outputs(), from_email, ahead))
    if given.from_email is None:
        raise NotReady("Say who sends: make smoke STACK=... FROM=news@your-verified-domain")
    client, outputs = clients_and_outputs(given.stack)
    name = f"smoke test {secrets.token_hex(4)}"
    token = create(name, outputs["CampaignsTable"], client("dynamodb"))
    api = Api(outputs["EndpointURL"].rstrip("/"), token)
    ahead = timedelta(minutes=SCHEDULE_MINUTES)
    try:
        return tried(Target(api, outputs["TrackingBaseUrl"], client, outputs, given.from_email, ahead))
    finally:
        for issued in api("GET", "/v1/tokens")["items"]:
            if issued["name"] == name:
                api("DELETE", f"/v1/tokens/{issued['token_id']}")


def tried(target: Target) -> int:
    started = time.monotonic()
    smoke = Smoke(target)
    is_well = smoke.run()
    seconds = time.monotonic() - started
    say(f"\n{'All is well' if is_well else 'Something is wrong: ' + '; '.join(smoke.report.failed)} ({seconds:.0f} s).")
    return 0 if is_well else 1


if __name__ == "__main__":
    run(main)
