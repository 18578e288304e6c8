"""Faults in the report of the links."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from chalicelib.content.compiled import CompiledContent, Link
from tests.unit.content.programs import Program


def _reported(program: Program, random: Random, change: Callable[[Link], Link | None]) -> CompiledContent | None:
    links = list(program.compiled.links)
    if not links:
        return None
    at = random.randrange(len(links))
    changed = change(links[at])
    links[at : at + 1] = [] if changed is None else [changed]
    return program.with_links(links)


def left_link_not_reported(program: Program, random: Random) -> CompiledContent | None:
    left = [link for link in program.compiled.links if not link.tracked]
    if not left:
        return None
    missing = random.choice(left)
    return program.with_links([link for link in program.compiled.links if link is not missing])


def tracked_link_not_reported(program: Program, random: Random) -> CompiledContent | None:
    tracked = [link for link in program.compiled.links if link.tracked]
    if not tracked:
        return None
    missing = random.choice(tracked)
    return program.with_links([link for link in program.compiled.links if link is not missing])


def reported_but_not_there(program: Program, random: Random) -> CompiledContent | None:
    number = str(len(program.compiled.links) + 1)
    more = random.choice(
        (
            Link(number, f"https://ghost.example/{number}", "Ghost", 1, 1, True),
            Link("", f"mailto:ghost{number}@shop.example", "Ghost", 1, 1, False, "mailto: links are not tracked"),
            Link(f"{number}m", f"https://ghost.example/{number}?{{{{ lead.id }}}}", "Ghost", 1, 1, True),
        )
    )
    links = list(program.compiled.links)
    links.insert(random.randint(0, len(links)), more)
    return program.with_links(links)


def reported_with_another_address(program: Program, random: Random) -> CompiledContent | None:
    return _reported(
        program, random, lambda link: replace(link, url=random.choice((f"{link.url}x", "https://x.example/")))
    )


def reported_with_another_id(program: Program, random: Random) -> CompiledContent | None:
    return _reported(program, random, lambda link: replace(link, link=f"{link.link}9") if link.tracked else link)


def reported_as_the_other(program: Program, random: Random) -> CompiledContent | None:
    return _reported(program, random, lambda link: replace(link, tracked=not link.tracked))
