"""`make verdict`: writes the tables of docs/VERDICT.md from a simulation with fixed seeds."""

from collections.abc import Callable, Iterable, Mapping
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


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    columns = list(head)
    return [f"| {' | '.join(row)} |" for row in (columns, ["---", *["---:"] * (len(columns) - 1)], *rows)]


@cache
def _by_audience() -> dict[str, Measured]:
    found = {each.name: measured(each) for each in AUDIENCES}
    return found | {"all three": sum(found.values(), Measured())}


def _clicked() -> list[str]:
    head = (
        "audience", "leads", "machines' part of all requests for links", "clicked, in truth", "every request counted",
        "Clicked", "precision, %", "recall, %",
    )  # fmt: skip
    return _table(
        head,
        (
            (name, f"{each.leads:,}", each.requests.text, f"{each.clicked.true:,}", f"{each.every_click.said:,}",
             f"{each.clicked.said:,}", str(each.clicked.precision), str(each.clicked.recall))
            for name, each in _by_audience().items()
        ),
    )  # fmt: skip


def _opened() -> list[str]:
    return _table(
        ("audience", "read, in truth", "Opened", "of these by persons", "precision, %", "recall, %"),
        (
            (name, f"{each.opened.true:,}", f"{each.opened_by_anyone:,}", f"{each.opened.said:,}",
             str(each.opened.precision), str(each.opened.recall))
            for name, each in _by_audience().items()
        ),
    )  # fmt: skip


def _varied(what: str, audiences: Mapping[str, Audience]) -> list[str]:
    """The same figures for several audiences, from fewer leads."""
    head = (
        what, "Clicked: precision if every request counted", "precision, %", "recall, %",
        "Opened by persons: precision, %", "recall, %",
    )  # fmt: skip
    found = ((name, measured(audience, runs=3)) for name, audience in audiences.items())
    return _table(
        head,
        (
            (name, each.every_click.precision.text, str(each.clicked.precision), str(each.clicked.recall),
             str(each.opened.precision), str(each.opened.recall))
            for name, each in found
        ),
    )  # fmt: skip


def _shares_of_scanners() -> list[str]:
    varied = ((CONSUMERS, (0.05, 0.30, 0.60)), (COMPANIES, (0.05, 0.15, 0.30, 0.45, 0.60)))
    audiences = {
        f"{each.name}, {share:.0%} of leads behind scanners": replace(each, scanned=share)
        for each, shares in varied
        for share in shares
    }
    return _varied("audience", audiences)


def _numbers_of_links() -> list[str]:
    audiences = {f"{_links(number)} in the mail": replace(COMPANIES, links={number: 1.0}) for number in (1, 2, 3, 5, 9)}
    return _varied("companies", audiences)


def _scanners_of_one_link() -> list[str]:
    usual = sum(weight for name, weight in USUAL_SCANNERS.items() if name.startswith("one link"))

    def with_share(share: float) -> Audience:
        scanners = {
            name: weight * (share / usual if name.startswith("one link") else (1 - share) / (1 - usual))
            for name, weight in USUAL_SCANNERS.items()
        }
        return replace(COMPANIES, scanners=scanners)

    audiences = {f"{share:.0%} of scanners follow one link": with_share(share) for share in (0.0, 0.05, 0.15, 0.30)}
    return _varied("companies", audiences)


def _links(number: int) -> str:
    return "1 link" if number == 1 else f"{number} links"


def _scanners() -> list[str]:
    numbers = (1, 2, 3, 9)
    return _table(
        ("scanner", *(f"mail of {_links(each)}: in Clicked" for each in numbers), "in Opened by persons"),
        (
            (
                name,
                *(figures.taken_for_clicks(scanner, each).text for each in numbers),
                figures.taken_for_opens(scanner).text,
            )
            for name, scanner in SCANNERS.items()
        ),
    )


def _clicks() -> list[str]:
    sweep = SCANNERS["all links within a second, headless browser"]
    shares = {name: figures.clickers(each) for name, each in BROWSERS.items()}
    shares |= {habit: figures.with_habit(habit) for habit in HABITS}
    shares |= {
        f"{after} s after a scanner's sweep of all links began": figures.behind(sweep, after)
        for after in (1, 3, 10, 60)
    }
    head = ("a person who clicks with, or as", "counted in Clicked")
    return _table(head, ((name, share.text) for name, share in shares.items()))


def _opens() -> list[str]:
    head = ("mail client", "read: counted in Opened by persons", "not read: counted there all the same")
    rows = ((name, figures.readers(each).text, figures.unread(each).text) for name, each in MAIL_CLIENTS.items())
    return _table(head, rows)


TABLES: Mapping[str, Callable[[], list[str]]] = {
    "Clicked": _clicked,
    "Opened": _opened,
    "scanners": _scanners,
    "people who click": _clicks,
    "people who read": _opens,
    "share of scanners": _shares_of_scanners,
    "links": _numbers_of_links,
    "one link": _scanners_of_one_link,
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
