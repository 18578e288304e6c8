"""The template engine behind the merge tags that are more than a name: minijinja, kept on a short lead.

Bounded in time by the engine's fuel and in size by a meter on everything that values and loops write.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import minijinja

from .destinations import as_value
from .errors import RenderFailed
from .merge_tags import Tag, TagError
from .values import escape, for_templates, is_missing, shown

FUEL: Final = 100_000  # instructions of one template; a large hand-written mail needs a few thousand
MAX_OUTPUT: Final = 4_000_000  # characters that one template may write
MAX_RANGE: Final = 1_000

# (delivery id, link id, rendered destination, quoted) -> the href's value
LinkText = Callable[[str, str, str, bool], str]


class _Spent(Exception):
    """The template wrote more than MAX_OUTPUT."""


class TemplateEngine:
    """Templates of one campaign, compiled once. Threads may share it."""

    def __init__(self, link_text: LinkText) -> None:
        self._link_text = link_text
        self._state = threading.local()
        self._environment = _environment()
        self._environment.finalizer = self._finalize
        self._environment.add_global("_spend", self._spend)
        self._environment.add_filter("_link", self._link)
        self._names: dict[tuple[str, bool], str] = {}

    def add(self, source: str, *, html: bool) -> str:
        """Compile a template and answer its name."""
        name = self._names.setdefault((source, html), f"{len(self._names)}.{'html' if html else 'text'}")
        self._environment.add_template(name, source)
        return name

    def render(
        self,
        name: str,
        lead: Mapping[str, object],
        campaign: Mapping[str, object],
        delivery_id: str,
        unsubscribe_url: str,
    ) -> str:
        """Render one template. Raises RenderFailed when it runs away or fails."""
        self._state.written = 0
        self._state.delivery_id = delivery_id
        try:
            return self._environment.render_template(
                name,
                lead=_with_id(lead, "lead_id"),
                campaign=_with_id(campaign, "campaign_id"),
                unsubscribe_url=unsubscribe_url,
                _delivery=delivery_id,
            )
        except minijinja.TemplateError as error:
            if error.kind == "OutOfFuel":
                raise RenderFailed("the template takes too many steps", error.line) from None
            raise RenderFailed(f"the template fails: {error.kind}", error.line) from None
        except _Spent:
            raise RenderFailed("the template writes too much") from None

    def _finalize(self, value: object) -> str:
        text = shown(value)
        self._spend(len(text))
        return text

    def _spend(self, characters: int) -> str:
        self._state.written += characters
        if self._state.written > MAX_OUTPUT:
            raise _Spent
        return ""

    def _link(self, destination: str, link: str, quoted: bool) -> str:
        return minijinja.safe(self._link_text(self._state.delivery_id, link, str(destination), quoted))


def syntax_problem(source: str, tags: Sequence[Tag]) -> TagError | None:
    """What the engine finds wrong with the grammar of these tags, or None."""
    if not tags:
        return None
    try:
        _environment().add_template("check.html", one_a_line(spoken(tags)))
    except minijinja.TemplateError as error:
        tag = spoken(tags)[min((error.line or 1), len(spoken(tags))) - 1]
        return TagError(tag.start, error.detail or error.message)
    return None


def spoken(tags: Sequence[Tag]) -> list[Tag]:
    """The tags that say something to the engine: text between `raw` and `endraw` is text to it anyway."""
    return [tag for tag in tags if tag.word not in ("raw", "endraw")]


def one_a_line(tags: Sequence[Tag]) -> str:
    """A template of these tags alone, each on a line of its own: the text between them cannot be wrong."""
    lines = (f"{{{{ {tag.body} }}}}" if not tag.word else f"{{% {tag.body} %}}" for tag in tags)
    return "\n".join(re.sub(r"[\r\n]", " ", line) for line in lines)


def _environment() -> minijinja.Environment:
    return minijinja.Environment(
        fuel=FUEL,
        debug=False,
        pycompat=False,
        undefined_behavior="chainable",
        keep_trailing_newline=True,
        # Noncharacters: what looks like a template comment is somebody's CSS.
        comment_start_string="\ufdd0#",
        comment_end_string="#\ufdd0",
        auto_escape_callback=lambda name: name.endswith(".html"),
        globals={"range": _range},
        filters={
            "default": _default,
            "d": _default,
            "escape": _escape,
            "e": _escape,
            "join": _join,
            "replace": _replace,
            "string": shown,
            "urlencode": _urlencode,
            "_value": _value,
        },
    )


def _with_id(values: Mapping[str, object], key: str) -> dict[str, object]:
    prepared = {name: for_templates(value) for name, value in values.items() if value is not None}
    prepared["id"] = values.get(key)
    return prepared


def _default(value: Any, other: Any = "") -> Any:
    return other if is_missing(value) else value


def _escape(value: Any) -> str:
    return minijinja.safe(escape(shown(value)))


def _join(value: Any, separator: str = "") -> str:
    items = [shown(item) for item in value] if isinstance(value, list | tuple) else [shown(value)]
    if sum(map(len, items)) + len(separator) * len(items) > MAX_OUTPUT:
        raise _Spent
    return separator.join(items)


def _replace(value: Any, old: str, new: str) -> str:
    text = shown(value)
    if len(text) + text.count(old) * len(new) > MAX_OUTPUT // 40:
        raise _Spent
    return text.replace(old, new)


def _urlencode(value: Any) -> str:
    return quote(shown(value), safe="")


def _value(value: Any) -> str:
    return as_value(shown(value))


def _range(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    numbers = range(start) if stop is None else range(start, stop, step)
    if len(numbers) > MAX_RANGE:
        raise _Spent
    return list(numbers)
