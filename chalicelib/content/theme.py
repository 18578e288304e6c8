"""What a mail written in Markdown looks like: MJML around the author's text (theme.mjml), in the workspace's theme.

What people wrote goes in as stand-ins alone; the theme's own values were checked when it was saved. Colours are chosen
so that they also survive the inversion that some clients make of them in the dark; those that honour `color-scheme` get
dark colours of our own.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from chalicelib.content.compiler import UNSUBSCRIBE_WORDS
from chalicelib.content.pieces import Piece
from chalicelib.content.source_map import StandIns
from chalicelib.model.workspace import FONTS, Language, Workspace

MONOSPACE: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Courier New', monospace"
LINE: Final = "#e3e6ea"
_MUTED = "#5f6673"
_NO_NAME: Mapping[Language, str] = {Language.EN: "Email", Language.DE: "E-Mail"}
_FRAME = Template("".join(map(str.strip, Path(__file__).with_name("theme.mjml").read_text("utf-8").splitlines())))


class ElementStyles:
    """Styles of the elements that Markdown knows, each for the attribute `style`."""

    def __init__(self, workspace: Workspace) -> None:
        theme = workspace.theme
        self._heading = f"font-weight:700;color:{theme.text}"
        self.paragraph = "margin:0 0 16px"
        self.tight = "margin:0"
        self.list = "margin:0 0 16px 24px;padding:0"
        self.inner_list = "margin:8px 0 8px 24px;padding:0"
        self.rtl = ";text-align:right"
        self.rtl_list = ";margin-left:0;margin-right:24px;text-align:right"
        self.item = "margin:0 0 8px;padding:0 0 0 4px"
        self.link = f"color:{theme.accent};text-decoration:underline"
        self.image = "max-width:100%;height:auto;border:0;vertical-align:middle"
        self.code = f"font-family:{MONOSPACE};font-size:14px;background-color:#eef0f3;border-radius:4px;padding:2px 5px"
        self.pre = (
            f"margin:0 0 16px;padding:14px 16px;font-family:{MONOSPACE};font-size:14px;line-height:22px;"
            "background-color:#f3f4f6;border-radius:6px;white-space:pre-wrap;word-break:break-word"
        )
        self.table = "margin:0 0 24px;font-size:15px;line-height:24px"
        self.rule = f"border:0;border-top:1px solid {LINE};margin:16px 0"
        self.quote = f"border-left:3px solid {theme.accent};padding:2px 0 2px 18px"
        self.rtl_quote = f"border-right:3px solid {theme.accent};padding:2px 18px 2px 0"
        cell = f"border-bottom:1px solid {LINE};vertical-align:top;word-break:normal"
        self.cell = f"padding:8px 12px 8px 0;{cell}"
        self.rtl_cell = f"padding:8px 0 8px 12px;{cell}"

    def heading(self, level: int, *, is_first: bool) -> str:
        """`is_first`: no space is needed above it."""
        above, below, form = {
            1: (32, 20, "font-size:28px;line-height:36px;letter-spacing:-0.4px"),
            2: (32, 12, "font-size:20px;line-height:28px;letter-spacing:-0.2px"),
        }.get(level, (24, 8, "font-size:17px;line-height:26px"))
        return f"margin:{0 if is_first else above}px 0 {below}px;{self._heading};{form}"


def framed(components: str, workspace: Workspace, stand_ins: StandIns, *, with_unsubscribe_link: bool) -> str:
    """The MJML of a whole mail around these components, with logo and footer."""
    theme, name = workspace.theme, _literal(workspace.name, stand_ins)
    return _FRAME.substitute(
        language=workspace.language,
        title=name or _NO_NAME[workspace.language],
        font=FONTS[theme.font],
        text=theme.text,
        accent=theme.accent,
        accent_in_the_dark=_lightened(theme.accent),
        muted=_MUTED,
        line=LINE,
        width=theme.width,
        logo=_logo(_literal(theme.logo_url or "", stand_ins), name),
        components=components,
        footer=_footer(workspace, stand_ins, with_unsubscribe_link),
    )


def _literal(text: str, stand_ins: StandIns) -> str:
    """A stand-in: the compiler would change the text in some places, and it may look like a stand-in itself."""
    return text and stand_ins.add(Piece(escape(text)))


def _logo(url: str, name: str) -> str:
    if not url:
        bold = f'<strong style="font-size:15px">{name}</strong>'
        return name and f'<mj-text css-class="lf-text" padding="0 40px 28px" line-height="20px">{bold}</mj-text>'
    # Only the height is given: then Outlook, too, keeps the proportions of the logo.
    image = (
        f'<img src="{url}" alt="{name}" height="36" '
        'style="height:36px;width:auto;max-width:100%;border:0;display:block;font-size:16px;font-weight:bold" />'
    )
    return f'<mj-text css-class="lf-text lf-logo" padding="0 40px 32px" line-height="36px">{image}</mj-text>'


def _footer(workspace: Workspace, stand_ins: StandIns, with_unsubscribe_link: bool) -> str:
    lines = [_literal(line, stand_ins) for line in (workspace.postal_address or "").split("\n") if line.strip()]
    if with_unsubscribe_link:
        word = UNSUBSCRIBE_WORDS[workspace.language]
        lines.append(f'<a href="{{{{ unsubscribe_url }}}}" style="color:{_MUTED};text-decoration:underline">{word}</a>')
    if not lines:
        return ""
    text = "<br />".join(lines)
    return (
        '<mj-section padding="24px 0 0"><mj-column><mj-text css-class="lf-text lf-footer" align="center" '
        f'color="{_MUTED}" font-size="13px" line-height="20px">{text}</mj-text></mj-column></mj-section>'
    )


def _lightened(colour: str) -> str:
    """The colour, light enough for text on the dark card: three fifths white, so even black has a contrast of 5.8."""
    return "#" + "".join(f"{(2 * int(colour[at : at + 2], 16) + 3 * 255) // 5:02x}" for at in (1, 3, 5))
