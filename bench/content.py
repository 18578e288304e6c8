"""How fast content compiles, renders and becomes a message, beside copying it and beside what others do.

Times are the best of several, in microseconds of processor time for one mail. The mails are the larger corpus if it is
at hand (tests/corpus.py), else the repository's own.
"""

import hashlib
import hmac
import io
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import mean, median

from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.made_html import made_of
from chalicelib.content.message import build_message
from chalicelib.content.proof import prove
from chalicelib.content.render import Rendered, Renderer
from chalicelib.model.campaign import Body
from chalicelib.model.workspace import Workspace
from tests.corpus import corpus_mails, our_mails

from .content_peers import BASE_URL, DELIVERY_ID, PEERS, adapts, with_pytracking
from .rows import Row

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
MARKDOWN = "# Hello\n\n" + 28 * (
    "Our **garden flats** have [a view](https://shop.example/view) of the river, {{ lead.first_name }}.\n\n"
)
SEND_EMAIL = "boto3 send_email without its socket"
PIECES = 2, 8
"""How many copies of one mail the smaller and the larger document hold that show how compiling grows."""


class Signer:
    """Signs as tracking does: one HMAC per link."""

    base_url = BASE_URL

    def sign(self, link: str, destination: str) -> str:
        digest = hmac.digest(b"k" * 32, f"cmp\0{link}\0{destination}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest[:12]).decode()


def measure(quick: bool) -> list[Row]:
    """All rows; takes about half a minute."""
    ours = list(our_mails().values())
    mails = ours[-2:] if quick else list(corpus_mails().values()) or ours
    return [
        Row("content: mails measured", len(mails), "mails"),
        *_writing(),
        *_rendering(mails),
        *_compiling(mails),
        *_message(mails),
    ]


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
    for what, extra, copies_allowed, faster in (
        ("no merge tags", "", 4, 150),
        ("six merge tags", SIX_MERGE_TAGS, 12, 50),
    ):
        renders: list[float] = []
        copies: list[float] = []
        html_ratios: list[float] = []
        html_alone: list[float] = []
        adapted: list[tuple[float, float]] = []
        for mail in mails:
            written = _inside(mail, extra)
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
            html_alone.append(html_only)
            if adapts(written):
                theirs = best(lambda written=written: with_pytracking(written), repeats=3)  # type: ignore[misc]
                adapted.append((html_only, theirs))
        ratios = [render / copy for render, copy in zip(renders, copies, strict=True)]
        of_adapted, by_pytracking = zip(*adapted, strict=True)
        times_faster = [theirs / ours for ours, theirs in adapted]
        within = _share([ratio <= copies_allowed for ratio in ratios])
        faster_than = f"render, {what}: html, faster than pytracking"
        rows += [
            _mean(f"render, {what}: subject, html, text", renders, "copying them", copies, copies_allowed),
            Row(f"render, {what}: times copying, the median mail", median(ratios), "x", copies_allowed),
            Row(f"render, {what}: mails within that goal", within, "%"),
            Row(f"render, {what}: html, times one memcpy, the median mail", median(html_ratios), "x"),
            _mean(f"render, {what}: html, beside pytracking", of_adapted, "pytracking", by_pytracking),
            Row(f"{faster_than}, the median", median(times_faster), "x", faster, at_least=True),
            Row(f"{faster_than}, the least", min(times_faster), "x", faster, at_least=True),
            Row(f"{faster_than}, mails within that goal", _share([each >= faster for each in times_faster]), "%"),
        ]
        if not extra:
            rows.append(Row("content: mails that pytracking cannot adapt at all", len(mails) - len(adapted), "mails"))
            rows += [
                _mean(f"render, {what}: html, beside {peer}", html_alone, peer, _rewriting(mails, rewrite))
                for peer, rewrite in PEERS.items()
            ]
    return rows


def _mean(name: str, ours: Sequence[float], peer: str, theirs: Sequence[float], times: float | None = None) -> Row:
    """The mean mail of both, with a goal as a multiple of the peer's."""
    return Row(name, mean(ours), "us", None if times is None else times * mean(theirs), peer, mean(theirs))


def _rewriting(mails: Sequence[str], rewrite: Callable[[str], str]) -> list[float]:
    """What rewriting each mail for one recipient costs with another tool."""
    return [best(lambda mail=mail: rewrite(mail), repeats=2) for mail in mails]  # type: ignore[misc]


def _share(within: Sequence[bool]) -> float:
    return 100 * sum(within) / len(within)


def _writing() -> list[Row]:
    """Markdown to MJML to HTML, with the places that it came from."""
    from markdown_it import MarkdownIt

    ours = best(lambda: made_of(Body(markdown=MARKDOWN), Workspace()))
    plain = MarkdownIt()
    theirs = best(lambda: plain.render(MARKDOWN))
    return [_mean("make HTML of 3 KB of Markdown", [ours], "plain HTML by markdown-it", [theirs], 2)]


def _compiling(mails: Sequence[str]) -> list[Row]:
    import html5lib

    ours, theirs, proofs = [], [], []
    for mail in mails:
        source = ContentSource("s", mail, None, "news@shop.example")
        compiled = compile_content(source, Signer())
        ours.append(best(lambda source=source: compile_content(source, Signer())))  # type: ignore[misc]
        theirs.append(best(lambda mail=mail: html5lib.parse(mail), repeats=3))  # type: ignore[misc]
        proofs.append(best(lambda source=source, compiled=compiled: prove(source, compiled, Signer()), repeats=3))  # type: ignore[misc]
    piece = max(mails, key=len)
    small, large = (ContentSource("s", piece * count, None, "news@shop.example") for count in PIECES)
    growth = best(lambda: compile_content(large, Signer())) / best(lambda: compile_content(small, Signer()))
    return [
        _mean("compile", ours, "html5lib.parse", theirs, 0.75),
        Row(
            "compile: times html5lib.parse, the worst mail",
            max(a / b for a, b in zip(ours, theirs, strict=True)),
            "x",
            0.75,
        ),
        Row("compile: 4 times the input takes", growth, "x", 5),
        _mean("prove", proofs, "html5lib.parse of both texts", [2 * each for each in theirs], 2.5),
    ]


def _message(mails: Sequence[str]) -> list[Row]:
    date = datetime(2026, 1, 2, tzinfo=UTC)
    whole = []
    for mail in mails:
        source = ContentSource("Grüße, {{ lead.first_name }}", _inside(mail, SIX_MERGE_TAGS), None, "news@shop.example")
        renderer = Renderer(compile_content(source, Signer()), Signer())

        def message(renderer: Renderer = renderer) -> bytes:
            return build_message(
                _render(renderer),
                to_email="zoe@mail.example",
                to_name="Zoë O'Neil",
                date=date,
                message_id="1@shop.example",
                unsubscribe_url=UNSUBSCRIBE_URL,
                feedback_id="cmp:shop:leadflip",
            )

        whole.append(best(message, repeats=3))
    sending = [_boto3_send_email(message())]
    return [
        _mean("rendering one mail and making its message", whole, SEND_EMAIL, sending, 0.2),
        _mean("rendering and making the message, the worst mail", [max(whole)], SEND_EMAIL, sending, 0.2),
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


def _inside(mail: str, extra: str) -> str:
    start = re.search(r"<body[^>]*>", mail, re.IGNORECASE)
    position = start.end() if start else 0
    return mail[:position] + extra + mail[position:]
