"""`make verdict`: writes the tables of docs/VERDICT.md from a simulation with fixed seeds."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from bench.verdict import figures
from bench.verdict.campaigns import COMPANIES, CONSUMERS, HALF_AND_HALF, USUAL_SCANNERS, Audience
from bench.verdict.figures import Measured, measured
from bench.verdict.people import BROWSERS, HABITS, MAIL_CLIENTS
from bench.verdict.scanners import SCANNERS

DOCUMENT = Path(__file__).parents[2] / "docs" / "VERDICT.md"
BEGIN, END = "<!-- make verdict: {} -->\n", "<!-- end -->"
AUDIENCES = (CONSUMERS, HALF_AND_HALF, COMPANIES)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


@cache
def _by_audience() -> dict[str, Measured]:
    found = {each.name: measured(each) for each in AUDIENCES}
    return found | {"all three": sum(found.values(), Measured())}


def _clicked() -> Iterator[str]:
    head = (
        "audience", "leads", "machines' part of all requests for links", "clicked, in truth", "every request counted",
        "Clicked", "precision, %", "recall, %",
    )  # fmt: skip
    rows = [
        (
            name,
            f"{each.leads:,}",
            each.requests.text,
            f"{each.clicked.true:,}",
            f"{each.every_click.said:,}",
            f"{each.clicked.said:,}",
            str(each.clicked.precision),
            str(each.clicked.recall),
        )
        for name, each in _by_audience().items()
    ]
    yield from _rows(head, rows)


def _opened() -> Iterator[str]:
    head = ("audience", "read, in truth", "Opened", "of these by persons", "precision, %", "recall, %")
    rows = [
        (
            name,
            f"{each.opened.true:,}",
            f"{each.opened_by_anyone:,}",
            f"{each.opened.said:,}",
            str(each.opened.precision),
            str(each.opened.recall),
        )
        for name, each in _by_audience().items()
    ]
    yield from _rows(head, rows)


_HEAD = (
    "Clicked: precision if every request counted", "precision, %", "recall, %",
    "Opened by persons: precision, %", "recall, %",
)  # fmt: skip


def _row(name: str, each: Measured) -> tuple[str, ...]:
    clicked, opened = each.clicked, each.opened
    precise = (each.every_click.precision.text, str(clicked.precision), str(clicked.recall))
    return (name, *precise, str(opened.precision), str(opened.recall))


def _scanned() -> Iterator[str]:
    varied = [
        (f"{each.name}, {share:.0%} of leads behind scanners", replace(each, scanned=share))
        for each, shares in ((CONSUMERS, (0.05, 0.30, 0.60)), (COMPANIES, (0.05, 0.15, 0.30, 0.45, 0.60)))
        for share in shares
    ]
    yield from _rows(("audience", *_HEAD), [_row(name, _fewer(each)) for name, each in varied])


def _sampling() -> Iterator[str]:
    one_link = [name for name in USUAL_SCANNERS if name.startswith("one link")]
    rows = []
    for share in (0.0, 0.05, 0.15, 0.30):
        usual = sum(USUAL_SCANNERS[name] for name in one_link)
        scanners = {
            name: weight / usual * share if name in one_link else weight / (1 - usual) * (1 - share)
            for name, weight in USUAL_SCANNERS.items()
        }
        rows.append(_row(f"{share:.0%} of scanners follow one link", _fewer(replace(COMPANIES, scanners=scanners))))
    yield from _rows(("companies", *_HEAD), rows)


def _links() -> Iterator[str]:
    rows = [
        _row(f"{links} link{'s' if links > 1 else ''} in the mail", _fewer(replace(COMPANIES, links={links: 1.0})))
        for links in (1, 2, 3, 5, 9)
    ]
    yield from _rows(("companies", *_HEAD), rows)


def _fewer(audience: Audience) -> Measured:
    return measured(audience, runs=3)


def _scanners() -> Iterator[str]:
    counts = (1, 2, 3, 9)
    of_links = (f"mail of {links} link{'s' if links > 1 else ''}: in Clicked" for links in counts)
    head = ("scanner", *of_links, "in Opened by persons")
    rows = [
        (
            name,
            *(figures.taken_for_clicks(scanner, links).text for links in counts),
            figures.taken_for_opens(scanner).text,
        )
        for name, scanner in SCANNERS.items()
    ]
    yield from _rows(head, rows)


def _clicks() -> Iterator[str]:
    rows = [(name, figures.clickers(each).text) for name, each in BROWSERS.items()]
    rows += [(habit, figures.with_habit(habit).text) for habit in HABITS]
    sweep = SCANNERS["all links within a second, headless browser"]
    rows += [
        (f"{after:g} s after a scanner's sweep of all links began", figures.behind(sweep, after).text)
        for after in (1, 3, 10, 60)
    ]
    yield from _rows(("a person who clicks with, or as", "counted in Clicked"), rows)


def _opens() -> Iterator[str]:
    rows = [(name, figures.readers(each).text, figures.unread(each).text) for name, each in MAIL_CLIENTS.items()]
    yield from _rows(
        ("mail client", "read: counted in Opened by persons", "not read: counted there all the same"), rows
    )


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "Clicked": _clicked,
    "Opened": _opened,
    "scanners": _scanners,
    "people who click": _clicks,
    "people who read": _opens,
    "share of scanners": _scanned,
    "links": _links,
    "one link": _sampling,
}
"""Lines of Markdown, by the name in the document's marks."""


def written(document: str, names: Iterable[str] = TABLES) -> str:
    """The document with these tables measured again. Raises ValueError where a mark is missing."""
    for name in names:
        before, begin, rest = document.partition(BEGIN.format(name))
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise ValueError(f"docs/VERDICT.md has no place for the table {name!r}")
        document = before + begin + "\n".join(TABLES[name]()) + "\n" + end + after
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8")), "utf-8")
