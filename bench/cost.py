"""What a million e-mails cost on AWS, beside SES's own bill: the arithmetic of docs/COST.md.

`python -m bench.cost` prints that document's tables. tests/store/test_cost.py and test_planning_cost.py pin the
requests and write units that they use; prices and the behaviour of leads are stated here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from chalicelib.crm.audience import LEADS_PER_PAGE
from chalicelib.sending.waiting import LOOKS_AGAIN_AFTER
from chalicelib.store.keys import AUDIENCE_SHARDS

MILLION = 1_000_000

# US dollars, US East (N. Virginia), without free tiers.
SES_MAIL = {"by use": 0.10 / 1000, "Essentials": 0.16 / 1000}
"""By SES's pricing plans: accounts that have sent since June 2025 pay by use, new ones have Essentials by default."""
WRITE_UNIT = 0.625 / MILLION
READ_UNIT = 0.125 / MILLION
STORED_GB_MONTH = 0.25 + 0.20
"""The table, and its point-in-time recovery."""
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
HTTP_API_REQUEST = 1.00 / MILLION
SQS_REQUEST = 0.40 / MILLION
LOG_GB = 0.50
BUS_EVENT = 1.00 / MILLION
SNS_PUBLISH = 0.50 / MILLION
SCHEDULE = 1.00 / MILLION
"""An invocation by EventBridge Scheduler."""

# Waits that cannot be measured here, in seconds: typical of AWS.
DYNAMODB_WAIT = 0.004
TRANSACTION_WAIT = 0.010
SES_WAIT = 0.050

# Processor time in seconds, measured on one core (docs/COST.md); a function has its share of a core by its memory.
CPU_MAIL = 0.0029
CPU_HIT = 0.0014
CPU_BATCH = 0.003
CPU_CHANGE = 0.00006
MB_OF_A_CORE = 1769

CPU_REPORT = 0.0016

PLATFORM_LOG_BYTES = 350
"""Lambda's own log lines of an invocation, which the template switches off."""
HIT_LOG_BYTES = 280
BATCH_LOG_BYTES = 250

BUDGET_WRITES = 0.13
PAGE_WRITES = 16
"""A page of 500 leads: 6 KB of ids, the unit's row and the progress, in one transaction."""
UNIT_END_WRITES = 4
"""The end of a planning unit: its row and the progress."""
REPORTS = {"delivery": 0.98, "deliveryDelay": 0.01, "bounce": 0.02, "complaint": 0.0005, "reject": 0.0}
"""SES's reports per mail, by the event types that template.yaml subscribes to; the shares are assumed."""
DELIVERY_REPORTS = ("delivery", "deliveryDelay")
"""Those that `DeliveryReports=off` switches off."""
REPORTS_A_BATCH = 20
"""Of up to 50 (template.yaml), because Lambda's pollers share the messages."""

EVENTS_WINDOW = 5.0
"""Batching window of `candidates` in seconds (template.yaml)."""
EVENTS_MB = 256

STREAM_SHARDS = 4
"""Partitions that a new on-demand table begins with."""
HIT_TIMES = ((0.60, 12 * 3600), (0.30, 36 * 3600), (0.10, 12 * 86_400))
"""When hits come: share of them, and over how many seconds."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the template and .chalice/config.json say."""

    send_mb: int = 256
    track_mb: int = 512
    fold_mb: int = 512
    feedback_mb: int = 256
    batching_window_seconds: float = 5
    architecture: str = "arm64"
    system_logs: bool = False
    delivery_reports: bool = True


@dataclass(frozen=True, slots=True)
class Audience:
    """How a million leads react to their mails."""

    name: str
    opened: float
    """Share of leads whose pixel is loaded, by a person or a machine."""
    loads: float
    """Pixel loads of each of these."""
    opened_twice: float
    """Share of these that a machine opens first and a person later: two counted opens."""
    clicks: float
    """Counted clicks per lead."""
    scans: float
    """Counted clicks of machines per lead."""

    @property
    def requests(self) -> float:
        return self.opened * self.loads + (self.clicks + self.scans) * 1.1

    @property
    def counted(self) -> float:
        return self.opened * (1 + self.opened_twice) + self.clicks + self.scans


USUAL = Audience("usual", opened=0.40, loads=1.5, opened_twice=0.1, clicks=0.04, scans=0.10)
LIVELY = Audience("lively", opened=0.60, loads=2.0, opened_twice=0.2, clicks=0.12, scans=0.30)


@dataclass(frozen=True, slots=True)
class Line:
    part: str
    how: str
    dollars: float


def bill(audience: Audience, deployed: Deployed) -> list[Line]:
    """A million mails, sent at 100 a second, and everything that follows from them."""
    hits = audience.requests * MILLION
    sending_batches = batches(2 * MILLION, 10_000, deployed.batching_window_seconds)
    hit_batches = sum(
        batches(audience.counted * MILLION * share, seconds, deployed.batching_window_seconds)
        for share, seconds in HIT_TIMES
    )
    mail_seconds = seconds_a_mail(deployed)
    hit_seconds = _seconds(CPU_HIT, deployed.track_mb, DYNAMODB_WAIT)
    changes = (2 + audience.counted) * MILLION / (sending_batches + hit_batches)
    batch_seconds = _seconds(CPU_BATCH + CPU_CHANGE * changes, deployed.fold_mb, DYNAMODB_WAIT + TRANSACTION_WAIT)
    all_batches = sending_batches + hit_batches
    platform = PLATFORM_LOG_BYTES if deployed.system_logs else 0
    log_bytes = hits * (platform + HIT_LOG_BYTES) + all_batches * (platform + BATCH_LOG_BYTES) + 10_000 * platform
    gb_second = LAMBDA_GB_SECOND[deployed.architecture]
    return [
        Line("Writing deliveries", "3 write units a mail: claim, its index entry, record", 3 * MILLION * WRITE_UNIT),
        Line(
            "Planning and the budget",
            f"{PAGE_WRITES} write units for 500 leads, {BUDGET_WRITES} a mail for its send position",
            (PAGE_WRITES / LEADS_PER_PAGE + BUDGET_WRITES) * MILLION * WRITE_UNIT,
        ),
        Line("Reading leads", "1.1 read units a mail: 1 for the lead, the rest to plan", 1.1 * MILLION * READ_UNIT),
        Line("Queues", "3 requests (send, receive, delete) for 100 mails", 0.03 * MILLION * SQS_REQUEST),
        Line(
            "`send`",
            f"{mail_seconds * 1000:.0f} ms a mail at {deployed.send_mb} MB, 100 mails an invocation",
            MILLION * mail_seconds * deployed.send_mb / 1024 * gb_second + 10_000 * LAMBDA_REQUEST,
        ),
        Line("HTTP API", f"{_thousands(hits)} requests", hits * HTTP_API_REQUEST),
        Line(
            "`track`",
            f"as many invocations, {hit_seconds * 1000:.0f} ms at {deployed.track_mb} MB",
            hits * (LAMBDA_REQUEST + hit_seconds * deployed.track_mb / 1024 * gb_second),
        ),
        Line(
            "Writing hits",
            f"1 write unit each, {_thousands(audience.counted * MILLION)} of them counted",
            hits * WRITE_UNIT,
        ),
        Line(
            "Folding the sending",
            f"{_thousands(sending_batches)} batches of 4 write and 6 read units",
            sending_batches * (4 * WRITE_UNIT + 6 * READ_UNIT),
        ),
        Line(
            "Folding the hits",
            f"{_thousands(hit_batches)} batches of 9 write and 2 read units",
            hit_batches * (9 * WRITE_UNIT + 2 * READ_UNIT),
        ),
        Line(
            "`fold`",
            f"{_thousands(all_batches)} invocations, {batch_seconds * 1000:.0f} ms at {deployed.fold_mb} MB",
            all_batches * (LAMBDA_REQUEST + batch_seconds * deployed.fold_mb / 1024 * gb_second),
        ),
        Line("Logs", f"{log_bytes / 1e9:.2f} GB", log_bytes / 1e9 * LOG_GB),
        Line("Storage", "0.75 GB with the index for a month, restorable", 0.75 * STORED_GB_MONTH),
        *reports(deployed),
    ]


def seconds_a_mail(deployed: Deployed) -> float:
    """Of a `send` worker."""
    return _seconds(CPU_MAIL, deployed.send_mb, DYNAMODB_WAIT + SES_WAIT)


def reports(deployed: Deployed) -> list[Line]:
    """SES's reports on a million mails."""
    seconds = _seconds(CPU_REPORT, deployed.feedback_mb, DYNAMODB_WAIT)
    function_seconds = seconds * deployed.feedback_mb / 1024 * LAMBDA_GB_SECOND[deployed.architecture]
    delivery_reports = MILLION * sum(REPORTS[kind] for kind in DELIVERY_REPORTS)
    problems = MILLION * sum(REPORTS.values()) - delivery_reports
    lines = [
        Line(
            "Delivery reports",
            f"{_thousands(delivery_reports)}: SNS, 1.2 requests to SQS, 1 write unit each",
            delivery_reports * (SNS_PUBLISH + 1.2 * SQS_REQUEST + WRITE_UNIT),
        ),
        Line(
            "`feedback` for these",
            f"{seconds * 1000:.0f} ms a report at {deployed.feedback_mb} MB, {REPORTS_A_BATCH} an invocation",
            delivery_reports * (LAMBDA_REQUEST / REPORTS_A_BATCH + function_seconds),
        ),
    ]
    return [
        *(lines if deployed.delivery_reports else []),
        Line(
            "Bounces and complaints",
            f"{_thousands(problems)}: SNS, 3 requests to SQS, 5 write units, an invocation each",
            problems * (SNS_PUBLISH + 3 * SQS_REQUEST + 5 * WRITE_UNIT + LAMBDA_REQUEST + function_seconds),
        ),
    ]


def batches(changes: float, seconds: float, window: float) -> float:
    """Batches that this many changes make when they come evenly: each begins with one and takes what the window brings.

    Without a window Lambda looks four times a second.
    """
    rate = changes / seconds / STREAM_SHARDS
    return changes / max(1.0, min(500.0, 1 + rate * max(window, 0.25)))


def events(audience: Audience) -> list[Line]:
    """Publishing what happened, and letting rules read it; tests/store/test_cost.py pins the requests."""
    published = audience.counted * MILLION
    by_persons = (audience.opened + audience.clicks) * MILLION
    # The changes of one window become one message.
    messages = sum(batches(published * share, seconds, EVENTS_WINDOW) for share, seconds in HIT_TIMES)
    reads = batches(MILLION, 10_000, EVENTS_WINDOW) + messages
    once = _invocation(_seconds(CPU_BATCH, EVENTS_MB, DYNAMODB_WAIT), EVENTS_MB)
    return [
        Line(
            "Publishing: queue and functions",
            f"{_thousands(reads)} stream batches, {_thousands(messages)} messages, a read for each event",
            reads * once + messages * (3 * SQS_REQUEST + once) + published * READ_UNIT,
        ),
        Line("Publishing: the bus", f"{_thousands(published)} events", published * BUS_EVENT),
        Line(
            "Rules",
            f"{_thousands(by_persons)} events by people: 3 requests to SQS and a read of the rules each",
            by_persons * (3 * SQS_REQUEST + READ_UNIT + once),
        ),
    ]


QUOTA, RATE = 50_000, 14
"""Mails a day and a second of an account with a small quota."""
WAKE_SECONDS, LAUNCH_MB = 1.5, 1024
"""Of `launch`, which is mostly cold when it runs four times an hour."""
PLAN_SECONDS, PLAN_MB = 1.0, 512
"""Of `plan` for one unit: two pages to check, two to enqueue."""


def waiting() -> list[Line]:
    """What it costs that a million mails wait for the quota; tests/store/test_waiting.py pins the requests."""
    days = MILLION / QUOTA
    wake_ups = days * 86_400 / LOOKS_AGAIN_AFTER.total_seconds()
    # The quota comes back as it was used, in about an hour: each wake-up within it enqueues its share, in whole pages.
    rounds = QUOTA / RATE / LOOKS_AGAIN_AFTER.total_seconds()
    a_unit = QUOTA / rounds / AUDIENCE_SHARDS
    enqueued_a_lead = ceil(a_unit / LEADS_PER_PAGE) * LEADS_PER_PAGE / a_unit
    plans = days * rounds * AUDIENCE_SHARDS
    dropped = (enqueued_a_lead - 1) * MILLION / 10
    dropping = _invocation(0.05, Deployed().send_mb) / 10
    return [
        Line(
            "Checking the quota",
            f"{wake_ups:,.0f} schedules and calls of `launch`, 3 reads and 10 write units each",
            wake_ups
            * (SCHEDULE + 3 * SQS_REQUEST + 3 * READ_UNIT + 10 * WRITE_UNIT + _invocation(WAKE_SECONDS, LAUNCH_MB)),
        ),
        Line(
            "Resuming",
            f"{_thousands(plans)} calls of `plan`: a cursor each, 20 reads",
            plans * (2.2 * SQS_REQUEST + WRITE_UNIT + 20 * READ_UNIT + _invocation(PLAN_SECONDS, PLAN_MB)),
        ),
        Line(
            "Finding unfinished leads",
            f"{enqueued_a_lead:.1f} reads a lead",
            enqueued_a_lead * MILLION * READ_UNIT,
        ),
        Line(
            "Messages dropped",
            f"{_thousands(dropped)}, each sent, received and deleted in batches of ten",
            dropped * (0.3 * SQS_REQUEST + dropping),
        ),
    ]


def _invocation(seconds: float, megabytes: int) -> float:
    return LAMBDA_REQUEST + seconds * megabytes / 1024 * LAMBDA_GB_SECOND[Deployed().architecture]


def total(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines)


def share_of_ses(lines: list[Line], plan: str) -> float:
    return total(lines) / (MILLION * SES_MAIL[plan])


def tables() -> Iterator[str]:
    """The tables of docs/COST.md, line by line."""
    usual, lively = bill(USUAL, Deployed()), bill(LIVELY, Deployed())
    yield "| part | usual audience | $ | lively $ |"
    yield "|---|---|---:|---:|"
    for one, other in zip(usual, lively, strict=True):
        yield f"| {one.part} | {one.how} | {one.dollars:.2f} | {other.dollars:.2f} |"
    yield f"| **Total** | | **{total(usual):.2f}** | **{total(lively):.2f}** |"
    for plan, price in SES_MAIL.items():
        shares = f"**{share_of_ses(usual, plan):.1%}** | **{share_of_ses(lively, plan):.1%}**"
        yield f"| **Of SES's ${MILLION * price:.0f}** | {plan} | {shares} |"
    yield ""
    yield "| events and rules, usual audience | how | $ |"
    yield "|---|---|---:|"
    lines = events(USUAL)
    for line in lines:
        yield f"| {line.part} | {line.how} | {line.dollars:.2f} |"
    publishing, acting = total(lines[:2]) / USUAL.counted, lines[2].dollars / (USUAL.opened + USUAL.clicks)
    a_million = f"a million events: ${publishing:.2f} to publish, ${acting:.2f} more where rules read them"
    yield f"| **Total** | {a_million} | **{total(lines):.2f}** |"
    yield ""
    yield f"| variant | usual $ | {' | '.join(f'of ${MILLION * price:.0f}' for price in SES_MAIL.values())} |"
    yield "|---|---:|---:|---:|"
    for name, deployed in (
        ("as deployed", Deployed()),
        ("`DeliveryReports=off`", replace(Deployed(), delivery_reports=False)),
        ("`Architecture=x86_64`", replace(Deployed(), architecture="x86_64")),
        ("Lambda's own log lines on", replace(Deployed(), system_logs=True)),
        ("`send` with 1,024 MB", replace(Deployed(), send_mb=1024)),
        ("no batching window", replace(Deployed(), batching_window_seconds=0)),
        ("a window of 2 s", replace(Deployed(), batching_window_seconds=2)),
        ("a window of 10 s", replace(Deployed(), batching_window_seconds=10)),
    ):
        lines = bill(USUAL, deployed)
        yield f"| {name} | {total(lines):.2f} | {' | '.join(f'{share_of_ses(lines, plan):.1%}' for plan in SES_MAIL)} |"
    yield ""
    yield f"| waiting for a quota of {QUOTA:,} a day, {RATE} mails a second | how | $ |"
    yield "|---|---|---:|"
    for line in waiting():
        yield f"| {line.part} | {line.how} | {line.dollars:.2f} |"
    yield f"| **Total** | for a million leads, in {MILLION / QUOTA:.0f} days | **{total(waiting()):.2f}** |"


def _seconds(cpu: float, megabytes: int, waits: float) -> float:
    return cpu / (megabytes / MB_OF_A_CORE) + waits


def _thousands(number: float) -> str:
    return f"{round(number, -3):,.0f}"


if __name__ == "__main__":
    print("\n".join(tables()))
