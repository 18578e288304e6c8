"""How fast content compiles, renders and becomes a message, beside copying it and beside what others do.

All ratios are of one run. Times are the best of several, in microseconds of CPU for one mail. The mails are the corpus
of real ones if it is at hand (`../shared/corpus/emails`), else a few made up here.
"""

import hashlib
import hmac
import io
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from chalicelib.content.compiler import compile_content
from chalicelib.content.message import build_message
from chalicelib.content.render import Rendered, Renderer
from chalicelib.content.source import ContentSource

from .content_peers import BASE_URL, DELIVERY_ID, PEERS, adapts, with_pytracking
from .rows import Row, table

UNSUBSCRIBE_URL = f"{BASE_URL}/t/u/{DELIVERY_ID}"
LEAD = {
    "lead_id": "lead_0123456789abcdef01234567",
    "first_name": "Zoë",
    "last_name": "O'Neil",
    "email": "zoe.oneil@mail.example",
    "stage": "Hot",
    "fields": {"plan": "Gold"},
}
CAMPAIGN = {"campaign_id": "cmp_0123456789abcdef01234567", "title": "Spring offers"}
SIX_MERGE_TAGS = (
    '<p>Hi {{ lead.first_name | default("there") }} {{ lead.last_name }}, {{ lead.email }}, {{ lead.stage }},'
    " {{ lead.fields.plan | default('free') }}: {{ campaign.title }}</p>"
)
_CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "emails"


class Signer:
    """Signs as tracking does: one HMAC per link."""

    base_url = BASE_URL

    def sign(self, link: str, destination: str) -> str:
        digest = hmac.digest(b"k" * 32, f"cmp\0{link}\0{destination}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest[:12]).decode()


def measure() -> list[Row]:
    """All rows; takes about half a minute."""
    mails = real_mails() or made_up_mails()
    return [
        Row("mails measured", len(mails), "mails"),
        *_rendering(mails),
        *_compiling(mails),
        *_message(mails),
        *_others(mails),
    ]


def real_mails() -> list[str]:
    """The corpus, other products' merge tags made harmless; empty when it is not at hand."""
    mails = []
    for path in sorted(_CORPUS.rglob("*.html")):
        text = path.read_bytes().decode("utf-8", "replace")
        text = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"https://placeholder.example/\1", text)
        mails.append(text.replace("{{", "[[").replace("{%", "[%"))
    return mails


def made_up_mails() -> list[str]:
    """Three mails of 2, 8 and 30 KB."""
    row = '<tr><td><a href="https://shop.example/p?id=1&amp;c=2">A thing to buy</a> and why</td></tr>\n'
    return [f"<!doctype html><html><body><table>{row * count}</table></body></html>" for count in (22, 90, 330)]


def best(function: Callable[[], object], seconds: float = 0.004, repeats: int = 5) -> float:
    """Microseconds of CPU for one call: the best of `repeats` rounds of about `seconds` each."""
    function()
    start = time.process_time()
    function()
    count = max(1, int(seconds / max(time.process_time() - start, 1e-7)))
    count = min(count, 20_000)
    fastest = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(count):
            function()
        fastest = min(fastest, time.process_time() - start)
    return fastest / count * 1e6


def _renderer(mail: str) -> Renderer:
    source = ContentSource("Spring offers", mail, None, "news@shop.example", "Shop")
    return Renderer(compile_content(source, Signer()), Signer())


def _render(renderer: Renderer) -> Rendered:
    return renderer.render(LEAD, CAMPAIGN, DELIVERY_ID, UNSUBSCRIBE_URL)


def _rendering(mails: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    failed = 0
    for what, extra, limit, faster in (
        ("without merge tags", "", 4, 150),
        ("with six merge tags", SIX_MERGE_TAGS, 12, 50),
    ):
        renders: list[float] = []
        copies: list[float] = []
        html_ratios: list[float] = []
        times_faster: list[float] = []
        for mail in mails:
            written = _inside(mail, extra)
            theirs = best(lambda written=written: with_pytracking(written), repeats=3) if adapts(written) else None  # type: ignore[misc]
            renderer = _renderer(written)
            rendered = _render(renderer)
            subject, html_part, text = rendered.subject, rendered.html or "", rendered.text

            def all_parts(renderer: Renderer = renderer) -> tuple[str, str | None, str]:
                rendered = _render(renderer)
                return rendered.subject, rendered.html, rendered.text

            def copy(subject: str = subject, html_part: str = html_part, text: str = text) -> tuple[str, str, str]:
                return subject[1:], html_part[1:], text[1:]

            renders.append(best(all_parts))
            copies.append(best(copy))
            html_only = best(lambda renderer=renderer: _render(renderer).html)  # type: ignore[misc]
            html_ratios.append(html_only / best(lambda html_part=html_part: html_part[1:]))  # type: ignore[misc]
            if theirs is None:
                failed += not extra
            else:
                times_faster.append(theirs / html_only)
        ratios = [render / copy for render, copy in zip(renders, copies, strict=True)]
        rows += [
            Row(f"render {what}: subject, html, text", sum(renders) / len(mails), "us a mail"),
            Row("  / a copy of the three, all mails together", sum(renders) / sum(copies), "x", limit),
            Row("  / a copy of the three, the median mail", median(ratios), "x", limit),
            Row("  / a copy of the three, mails within the limit", _share([ratio <= limit for ratio in ratios]), "%"),
            Row("  html alone / one memcpy of it, the median mail", median(html_ratios), "x"),
            Row("  faster than pytracking, the median mail", median(times_faster), "x", faster, at_least=True),
            Row(
                "  faster than pytracking, mails within the limit",
                _share([times >= faster for times in times_faster]),
                "%",
            ),
            Row("  faster than pytracking, the least favourable mail", min(times_faster), "x", faster, at_least=True),
        ]
    rows.append(Row("mails that pytracking cannot adapt at all", failed, "mails"))
    return rows


def _share(within: Sequence[bool]) -> float:
    return 100 * sum(within) / len(within)


def _compiling(mails: Sequence[str]) -> list[Row]:
    import html5lib

    ours, theirs = [], []
    for mail in mails:
        source = ContentSource("s", mail, None, "news@shop.example")
        ours.append(best(lambda source=source: compile_content(source, Signer())))  # type: ignore[misc]
        theirs.append(best(lambda mail=mail: html5lib.parse(mail), repeats=3))  # type: ignore[misc]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    piece = max(mails, key=len)
    small, large = (ContentSource("s", piece * count, None, "news@shop.example") for count in (2, 8))
    growth = best(lambda: compile_content(large, Signer())) / best(lambda: compile_content(small, Signer()))
    return [
        Row("compile", sum(ours) / len(mails), "us a mail"),
        Row("  / html5lib.parse, all mails together", sum(ours) / sum(theirs), "x", 0.75),
        Row("  / html5lib.parse, the worst mail", max(ratios), "x", 0.75),
        Row("  4 times the input takes", growth, "x", 5),
    ]


def _message(mails: Sequence[str]) -> list[Row]:
    date = datetime(2026, 1, 2, tzinfo=UTC)
    times, whole = [], []
    for mail in mails:
        source = ContentSource("Grüße, {{ lead.first_name }}", _inside(mail, SIX_MERGE_TAGS), None, "news@shop.example")
        renderer = Renderer(compile_content(source, Signer()), Signer())
        rendered = _render(renderer)

        def message(rendered: Rendered = rendered) -> bytes:
            return build_message(
                rendered,
                to_email="zoe@mail.example",
                to_name="Zoë O'Neil",
                date=date,
                message_id="1@shop.example",
                unsubscribe_url=UNSUBSCRIBE_URL,
                feedback_id="cmp:shop:leadflip",
            )

        times.append(best(message, repeats=3))
        whole.append(best(lambda renderer=renderer, message=message: message(_render(renderer)), repeats=3))  # type: ignore[misc]
    sending = _boto3_send_email(message())
    return [
        Row("the MIME message, rendering included", sum(whole) / len(mails), "us a mail"),
        Row("one boto3 send_email without its socket", sending, "us"),
        Row("  the message / send_email, the mean mail", sum(whole) / len(mails) / sending, "x", 0.2),
        Row("  the message / send_email, the worst mail", max(whole) / sending, "x", 0.2),
    ]


def _boto3_send_email(message: bytes) -> float:
    """One call's CPU up to the socket and back from it: signing, serialising, parsing; the network is left out."""
    import boto3
    from botocore.awsrequest import AWSResponse

    class Raw(io.BytesIO):
        def stream(self, **_: object) -> list[bytes]:
            return [self.read()]

    client = boto3.client(
        "sesv2",
        region_name="eu-central-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",  # noqa: S106
    )
    client.meta.events.register(
        "before-send.sesv2.SendEmail",
        lambda request, **_: AWSResponse(request.url, 200, {}, Raw(b'{"MessageId":"0100"}')),
    )

    def send() -> None:
        client.send_email(
            FromEmailAddress="news@shop.example",
            Destination={"ToAddresses": ["zoe@mail.example"]},
            Content={"Raw": {"Data": message}},
            EmailTags=[{"Name": "delivery", "Value": DELIVERY_ID}],
        )

    return best(send, seconds=0.1)


def _others(mails: Sequence[str]) -> list[Row]:
    """What rewriting one mail per recipient costs with other tools."""
    rows: list[Row] = []
    for what, rewrite in PEERS.items():
        times = [best(lambda mail=mail, rewrite=rewrite: rewrite(mail), repeats=2) for mail in mails]  # type: ignore[misc]
        rows.append(Row(f"rewriting with {what}", sum(times) / len(times), "us a mail"))
    return rows


def _inside(mail: str, extra: str) -> str:
    start = re.search(r"<body[^>]*>", mail, re.IGNORECASE)
    position = start.end() if start else 0
    return mail[:position] + extra + mail[position:]


if __name__ == "__main__":
    print(table(measure()))
