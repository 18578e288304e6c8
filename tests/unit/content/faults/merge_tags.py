"""Faults in merge tags: values and statements."""

import re
from dataclasses import replace
from random import Random

from chalicelib.content.compiled import CompiledContent, FieldSlot
from tests.unit.content.programs import CLOSE, OPEN, Program, group_replaced, one_of, replaced_at

_STATEMENT = rf"{OPEN}[^{CLOSE}]*?{CLOSE}"


def value_lost(program: Program, random: Random) -> CompiledContent | None:
    return replaced_at(program, one_of(random, r"[\U000f0000-\U000fffff]|\{\{\s+lead[^{}]*\}\}", program.text))


def value_moved(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(
        random, r"([\U000f0000-\U000fffff])(\w|[ ,]+\w|<[^>]*>)|(\w[ ,]*)([\U000f0000-\U000fffff])", program.text
    )
    if match is None:
        return None
    one, other = match.group(1, 2) if match[1] else match.group(3, 4)
    return replaced_at(program, match, other + one)


def value_altered(program: Program, random: Random) -> CompiledContent | None:
    fields = [slot for slot in program.slots if isinstance(slot, FieldSlot)]
    if not fields:
        return None
    slot = random.choice(fields)
    forms = (
        replace(slot, root="campaign" if slot.root == "lead" else "lead"),
        replace(slot, name="email"),
        replace(slot, name="fields", field="other"),
        *(other for other in fields if other != slot),
    )
    return program.replaced(slot, random.choice(forms))


def default_changed(program: Program, random: Random) -> CompiledContent | None:
    fields = [slot for slot in program.slots if isinstance(slot, FieldSlot)]
    if not fields:
        return None
    slot = random.choice(fields)
    other = random.choice(("default", "", " "))
    return program.replaced(
        slot, replace(slot, default=other if slot.default is None else random.choice((None, other)))
    )


def expression_changed(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, r"\{\{\s[^{}]*?(\s*\|\s*\w+|lead\.[\w.]+)[^{}]*\}\}", program.text)
    return match and group_replaced(program, match, "" if "|" in match[1] else "lead.email")


def statement_lost(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, _STATEMENT, program.text)
    if match is None:
        return None
    rest = re.sub(r"\{%.*?%\}", "", match[0]) if random.random() < 0.7 else ""
    return replaced_at(program, match, rest)


def statement_moved(program: Program, random: Random) -> CompiledContent | None:
    forms = (
        rf"({OPEN}\{{%\s+(?:if|for)[^%]*%\}})([^{{}}])",
        rf"(\{{%\s+end(?:if|for)\s+%\}}{CLOSE})([^{OPEN}])",
        r"([^{}])(\{%\s+else\s+%\})",
    )
    match = one_of(random, random.choice(forms), program.text)
    return match and replaced_at(program, match, match[2] + match[1])


def condition_changed(program: Program, random: Random) -> CompiledContent | None:
    match = one_of(random, r"\{%\s+(?:if|elif) ([^%]*?)\s+%\}", program.text)
    if match is None:
        return None
    return group_replaced(program, match, random.choice((f"not ({match[1]})", "true", "false", "lead.email")))


def branches_change_places(program: Program, random: Random) -> CompiledContent | None:
    pattern = r"(\{%\s+if [^%]*%\})((?:(?!\{%).)*)(\{%\s+else\s+%\})((?:(?!\{%).)*)(\{%\s+endif\s+%\})"
    match = one_of(random, pattern, program.text)
    return match and replaced_at(program, match, match[1] + match[4] + match[3] + match[2] + match[5])
