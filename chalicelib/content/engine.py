"""The template engine behind the merge tags that are more than a name: minijinja, with little to reach and to spend.

All templates of a mail are one template to the engine, so that a delivery is one run on one budget: its fuel pays for
every step and for every 64 bytes that are made, copied or written (minijinja's Environment::set_fuel), and so bounds
time and memory. The values of templates have no attributes (values.py), and nothing can be called but what stands here.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote

import minijinja

from chalicelib.content.destinations import NO_LINK, as_value
from chalicelib.content.errors import RenderFailed
from chalicelib.content.values import MAX_OUTPUT, Closed, Fields, Items, escape, for_templates, is_missing, shown

FUEL: Final = 100_000  # of one delivery: 6.4 MB or as many steps; a large hand-written mail needs a few thousand
MAX_RANGE: Final = 1_000

# (delivery id, link id, rendered destination, quoted) -> the href's value
LinkText = Callable[[str, str, str, bool], str]

# The engine finds the outermost names as keys or attributes of a dict. With these keys, none of dict's methods.
_NO_METHODS: Final = dict.fromkeys(name for name in dir(dict) if not name.startswith("_"))
_JOINT, _COMMENT = token_hex(), token_hex()  # no text holds them, since nobody knows them
_BUILT_IN: Final = tuple(minijinja.Environment().globals)
_PANIC: Final = "PanicException"  # pyo3's, which cannot be imported, and is no Exception


class TemplateEngine:
    """All templates of one campaign's mail, compiled. Threads may share it."""

    def __init__(self, templates: Sequence[tuple[str, bool]], link_text: LinkText) -> None:
        """`templates`: the source of each, and whether it is HTML."""
        self._link_text = link_text
        self._state = threading.local()
        self._environment = _environment()
        self._environment.finalizer = shown
        self._environment.add_filter("_link", self._link)
        parts = (
            f"{{% autoescape true %}}{source}{{% endautoescape %}}" if html else source for source, html in templates
        )
        self._environment.add_template("mail", _JOINT.join(parts))

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> tuple[list[str], int]:
        """The text of each template for one delivery, in their order, and how many of their links lead nowhere.

        Raises RenderFailed, whatever goes wrong.
        """
        self._state.delivery_id, self._state.empty_links = delivery_id, 0
        try:
            rendered: str = self._environment.render_template(
                "mail",
                **_NO_METHODS,
                lead=_with_id(lead, "lead_id"),
                campaign=_with_id(campaign, "campaign_id"),
                unsubscribe_url=unsubscribe_url,
                _delivery=delivery_id,
            )
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
                raise
            raise _failure(error) from None
        return rendered.split(_JOINT), self._state.empty_links

    def _link(self, destination: str, link: str, quoted: bool) -> str:
        href = self._link_text(self._state.delivery_id, link, str(destination), quoted)
        self._state.empty_links += href in NO_LINK
        return minijinja.safe(href)


def syntax_error_in(template: str) -> tuple[int, str] | None:
    """The line and the reason of the first thing that the engine's grammar refuses. It computes constants."""
    try:
        _environment().add_template("check.html", template)
    except minijinja.TemplateError as error:
        return error.line or 1, error.detail or error.message
    return None


def _environment() -> minijinja.Environment:
    environment = minijinja.Environment(
        fuel=FUEL,
        debug=False,
        pycompat=False,
        undefined_behavior="chainable",
        keep_trailing_newline=True,
        # What looks like a template comment is somebody's CSS.
        comment_start_string=_COMMENT,
        comment_end_string=_COMMENT,
        filters={
            "default": _default,
            "d": _default,
            "escape": _escape,
            "e": _escape,
            "join": _join,
            "replace": _replace,
            "string": shown,
            "urlencode": lambda value: quote(shown(value), safe=""),
            "_factor": _factor,
            "_value": lambda value: as_value(shown(value)),
        },
        tests={"mapping": lambda value: isinstance(value, Mapping | Fields)},
    )
    for name in _BUILT_IN:
        environment.remove_global(name)
    environment.add_global("range", _range)
    environment.add_global("_spend", lambda characters: "")  # called by content compiled before fuel counted bytes
    return environment


def _failure(error: BaseException) -> RenderFailed:
    if not isinstance(error, minijinja.TemplateError):
        return RenderFailed.of(error)
    if error.kind == "OutOfFuel":
        return RenderFailed("the template takes too many steps or writes too much", error.line)
    return RenderFailed(f"the template fails: {error.kind}", error.line)


def _with_id(values: Mapping[str, object], key: str) -> object:
    return for_templates({**values, "id": values.get(key)})


def _default(value: Any, other: Any = "") -> object:
    return for_templates(other if is_missing(value) else value)


def _escape(value: Any) -> str:
    return minijinja.safe(escape(shown(value)))


def _join(value: Any, separator: str = "") -> str:
    items = [shown(item) for item in value] if isinstance(value, list | tuple | Items) else [shown(value)]
    if sum(map(len, items)) + len(separator) * len(items) > MAX_OUTPUT:
        raise RenderFailed("the template writes too much")
    return separator.join(items)


def _replace(value: Any, old: str, new: str) -> str:
    text = shown(value)
    if len(text) + text.count(old) * len(new) > MAX_OUTPUT // 40:
        raise RenderFailed("the template writes too much")
    return text.replace(old, new)


def _factor(value: Any) -> Any:
    """An operand of `*`: no list, for the engine charges nothing for a list times a number, however long."""
    if isinstance(value, list | tuple | Closed):
        raise RenderFailed("the template multiplies a list")
    return value


def _range(start: int, stop: int | None = None, step: int = 1) -> Items:
    numbers = range(start) if stop is None else range(start, stop, step)
    if len(numbers) > MAX_RANGE:
        raise RenderFailed(f"the template asks for a range of more than {MAX_RANGE:,} numbers")
    return Items(tuple(numbers))
