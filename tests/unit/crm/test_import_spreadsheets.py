"""Files as spreadsheet programs write them: what inspecting finds, and what a mapping makes of their lines."""

import csv
import io
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.crm.import_columns import columns_by_mapping, find_header
from chalicelib.crm.import_files import ImportFile, Layout, checked_defaults, read_file
from chalicelib.crm.import_inspect import SAMPLE_BYTES, Inspection, inspect
from chalicelib.crm.import_rows import FileTooLong, UnreadableFile
from chalicelib.crm.import_text import Delimiter, Encoding, decoded, find_encoding, text_rows
from chalicelib.crm.lead_input import InvalidLead, LeadInput
from tests.unit.crm.workbooks import sheet, workbook

GERMAN = (
    "E-Mail;Vorname;Nachname;Firma;Status;Schlagwörter\r\n"
    "juergen@messe.example;Jürgen;Groß;Grün & Söhne;Neu;Messe, VIP\r\n"
    "zoe@messe.example;Zoë;Kößler;Bäckerei;Kontakt;\r\n"
)
MAPPING = {"E-Mail": "email", "Vorname": "first_name", "Nachname": "last_name", "Firma": "Firma", "Status": "stage"}
TAGS = {"Schlagwörter": "tags"}
ACME = LeadInput(entity="acme")
FAIR = LeadInput(entity="acme", stage="New", tags=("fair",))


def found(body: bytes, header: int | None = None) -> Inspection:
    return inspect(body, body.startswith(b"PK"), Layout(), header)


def suggested(inspection: Inspection) -> dict[str, str]:
    return {column.name: column.suggested for column in inspection.columns}


def read(body: bytes, mapping: dict[str, str], defaults: LeadInput = ACME, **layout: Any) -> ImportFile:
    kind = "workbook" if body.startswith(b"PK") else "csv"
    return read_file(body, kind, layout=Layout(mapping, **layout), defaults=defaults)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "windows-1252", "macintosh", "cp850", "utf-16", "utf-16-be"]
)
@pytest.mark.parametrize("delimiter", get_args(Delimiter))
def test_a_german_spreadsheet_is_understood_however_it_was_saved(encoding: str, delimiter: Delimiter) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(csv.reader(io.StringIO(GERMAN), delimiter=";"))
    inspection = found(text.getvalue().encode(encoding))
    assert (inspection.delimiter, inspection.header) == (delimiter, 1)
    assert suggested(inspection) == MAPPING | TAGS
    assert inspection.columns[1].samples == ["Jürgen", "Zoë"]


def test_lines_without_any_delimiter_do_not_decide_about_it() -> None:
    assert found(b"Customers\nof all shops\nby name\nE-mail;Name\na@b.example;Ann\n").delimiter == ";"


@pytest.mark.parametrize("form", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
def test_excels_own_first_line_names_the_delimiter_and_is_counted(form: str) -> None:
    body = (form + GERMAN).encode("windows-1252")
    assert (found(body).delimiter, found(body).header) == (";", 2)
    assert [number for number, _ in text_rows(form + GERMAN)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("windows-1250", "E-mail;Imię\na@b.pl;Michał\nb@b.pl;Żaneta Wójcik\nc@d.pl;Święcicki\n"),
        ("windows-1251", "E-mail;Имя\na@b.ru;Иван Иванов\nb@b.ru;Мария Петрова\n"),
        ("shift_jis", "メール;名\na@b.jp;太郎\nb@b.jp;花子\n"),
        ("windows-1252", "Email;Betrag\na@b.de;12 €\nb@c.fr;“Zoë”\n"),
    ],
)
def test_encodings_of_other_scripts_are_told_by_their_letters(encoding: str, text: str) -> None:
    assert find_encoding(text.encode(encoding)) == encoding


def test_a_few_foreign_lines_in_a_utf_8_file_are_errors_and_the_others_are_read() -> None:
    lines = [f"p{number}@a.example,Jürgen Groß\n" for number in range(20)]
    body = b"email,first_name\n" + "".join(lines).encode() + "q@a.example,Müller\n".encode("windows-1252")
    assert found(body).encoding == "utf-8"
    file = read(body, {"email": "email", "first_name": "first_name"}, encoding="utf-8", delimiter=",")
    assert len(file.lines) == 20
    assert [(error.line, error.reason) for error in file.errors] == [
        (22, "has characters that cannot be read in the file's encoding")
    ]


def test_text_after_a_closing_quote_is_an_error_of_its_line() -> None:
    rows = [["a", "b"], ['"c" d', "e"], ["f", "g"]]
    (number, unread), last = list(text_rows("\n".join(map(",".join, rows))))[1:]
    assert (number, getattr(unread, "reason", None)) == (2, "has text after a closing quote")
    assert last == (3, ["f", "g"])


@pytest.mark.parametrize("body", [b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, b"\xd0\xcf\x11\xe0" + bytes(500)])
def test_what_is_no_text_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableFile, match="not a text file"):
        found(body)


@pytest.mark.parametrize("body", [b"", b"\n\n", b";;\n;;\n", workbook({"A": ""})])
def test_a_file_without_a_table_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableFile, match="no table"):
        found(body)


TITLE = "Customers 2026;;\nAs of;March;\n;;\n"


def test_a_header_is_found_below_a_title_and_lines_keep_their_numbers() -> None:
    body = (TITLE + "E-Mail;First name;City\na@a.example;Ann;Rome\nbad;Bob;\nEnd of list;;\n").encode()
    inspection = found(body)
    assert inspection.header == 4
    file = read(body, suggested(inspection), header=4, delimiter=";")
    assert [line.number for line in file.lines] == [5]
    assert [(error.line, error.field) for error in file.errors] == [(6, "email"), (7, "email")]
    assert file.cells[6] == ["bad", "Bob", ""]


def test_a_file_without_a_header_has_columns_by_letter_and_is_told_by_its_addresses() -> None:
    body = b"a@a.example,Ann,1\nb@a.example,Bob,2\n"
    inspection = found(body)
    assert (inspection.header, suggested(inspection)) == (
        0,
        {"Column A": "email", "Column B": "Column B", "Column C": "Column C"},
    )
    file = read(body, {"Column A": "email", "Column B": "first_name"}, header=0)
    assert [line.given["first_name"] for line in file.lines] == ["Ann", "Bob"]
    assert [line.number for line in file.lines] == [1, 2]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["First Name", "Surname", "Email address", "Company"], ["first_name", "last_name", "email", "Company"]),
        (["Vorname", "Name", "E-Mail-Adresse", "Kundennr."], ["first_name", "last_name", "email", "external_id"]),
        (["Name", "E-Mail", "E-Mail", "unsubscribed"], ["Name", "email", "E-Mail (2)", "ignore"]),
        (["Contact", "x" * 65, ""], ["email", "x" * 64, "Column C"]),
        (["Phase", "Geschäftsbereich", "Labels", "Created_At"], ["stage", "entity", "tags", "ignore"]),
    ],
)  # fmt: skip
def test_columns_are_suggested_in_english_and_german(header: list[str], expected: list[str]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, ["a@b.example" if name == "Contact" else "x" for name in header]])
    assert [column.suggested for column in found(text.getvalue().encode(), header=1).columns] == expected


def test_the_same_name_twice_makes_two_columns() -> None:
    body = b"email,phone,phone,\na@a.example,1,2,3\n"
    assert list(suggested(found(body))) == ["email", "phone", "phone (2)", "Column D"]
    (line,) = read(body, {"email": "email", "phone (2)": "mobile"}).lines
    assert line.given == {"entity": "acme", "email": "a@a.example", "fields": {"mobile": "2"}}


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"Nope": "email"}, "Nope is mapped, but is not in the file"),
        ({"a": "email", "b": "email"}, "a goes to email, and so does another"),
        ({"a": "unsubscribed"}, "cannot go to unsubscribed"),
        ({"a": "x" * 65}, "1 to 64"),
        ({"a": " "}, "1 to 64"),
        ({"a": "two\nlines"}, "1 to 64"),
    ],
)
def test_a_mapping_that_does_not_fit_refuses_the_file(mapping: dict[str, str], reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        columns_by_mapping(["a", "b"], mapping)


def test_lines_of_a_mapped_file_may_be_short_but_not_too_long() -> None:
    body = b"email,city,note\na@a.example\nb@a.example,Rome,,,\nSmith, John,b@a.example,x\n"
    file = read(body, {"email": "email", "city": "city"})
    assert [line.given.get("fields") for line in file.lines] == [{"city": None}, {"city": "Rome"}]
    assert [(error.line, error.reason) for error in file.errors] == [
        (4, "has values beyond the 3 columns of the header")
    ]


def test_an_exports_apostrophe_before_a_formula_is_not_part_of_the_value() -> None:
    body = b"email,phone,name,Import error\na@a.example,'+49 171,'=1+1,x\nb@a.example,'n Abend,O'Hara,y\n"
    assert suggested(found(body))["Import error"] == "ignore"
    lines = read(body, {"email": "email", "phone": "phone", "name": "name"}).lines
    assert [line.given["fields"] for line in lines] == [
        {"phone": "+49 171", "name": "=1+1"},
        {"phone": "'n Abend", "name": "O'Hara"},
    ]


def test_an_exports_apostrophe_before_a_formula_is_not_part_of_a_columns_name() -> None:
    body = b"email,entity,stage,'=plan\na@a.example,acme,New,Gold\n"
    mapped = read(body, suggested(found(body)))
    for file in (mapped, read_file(body, "csv")):
        assert [line.given["fields"] for line in file.lines] == [{"=plan": "Gold"}]


def test_a_note_below_the_table_is_no_lead() -> None:
    body = b"email,city,x\n,Rome,\n,,only an ignored column\n,,\n"
    file = read(body, {"email": "email", "city": "city"})
    assert file.lines == []
    assert [(error.line, error.reason.partition(":")[0]) for error in file.errors] == [
        (2, "has a single value and no address")
    ]


def test_defaults_fill_what_a_line_does_not_say() -> None:
    body = b'email,stage,tags,entity\na@a.example,,,\nb@a.example,Hot,"x, y",other\n'
    file = read(body, {name: name for name in ("email", "stage", "tags", "entity")}, FAIR)
    empty, full = (line.given for line in file.lines)
    assert empty == {"email": "a@a.example", "entity": "acme", "fields": {}}
    assert (full["entity"], full["stage"], full["tags"]) == ("other", "Hot", ("x", "y"))
    with pytest.raises(InvalidLead) as refused:
        checked_defaults({"entity": "a#b", "stage": "x" * 65, "tags": ["a;b"]})
    assert [fault.field for fault in refused.value.faults] == ["defaults.entity", "defaults.stage", "defaults.tags"]


def test_a_line_is_the_same_in_every_encoding_delimiter_and_kind_of_file_and_with_other_defaults() -> None:
    mapping = {"Nachname": "last_name", "Ort": "city"}
    texts = ["Nachname;Ort\nMüller;Köln\n".encode("windows-1252"), "Ort\tNachname\nKöln\tMüller\n".encode("utf-16")]
    files = [
        read(texts[0], mapping, encoding="windows-1252", delimiter=";"),
        read(texts[1], mapping, FAIR, encoding="utf-16le", delimiter="\t"),
        read(workbook({"A": sheet([[], ["", "Nachname", "Ort"], ["", "Müller", "Köln"]])}), mapping, header=2),
        read_file(json.dumps({"entity": "acme", "last_name": "Müller", "city": "Köln"}).encode(), "ndjson"),
    ]
    assert len({file.lines[0].content for file in files}) == 1
    assert files[0].lines[0].content is not None


def test_a_range_of_a_workbook_is_imported_with_its_own_line_numbers() -> None:
    rows = [["email"], *([f"p{number}@a.example"] for number in range(2, 5001))]
    body = workbook({"A": sheet(rows)})
    with pytest.raises(FileTooLong, match="3,000 lines"):
        read(body, {"email": "email"})
    lines = read(body, {"email": "email"}, first_line=3001, last_line=4000).lines
    assert [(lines[0].number, lines[0].given["email"]), (lines[-1].number, len(lines))] == [
        (3001, "p3001@a.example"),
        (4000, 1000),
    ]


def test_a_sample_may_end_within_a_line_and_a_character() -> None:
    line = "a@a.example;Jürgen;Köln\n".encode()
    body = b"E-Mail;Vorname;Ort\n" + line * (SAMPLE_BYTES // len(line) + 2)
    for cut in range(SAMPLE_BYTES - len(line), SAMPLE_BYTES + 1):
        assert found(body[:cut]).encoding == "utf-8"


def test_a_line_that_cannot_be_read_is_kept_as_it_is() -> None:
    file = read(b'email\n"a"b@a.example\n"never closed\n', {"email": "email"})
    assert file.cells == {2: ['"a"b@a.example'], 3: ['"never closed']}


def test_a_failed_formula_is_its_lines_error_unless_its_column_is_not_imported() -> None:
    body = b"email;Plan;Points\na@a.example;#NV;1\nb@a.example;Gold;#DIV/0!\nc@a.example;#GETTING_DATA;1\n"
    file = read(body, {"email": "email", "Plan": "Plan"}, delimiter=";")
    never_calculated = "is a formula that was never calculated: open the file in a spreadsheet program and save it"
    assert file.errors == [(2, "Plan", "is an error of the spreadsheet: #NV"), (4, "Plan", never_calculated)]
    assert file.cells[2] == ["a@a.example", "#NV", "1"]
    assert [line.number for line in file.lines] == [3]


def test_a_byte_order_mark_within_a_file_of_several_is_no_text() -> None:
    body = "email,name\n\ufeffa@a.example,\ufeffAnn\n".encode()
    (line,) = read(body, {"email": "email", "name": "first_name"}).lines
    assert line.given == {"email": "a@a.example", "first_name": "Ann", "entity": "acme", "fields": {}}


def test_a_value_without_end_says_what_to_look_for() -> None:
    file = read(b'email\n"' + b"x" * 140_000 + b'"\n', {"email": "email"})
    assert [each.reason for each in file.errors] == [
        "has a value of more than 131,072 characters; perhaps a quote is not closed"
    ]


def test_what_lines_had_is_kept_only_up_to_a_limit() -> None:
    body = b"email,note\n" + b"".join(b"bad,%s\n" % (b"x" * 30_000) for _ in range(100))
    file = read(body, {"email": "email"})
    assert len(file.errors) == 100
    assert 0 < len(file.cells) < 70


def test_a_title_is_not_a_header_and_neither_is_a_lead() -> None:
    assert find_header([(1, ["Title"]), (3, ["a", "b"]), (4, ["c", "d"]), (5, ["e", "f"])]) == 3
    assert find_header([(1, ["x@y.example", "b"]), (2, ["z@y.example", "d"])]) == 0
    assert find_header([(1, ["a@y.example", "b"]), (2, ["b@y.example", "Status"])]) == 0
    assert find_header([(1, ["Customers"]), (2, ["a@y.example", "b"]), (3, ["b@y.example", "c"])]) == 0
    assert find_header([(1, ["Status"]), (3, ["Mail", "Status"]), (4, ["a@y.example", "New"])]) == 3
    assert find_header([]) == 0


def test_the_page_gives_up_a_quote_as_the_server_does() -> None:
    csv_js = (Path("chalicelib") / "web" / "static" / "csv.js").read_text()
    assert "MOST_LINES_A_RECORD = 500;" in csv_js
    text = 'a\n"b\n' + "c\n" * 600
    assert [number for number, _ in text_rows(text)] == list(range(1, 603))


texts = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=6).map(str.strip)


@settings(max_examples=60)
@given(
    st.lists(st.lists(texts, min_size=2, max_size=4).filter(lambda row: any(row)), max_size=8),
    st.sampled_from(["utf-8", "utf-16le", "utf-16be"]),
    st.sampled_from(get_args(Delimiter)),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_any_table_reads_back_the_same(
    rows: list[list[str]], encoding: Encoding, delimiter: Delimiter, ending: str, quoting: Any
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows([["a", "b"], *rows])
    body = ("\ufeff" + text.getvalue()).encode(encoding)
    assert find_encoding(body) == encoding
    assert [row for _, row in text_rows(decoded(body, encoding), delimiter)] == [["a", "b"], *rows]


@settings(max_examples=60)
@given(st.binary(max_size=400) | st.text(st.sampled_from('email,;\t|@."\n\r =äß'), max_size=150).map(str.encode))
def test_no_bytes_at_all_break_inspecting_or_what_follows_from_it(body: bytes) -> None:
    try:
        inspection = found(body)
    except (UnreadableFile, FileTooLong):
        return
    assert len({column.name for column in inspection.columns}) == len(inspection.columns)
    mapping = {column.name: column.suggested for column in inspection.columns}
    layout = {"header": inspection.header, "encoding": inspection.encoding, "delimiter": inspection.delimiter}
    read_file(body, "csv", layout=Layout(mapping, **layout), defaults=ACME)  # type: ignore[arg-type]
