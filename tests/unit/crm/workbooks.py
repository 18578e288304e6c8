"""Writes .xlsx workbooks for tests: minimal ones, and ones that no spreadsheet program would write."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape

from chalicelib.crm.import_sheet import column_letters

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
GENERAL, DATE, DATE_AND_TIME, PERCENT, FIVE_DIGITS, DURATION = range(6)
"""Styles of cells."""
STYLES = f"""<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="[$-407]00000"/></numFmts>
<cellXfs count="6"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="9"/><xf numFmtId="164"/>
<xf numFmtId="46"/></cellXfs></styleSheet>"""

Value = str | float | bool | date | None


def sheet(rows: Sequence[Sequence[Value]]) -> str:
    """A sheet's XML; empty cells are left out."""
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = [
            cell(f"{column_letters(at)}{number}", value) for at, value in enumerate(row) if value not in (None, "")
        ]
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return "".join(lines)


def cell(place: str, value: Value, style: int = GENERAL) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="{DATE}"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    return f'<c r="{place}" s="{style}"><v>{value!r}</v></c>'


def _state(is_hidden: bool) -> str:
    return "hidden" if is_hidden else "visible"


def workbook(
    sheets: Mapping[str, str],
    *,
    after: str = "",
    strings: str = "",
    hidden: str = "",
    parts: Mapping[str, str] | None = None,
) -> bytes:
    """A workbook of sheets' XML by names. `after`: what follows each one's rows; `parts` are added or replaced."""
    names = list(sheets)
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="a" Target="xl/workbook.xml" '
        f'Type="{LINKS}/officeDocument"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>'
        + "".join(
            f'<sheet name="{escape(name)}" sheetId="{at}" r:id="s{at}" state="{_state(name == hidden)}"/>'
            for at, name in enumerate(names, start=1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="s{at}" Type="{LINKS}/worksheet" Target="worksheets/sheet{at}.xml"/>'
            for at in range(1, len(names) + 1)
        )
        + f'<Relationship Id="t" Type="{LINKS}/styles" Target="styles.xml"/>'
        + f'<Relationship Id="u" Type="{LINKS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
    }
    for at, rows in enumerate(sheets.values(), start=1):
        files[f"xl/worksheets/sheet{at}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{after}</worksheet>'
        )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in (files | dict(parts or {})).items():
            packed.writestr(name, content)
    return written.getvalue()
