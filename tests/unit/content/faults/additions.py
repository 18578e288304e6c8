"""Faults in what is added: the pixel and the footer."""

import re
from random import Random

from chalicelib.content.compiled import CompiledContent
from tests.unit.content.programs import CLOSE, ID, LEAVE, OPEN, Program, one_of, replaced_at, spliced

_PIXEL = rf'<img src="[^"]*/t/o/{ID}\.gif"[^>]*>'
_FOOTER = rf'<p style="margin:24px[^>]*><a [^>]*href="{LEAVE}">Unsubscribe</a></p>'


def _moved(program: Program, added: re.Match[str] | None, place: re.Match[str] | None) -> CompiledContent | None:
    """The text with an addition taken to the end of another place."""
    if added is None or place is None or added.start() < place.end() <= added.end():
        return None
    first, second = sorted((added.span(), (place.end(), place.end())), reverse=True)
    text = program.text
    for span in (first, second):
        text = spliced(text, *span, "" if span == added.span() else added[0])
    return program.with_text(text)


def pixel_missing(program: Program, random: Random) -> CompiledContent | None:
    return replaced_at(program, one_of(random, _PIXEL, program.text))


def pixel_twice(program: Program, random: Random) -> CompiledContent | None:
    pixel, place = one_of(random, _PIXEL, program.text), one_of(random, r"</(?:p|td|li|a)>|<br/>", program.text)
    at = place.end() if place and random.random() < 0.5 else pixel.end() if pixel else 0
    return pixel and program.with_text(spliced(program.text, at, at, pixel[0]))


def pixel_hidden(program: Program, random: Random) -> CompiledContent | None:
    hiding = r"<(?:head|title|style|select|option|svg|g|template|noscript|textarea|script|video|!--)(?![\w\[])[^>-]*>?"
    return _moved(program, one_of(random, _PIXEL, program.text), one_of(random, hiding, program.text))


def pixel_altered(program: Program, random: Random) -> CompiledContent | None:
    pixel = one_of(random, _PIXEL, program.text)
    forms = (
        (ID, ""),
        (ID, "x"),
        ("/t/o/", "/t/c/"),
        (".gif", ".png"),
        ("//", "//x."),
        ("<img", "<image"),
        ("src=", "alt="),
    )
    if pixel is None:
        return None
    old, new = random.choice(forms)
    return replaced_at(program, pixel, pixel[0].replace(old, new, 1))


def addition_in_a_branch(program: Program, random: Random) -> CompiledContent | None:
    added = one_of(random, random.choice((_PIXEL, _FOOTER)), program.text)
    condition = random.choice(("lead.first_name", "false"))
    return added and replaced_at(program, added, f"{OPEN}{{% if {condition} %}}{added[0]}{{% endif %}}{CLOSE}")


def addition_out_of_sight(program: Program, random: Random) -> CompiledContent | None:
    added = one_of(random, random.choice((_PIXEL, _FOOTER)), program.text)
    around = random.choice(
        (
            "<!--{}-->", "<!-- {}", "<template>{}</template>", "<style>{}</style>", "<select>{}</select>", "<title>{}",
            "<svg>{}</svg>", "<noscript>{}</noscript>", "<div hidden>{}</div>", '<div style="display:none">{}</div>',
            "<!--[if mso]>{}<![endif]-->", "<textarea>{}", '<a title="{}', "<iframe>{}</iframe>", "<object>{}</object>",
        )
    )  # fmt: skip
    return added and replaced_at(program, added, around.replace("{}", added[0]))


def footer_missing(program: Program, random: Random) -> CompiledContent | None:
    return replaced_at(program, one_of(random, _FOOTER, program.text))


def footer_twice(program: Program, random: Random) -> CompiledContent | None:
    footer = one_of(random, _FOOTER, program.text)
    return footer and program.with_text(spliced(program.text, footer.end(), footer.end(), footer[0]))


def footer_misplaced(program: Program, random: Random) -> CompiledContent | None:
    places = r"<a\b[^>]*>|<(?:head|title|style|select|svg|template|noscript|textarea|p|table)\b[^>]*>"
    return _moved(program, one_of(random, _FOOTER, program.text), one_of(random, places, program.text))


def footer_altered(program: Program, random: Random) -> CompiledContent | None:
    footer = one_of(random, _FOOTER, program.text)
    forms = (
        (LEAVE, "https://shop.example/leave"),
        (LEAVE, ""),
        ("Unsubscribe<", "<"),
        ("font:12px", "display:none;font:0"),
    )
    return footer and replaced_at(program, footer, footer[0].replace(*random.choice(forms), 1))
