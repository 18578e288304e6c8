"""Faults in links: what is tracked, where it leads, how it is signed."""

import html
import re
from dataclasses import replace
from random import Random

from chalicelib.content.compiled import CompiledContent, LinkSlot, Segments
from chalicelib.content.values import escape_attribute
from tests.unit.content.programs import ID, LEAVE, Click, Program, changed_click, group_replaced, one_of, spliced


def link_not_tracked(program: Program, random: Random) -> CompiledContent | None:
    return changed_click(program, random, lambda click: escape_attribute(click.destination, quoted=False))


def link_for_outlook_not_tracked(program: Program, random: Random) -> CompiledContent | None:
    comments = [match.span() for match in re.finditer(r"<!--\[if.*?-->", program.text, re.DOTALL)]
    inside = [click for click in program.clicks if any(start < click.start < end for start, end in comments)]
    if not inside:
        return None
    click = random.choice(inside)
    written = escape_attribute(click.destination, quoted=False)
    return program.with_text(spliced(program.text, click.start, click.end, written))


def wrong_destination(program: Program, random: Random) -> CompiledContent | None:
    def other(destination: str) -> str:
        forms = (
            f"{destination}x",
            destination[:-1],
            "https://elsewhere.example/",
            destination.replace("//", "//x.", 1),
        )
        return random.choice(forms)

    return changed_click(program, random, lambda click: program.click_url(click.link, other(click.destination)))


def destinations_change_places(program: Program, random: Random) -> CompiledContent | None:
    if len(program.clicks) < 2:
        return None
    one, other = sorted(random.sample(program.clicks, 2), key=lambda click: click.start)
    text = spliced(program.text, other.start, other.end, program.click_url(other.link, one.destination))
    return program.with_text(spliced(text, one.start, one.end, program.click_url(one.link, other.destination)))


def ids_change_places(program: Program, random: Random) -> CompiledContent | None:
    if len(program.clicks) < 2:
        return None
    one, other = sorted(random.sample(program.clicks, 2), key=lambda click: click.start)
    text = spliced(program.text, other.start, other.end, program.click_url(one.link, other.destination))
    return program.with_text(spliced(text, one.start, one.end, program.click_url(other.link, one.destination)))


def wrong_id(program: Program, random: Random) -> CompiledContent | None:
    link = random.choice(("1", "99", "0", "1m", ""))

    def renumbered(click: Click) -> str:
        return program.click_url(f"{link}0" if click.link == link else link, click.destination)

    return changed_click(program, random, renumbered)


def wrong_signature(program: Program, random: Random) -> CompiledContent | None:
    def resigned(click: Click) -> str:
        signature = random.choice((click.signature[:-1], f"{click.signature}x", program.tracking.sign("0", "x"), ""))
        signed = program.click_url(click.link, click.destination, signature)
        return signed if signature or random.random() < 0.5 else signed.removesuffix("&amp;s=")

    return changed_click(program, random, resigned)


def another_host(program: Program, random: Random) -> CompiledContent | None:
    base = program.tracking.base_url
    other = random.choice(
        ("https://other.example", base.replace("https", "http"), f"{base}:444", f"{base}.evil.example")
    )
    if random.random() < 0.2:
        return replace(program.compiled, base_url=other) if LEAVE in program.text else None
    return changed_click(
        program, random, lambda click: program.click_url(click.link, click.destination).replace(base, other, 1)
    )


def another_path(program: Program, random: Random) -> CompiledContent | None:
    other = random.choice(("/t/o/", "/t/u/", "/c/", "/t/c//"))
    return changed_click(
        program, random, lambda click: program.click_url(click.link, click.destination).replace("/t/c/", other, 1)
    )


def delivery_lost(program: Program, random: Random) -> CompiledContent | None:
    other = random.choice(("", "D", "A" * 48, ID + ID, LEAVE))
    return changed_click(
        program, random, lambda click: program.click_url(click.link, click.destination).replace(ID, other, 1)
    )


def utm_lost_or_doubled(program: Program, random: Random) -> CompiledContent | None:
    utm = r"[?&]utm_(?:source|medium|campaign)=(?:news|spring%20sale|e-mail)"
    clicks = [click for click in program.clicks if re.search(utm, click.destination)]
    if not clicks or not program.source.utm:
        return None
    if random.random() < 0.1 and any(isinstance(slot, LinkSlot) for slot in program.slots):
        return replace(program.compiled, utm=())
    click = random.choice(clicks)
    times = random.choice((0, 2))
    changed = re.sub(utm, lambda match: match[0] * times, click.destination)
    return program.with_text(spliced(program.text, click.start, click.end, program.click_url(click.link, changed)))


def tracked_though_left(program: Program, random: Random) -> CompiledContent | None:
    left = r"""<a\b[^<>]*\bhref=["']?((?:mailto:|tel:|sms:|#|page|https://left\.)[^"'<>\s\ue000-\uf8ff{}]*|\ue001)"""
    match = one_of(random, left, program.text)
    if match is None:
        return None
    link = random.choice((str(len(program.clicks) + 1), program.clicks[0].link if program.clicks else "1"))
    destination = "https://leave.example/" if match[1] == LEAVE else html.unescape(match[1])
    return group_replaced(program, match, program.click_url(link, destination))


def link_with_values_altered(program: Program, random: Random) -> CompiledContent | None:
    slots = [slot for slot in program.slots if isinstance(slot, LinkSlot)]
    if not slots:
        return None
    slot = random.choice(slots)
    texts = slot.destination.texts
    forms: list[LinkSlot] = [
        replace(slot, destination=Segments((f"{texts[0]}x", *texts[1:]), slot.destination.slots)),
        replace(slot, destination=Segments((*texts[:-1], f"{texts[-1]}x"), slot.destination.slots)),
        replace(slot, destination=Segments((texts[0],), ())),
        replace(slot, quoted=not slot.quoted),
        replace(slot, link="" if slot.link else "7m"),
        replace(slot, link=f"{slot.link}9"),
        *(replace(slot, destination=other.destination) for other in slots if other.destination != slot.destination),
        *(replace(slot, link=other.link) for other in slots if other.link != slot.link),
    ]
    return program.replaced(slot, random.choice(forms))
