"""Reading .xlsx: cells are what a person sees, lines are the spreadsheet's, and no workbook ends the process."""

import time
import zipfile
from contextlib import suppress
from datetime import date
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.crm.import_rows import FileTooLong, Row, UnreadableFile
from chalicelib.crm.import_workbook import MAX_UNPACKED_BYTES, MAX_WORKBOOK_BYTES, read_workbook
from tests.unit.crm import workbooks
from tests.unit.crm.workbooks import DATE, DATE_AND_TIME, DURATION, FIVE_DIGITS, PERCENT, cell, sheet, workbook


def rows_of(body: bytes, name: str | None = None) -> list[Row]:
    return list(read_workbook(body, name).rows)


@pytest.mark.parametrize(
    ("xml", "seen"),
    [
        (cell("A1", 491711234567.0), "491711234567"),
        (cell("A1", 1.0), "1"),
        (cell("A1", 0.1 + 0.2), "0.3"),
        (cell("A1", 1e-7), "0.0000001"),
        (cell("A1", -2.5), "-2.5"),
        (cell("A1", 9007199254740991.0), "9007199254740991"),
        (cell("A1", 1067.0, FIVE_DIGITS), "01067"),
        (cell("A1", 0.25, PERCENT), "25%"),
        (cell("A1", 45000.0, DATE), "2023-03-15"),
        (cell("A1", 45000.5, DATE_AND_TIME), "2023-03-15 12:00"),
        (cell("A1", 1.5, DURATION), "36:00"),
        (cell("A1", True), "TRUE"),
        (cell("A1", " 01067 "), "01067"),
        (cell("A1", "=1+1"), "=1+1"),
        ('<c r="A1" t="str"><f>B1&amp;"!"</f><v>ready</v></c>', "ready"),
        ('<c r="A1" t="s"><v>0</v></c>', "rich text"),
    ],
)
def test_a_cell_is_the_text_that_a_person_sees(xml: str, seen: str) -> None:
    strings = "<si><r><t>rich</t></r><r><t xml:space='preserve'> text</t></r></si>"
    assert rows_of(workbook({"A": f'<row r="1">{xml}</row>'}, strings=strings)) == [(1, [seen])]


def test_parts_may_be_indented() -> None:
    xml = '\n<row r="1">\n <c r="A1" t="s">\n  <v>0</v>\n </c><c r="B1" t="e">\n<f>1/0</f><v>#DIV/0!</v>\n</c></row>\n'
    body = workbook({"A": xml}, strings="\n <si>\n  <t>a</t>\n </si>\n")
    assert rows_of(body) == [(1, ["a", "#DIV/0!"])]


def test_rows_and_cells_without_places_follow_each_other() -> None:
    row = f'<row><c s="{PERCENT}"><v>0.25</v></c><c t="e"><v>#N/A</v></c><c><f>A1</f></c><c><v>1</v></c></row>'
    cells = ["25%", "#N/A", "#GETTING_DATA", "1"]
    assert rows_of(workbook({"A": row * 2})) == [(1, cells), (2, cells)]


def test_a_workbook_may_lack_styles_and_shared_strings() -> None:
    body, left = BytesIO(workbook({"A": sheet([["a", 1.0]])})), BytesIO()
    with zipfile.ZipFile(body) as whole, zipfile.ZipFile(left, "w") as packed:
        for name in whole.namelist():
            if name not in ("xl/styles.xml", "xl/sharedStrings.xml"):
                packed.writestr(name, whole.read(name))
    assert rows_of(left.getvalue()) == [(1, ["a", "1"])]


def test_lines_are_the_spreadsheets_and_empty_rows_and_ends_are_left_out() -> None:
    rows: list[list[workbooks.Value]] = [["Title"], [], ["a", None, "b", "", None], [None, None]]
    assert rows_of(workbook({"A": sheet(rows) + '<row r="1048576"/>'})) == [(1, ["Title"]), (3, ["a", "", "b"])]


def test_an_error_of_the_spreadsheet_is_seen_as_it_is_in_the_cell() -> None:
    failed = '<c r="B2" t="e"><f>VLOOKUP(1,A:A,1)</f><v>#N/A</v></c>'
    rows = (
        f'<row r="2">{cell("A2", 1.0)}{failed}{cell("C2", 3.0)}</row>',
        f'<row r="3">{failed.replace("B2", "B3")}</row>',
    )
    xml = "".join(rows) + f'<row r="4">{cell("A4", 2.0)}</row><row r="5">{failed.replace("B2", "B5")}</row>'
    assert rows_of(workbook({"A": xml})) == [
        (2, ["1", "#N/A", "3"]),
        (3, ["", "#N/A"]),
        (4, ["2"]),
        (5, ["", "#N/A"]),
    ]


NOT_CALCULATED = {
    "no value": "<c r='B2'><f>A2</f></c>",
    "no text in the value": "<c r='B2'><f>A2</f><v></v></c>",
    "an empty element": "<c r='B2' t='n'><f t='shared' si='0'/><v/></c>",
}


@pytest.mark.parametrize("name", NOT_CALCULATED)
def test_a_formula_that_was_never_calculated_is_seen(name: str) -> None:
    """As programs write it that do not calculate: without its value an import would clear the lead's."""
    formula = NOT_CALCULATED[name]
    above = "".join(f"<row r='{row}'>{cell(f'A{row}', 1.0)}{formula.replace('B2', f'B{row}')}</row>" for row in (1, 2))
    below = f"<row r='4'>{formula.replace('B2', 'C4')}</row>"
    body = workbook({"A": above + below})
    rows = [(1, ["1", "#GETTING_DATA"]), (2, ["1", "#GETTING_DATA"]), (4, ["", "", "#GETTING_DATA"])]
    assert (rows_of(body), read_workbook(body).last_line) == (rows, 4)
    alone = workbook({"Formulas": below, "Other": sheet([["a"]])})
    assert (rows_of(alone), read_workbook(alone).sheets) == ([rows[2]], ["Formulas", "Other"])


def test_a_formula_whose_value_is_an_empty_text_is_empty() -> None:
    empty = '<row r="1"><c r="A1" t="str"><f>IF(1,"")</f><v></v></c><c r="B1"><f>1+1</f><v>2</v></c></row>'
    assert rows_of(workbook({"A": empty})) == [(1, ["", "2"])]


def test_a_cell_merged_over_rows_counts_in_each() -> None:
    body = workbook(
        {"A": sheet([["acme", "x"], [None, "y"], [None, "z"]])},
        after='<mergeCells><mergeCell ref="A1:A2"/></mergeCells>',
    )
    assert rows_of(body) == [(1, ["acme", "x"]), (2, ["acme", "y"]), (3, ["", "z"])]


def test_the_first_visible_sheet_is_read_unless_another_is_named() -> None:
    body = workbook({"Old": sheet([["old"]]), "Leads": sheet([["a"]]), "More": sheet([["b"]])}, hidden="Old")
    assert read_workbook(body).sheets == ["Leads", "More"]
    assert rows_of(body) == [(1, ["a"])]
    assert rows_of(body, "More") == [(1, ["b"])]
    failed = workbook({"Failed": '<row r="1"><c r="A1" t="e"><v>#N/A</v></c></row>', "Leads": sheet([["a"]])})
    assert rows_of(failed, "Leads") == [(1, ["a"])]
    with pytest.raises(UnreadableFile, match="It has Leads, More"):
        read_workbook(body, "Old")


def test_an_empty_sheet_in_front_of_the_table_is_passed_over() -> None:
    body = workbook({"Empty": '<row r="1"><c r="A1" s="1"/></row>', "Leads": sheet([["a"]]), "Last": ""})
    assert read_workbook(body).sheets == ["Leads", "Last"]
    assert rows_of(body) == rows_of(body, "Leads") == [(1, ["a"])]
    assert rows_of(workbook({"Empty": "", "Too": ""})) == []


FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
CELLS = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0<!-- --></v></c></row>' for row in range(1, 3001))
FAR_ROW = '<row r="1000000"><c r="A1"><v>1</v></c><c r="Z1"><v>1</v></c></row>'
ENTITY = '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
LONG = f"<si><t>{'x' * 32_000}</t></si>"
FAR_TEXT = f'<row r="1">{cell("A1", "x")}</row><row r="1048576">{cell("XFD1048576", "x")}</row>'
HOSTILE = {
    "two cells far apart": (workbook({"A": FAR}), "reaches to cell XFD1048576, too far"),
    "two texts far apart": (workbook({"A": FAR_TEXT}), "too far"),
    "cells without places": (workbook({"A": '<row r="1048576"/><row><c/><c><v>1</v></c></row>' + FAR}), "too far"),
    "a row that says another place": (workbook({"A": FAR_ROW}), "far"),
    "one long string in each cell": (workbook({"A": CELLS}, strings=LONG), "too much text"),
    "a zip bomb": (workbook({"A": " " * (MAX_UNPACKED_BYTES + 1)}), "64 MB"),
    "merged cells without end": (workbook({"A": sheet([["a"]])}, after='<mergeCell ref="A1:A2"/>' * 10_001), "merged"),
    "too many bytes": (b"PK" + b"x" * MAX_WORKBOOK_BYTES, "4.5 MB"),
    "entities": (workbook({"A": ""}, parts={"xl/styles.xml": ENTITY}), "not a readable"),
    "entities in the sheet": (
        workbook({"A": ""}, parts={"xl/worksheets/sheet1.xml": ENTITY}),
        "not a readable",
    ),
    "a place that is none": (workbook({"A": '<row r="1"><c r="?1"><v>1</v></c></row>'}), "not a readable"),
    "a place without end": (workbook({"A": f'<row r="1"><c r="{"A" * 2_000}1"><v>1</v></c></row>'}), "not a readable"),
    "a date before the calendar": (workbook({"A": f'<row r="1">{cell("A1", -1e12, DATE)}</row>'}), "damaged"),
    "a duration beyond all": (workbook({"A": f'<row r="1">{cell("A1", 1e12, DURATION)}</row>'}), "damaged"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(2000), "not a readable"),
    "a cut workbook": (workbook({"A": sheet([["a"]])})[:-200], "not a readable"),
    "another kind of zip": (workbook({}, parts={"xl/workbook.xml": "<a/>"}), "0 visible sheets"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_is_refused_and_the_process_lives(name: str) -> None:
    body, reason = HOSTILE[name]
    with pytest.raises((UnreadableFile, FileTooLong), match=reason):
        rows_of(body)


def test_a_number_format_without_end_takes_no_time() -> None:
    formats = f'<numFmts><numFmt numFmtId="200" formatCode="{"[" * 100_000}"/></numFmts>'
    styles = f'<styleSheet xmlns="{workbooks.MAIN}">{formats}</styleSheet>'
    started_at = time.process_time()
    assert rows_of(workbook({"A": sheet([["a"]])}, parts={"xl/styles.xml": styles})) == [(1, ["a"])]
    assert time.process_time() - started_at < 1


def test_sizes_in_the_zips_directory_need_not_be_true() -> None:
    body = bytearray(workbook({"A": " " * 1_000_000}))
    with zipfile.ZipFile(BytesIO(body)) as packed:
        honest = packed.getinfo("xl/worksheets/sheet1.xml").file_size
    for at in (i for i in range(len(body)) if body[i : i + 4] == honest.to_bytes(4, "little")):
        body[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises(UnreadableFile):
        read_workbook(bytes(body))


cells = st.one_of(
    st.none(),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=8
    ),
    st.integers(-(10**14), 10**14).map(float),
    st.dates(date(1901, 1, 1), date(2200, 1, 1)),
)


@settings(max_examples=60)
@given(st.lists(st.lists(cells, min_size=1, max_size=5), max_size=6))
def test_any_table_reads_back_as_its_texts(rows: list[list[workbooks.Value]]) -> None:
    def text(value: workbooks.Value) -> str:
        return "" if value is None else f"{value:.0f}" if isinstance(value, float) else str(value).strip()

    expected = []
    for number, row in enumerate(rows, start=1):
        texts = [text(value) for value in row]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            expected.append((number, texts))
    assert rows_of(workbook({"A": sheet(rows)})) == expected


@settings(max_examples=60)
@given(st.data())
def test_a_broken_workbook_is_refused_or_read(data: st.DataObject) -> None:
    body = bytearray(workbook({"A": sheet([["a", 1.0], ["b", 2.0]])}))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UnreadableFile, FileTooLong):
        rows_of(bytes(body))
