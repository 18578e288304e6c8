"""Reading import files: every line is either good, or reported by its number, its field and the reason."""

import csv
import io
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.http.openapi import document
from chalicelib.api.http.registry import RESOURCES
from chalicelib.crm.import_columns import UnexpectedColumns
from chalicelib.crm.import_files import ImportFile, Layout, read_file
from chalicelib.crm.import_rows import MAX_BYTES, MAX_LINES, FileTooLong, UnreadableFile
from chalicelib.crm.import_text import Encoding
from chalicelib.crm.import_workbook import MAX_WORKBOOK_BYTES
from chalicelib.crm.lead_input import LEAD_NAMES

EXAMPLES = Path(__file__).parents[3] / "examples"


LAMBDA_ANSWER = 6 * 1024 * 1024
"""AWS, Lambda quotas: of a synchronous invocation's answer. The body is a text in it, so it is escaped twice."""


def from_csv(text: str, *, as_it_is: bool = True) -> ImportFile:
    return read_file(text.encode(), "csv", Layout(as_it_is=as_it_is))


def from_json(*lines: object) -> ImportFile:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return read_file(text.encode(), "ndjson")


def test_columns_that_no_lead_has_are_custom_fields() -> None:
    (line,) = from_csv("entity,stage,Email,tags,City\nacme,New,ada@example.com,a; b;,Rom\n").lines
    assert line.given == {
        "entity": "acme",
        "stage": "New",
        "email": "ada@example.com",
        "tags": ("a", "b"),
        "fields": {"City": "Rom"},
    }


def test_an_empty_cell_clears_and_an_absent_column_says_nothing() -> None:
    (line,) = from_csv("entity,external_id,first_name,city\nacme,7,,\n").lines
    assert line.given == {"entity": "acme", "external_id": "7", "first_name": None, "fields": {"city": None}}


def test_an_empty_external_id_says_nothing() -> None:
    (line,) = from_csv("entity,external_id,email\nacme,,ada@example.com\n").lines
    assert "external_id" not in line.given


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_of_all_systems_are_read(ending: str, mark: bytes) -> None:
    body = mark + ending.join(["entity,stage,last_name", "acme,New,Müller", "acme,New,Groß"]).encode()
    assert [line.given["last_name"] for line in read_file(body, "csv", Layout(as_it_is=True)).lines] == [
        "Müller",
        "Groß",
    ]


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-16", "iso-8859-15", "shift-jis"])
@pytest.mark.parametrize("through_gateway", [False, True])
def test_another_encoding_is_refused_whole_naming_the_line(encoding: str, through_gateway: bool) -> None:
    body = "entity,stage,last_name\na,b,c\nacme,New,鈴木\n" if encoding == "shift-jis" else "entity,stage\na,b\na,ü\n"
    raw = body.encode(encoding)
    if through_gateway:
        raw = raw.decode(errors="replace").encode()
    with pytest.raises(UnreadableFile, match=r"Line 1 is not UTF-8" if encoding == "utf-16" else "Line 3 is not UTF-8"):
        read_file(raw, "csv")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "entity is required"),
        ("stage,email", "entity is required"),
        ("stage,E-Mail", "entity is required"),
        ("entity;stage;email", "separated by commas"),
        ("entity,stage,city,city", "city is there twice"),
        ("entity,Stage,stage", "stage is there twice"),
        ("entity,stage,lead_id", "lead_id cannot be imported"),
        ("entity,stage,unsubscribed", "unsubscribed cannot be imported"),
        ("entity," + "x" * 65, "longer than 64"),
        ('entity,"stage', "never closed"),
    ],
)
def test_a_header_that_cannot_be_meant_refuses_the_file(header: str, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        from_csv(header + "\nacme,New\n")


HEADERS_TO_ASK_ABOUT = {
    "entity,stage": {"email": "is missing"},
    "entity,stage,first_name,Adresse": {"email": "is missing"},
    "entity,stage,E-Mail": {"E-Mail": "looks like email"},
    "entity,stage,e_mail,FirstName,last  name": {
        "e_mail": "looks like email",
        "FirstName": "looks like first_name",
        "last  name": "looks like last_name",
    },
    "entity,stage,email,E-Mail": {"E-Mail": "looks like email"},
    "entity,stage,email,\uff26\uff49\uff52\uff53\uff54\u00a0Name": {
        "\uff26\uff49\uff52\uff53\uff54\u00a0Name": "looks like first_name"
    },
    "entity,email\u200b,stage": {"email\u200b": "looks like email"},
}


@pytest.mark.parametrize("header", HEADERS_TO_ASK_ABOUT)
def test_a_header_that_would_make_leads_without_address_or_name_is_refused_unless_it_is_meant(header: str) -> None:
    row = ",".join(["acme", "New", "a@b.example"][: header.count(",") + 1]) + "," * (header.count(",") - 2)
    with pytest.raises(UnexpectedColumns) as refused:
        from_csv(f"{header}\n{row}\n", as_it_is=False)
    told = {error.field: error.reason for error in refused.value.faults}
    assert told.keys() == HEADERS_TO_ASK_ABOUT[header].keys()
    assert all(told[name].startswith(reason) for name, reason in HEADERS_TO_ASK_ABOUT[header].items())
    assert all(name in str(refused.value) for name in LEAD_NAMES)
    known = {name.lower() for name in LEAD_NAMES}
    file = from_csv(f"{header}\n{row}\n", as_it_is=True)
    assert file.custom_fields == [name for name in header.split(",") if name not in known]


@pytest.mark.parametrize("header", ["entity,stage,EMAIL", "Entity,email,First_Name,name,mail,tag,email_opt_in,stages"])
def test_a_header_that_can_be_read_is_read_without_asking(header: str) -> None:
    assert from_csv(header + "\n", as_it_is=False).lines == []


def test_columns_that_became_custom_fields_are_named_in_their_order() -> None:
    file = from_csv("entity,stage,email,Plan,,City\nacme,New,a@b.example,Gold,,Rom\n", as_it_is=False)
    assert file.custom_fields == ["Plan", "City"]
    file = from_json({"entity": "acme", "email": "a@b.example", "City": 1}, {"entity": "acme", "fields": {"Plan": 2}})
    assert file.custom_fields == ["City", "Plan"]


def test_all_that_is_wrong_with_a_header_is_named_at_once() -> None:
    with pytest.raises(UnreadableFile) as refused:
        from_csv("Entity Name,stage,E-Mail,lead_id\n", as_it_is=False)
    assert {error.field for error in refused.value.faults} == {"entity", "E-Mail", "lead_id"}


def test_a_key_that_looks_like_a_known_one_is_reported_with_its_line() -> None:
    lines = [{"entity": "acme", "E-Mail": "a@b.example"}, {"entity": "acme", "fields": {"E-Mail": "a@b.example"}}]
    body = "\n".join(map(json.dumps, lines)).encode()
    asking = read_file(body, "ndjson")
    assert [(error.line, error.field) for error in asking.errors] == [(1, "E-Mail")]
    assert "looks like email" in asking.errors[0].reason
    assert [line.number for line in asking.lines] == [2]
    assert len(read_file(body, "ndjson", Layout(as_it_is=True)).lines) == 2


def test_a_header_has_at_most_200_columns_and_says_so_at_once() -> None:
    names = ["entity", "email", *(f"c{number}" for number in range(198))]
    file = from_csv(",".join(names) + "\nacme" + "," * 199, as_it_is=False)
    assert len(file.custom_fields) == 198
    with pytest.raises(UnreadableFile, match="has 201 columns; at most 200"):
        from_csv(",".join([*names, "one more"]))
    with pytest.raises(UnreadableFile, match="has 1,000,000 columns") as refused:
        from_csv("entity" + "," * 999_999)
    assert refused.value.faults == ()


def test_faults_are_reported_by_physical_line_and_good_lines_kept() -> None:
    file = from_csv(
        "entity,stage,email,note,\n"  # 1
        "acme,New,a@example.com,,\n"  # 2
        "\n"  # 3
        ",,,,\n"  # 4
        'acme,New,b@example.com,"two\nlines",\n'  # 5, 6
        "acme,New,nope,,\n"  # 7
        "acme,New,c@example.com\n"  # 8
        "acme,New,c@example.com,,,,\n"  # 9
        "acme,New,c@example.com,,unnamed\n"  # 10
        ",New,c@example.com,,\n"  # 11
        'acme,New,c@example.com,"a"b,\n'  # 12
        'acme,New,c@example.com,"open,\n'  # 13
        "acme,New,d@example.com,,\n"  # 14
    )
    assert [line.number for line in file.lines] == [2, 5, 14]
    assert [(error.line, error.field) for error in file.errors] == [
        (7, "email"),
        (8, None),
        (9, None),
        (10, None),
        (11, "entity"),
        (12, None),
        (13, None),
    ]
    assert "never closed" in file.errors[-1].reason


def test_ndjson_is_read_like_bodies_with_custom_fields_in_both_places() -> None:
    file = from_json({"entity": "acme", "stage": "New", "tags": ["a"], "city": "Rom", "fields": {"age": 7}}, "", " ")
    assert file.lines[0].given["fields"] == {"age": 7, "city": "Rom"}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{", None),
        ("[1]", None),
        ("[" * 100_000, None),
        ('{"entity": "acme", "age": NaN}', None),
        ('{"entity": "acme", "age": 1e999}', "age"),
        ('{"entity": "acme", "name": "\\ud800"}', "name"),
        ({"entity": 5}, "entity"),
        ({"entity": "acme", "tags": "a"}, "tags"),
        ({"entity": "acme", "tags": ""}, "tags"),
        ({"entity": "acme", "tags": [1]}, "tags"),
        ({"entity": "acme", "fields": []}, "fields"),
        ({"entity": "acme", "unsubscribed": False}, "unsubscribed"),
        ({"entity": "acme", "city": {}}, "city"),
        ({"stage": "New"}, "entity"),
    ],
)
def test_a_bad_json_line_is_reported_alone(line: object, field: str | None) -> None:
    file = from_json({"entity": "acme"}, line)
    assert len(file.lines) == 1
    assert {(error.line, error.field) for error in file.errors} == {(2, field)}


def test_a_file_of_too_many_lines_or_5_mb_is_too_long() -> None:
    assert len(from_csv("entity\n" + "acme\n" * MAX_LINES).lines) == MAX_LINES
    with pytest.raises(FileTooLong, match=f"more than {MAX_LINES:,} lines"):
        from_csv("entity\n" + "acme\n" * (MAX_LINES + 1))
    with pytest.raises(FileTooLong):
        read_file(b" " * (MAX_BYTES + 1), "ndjson")


@pytest.mark.parametrize("cell", ["\x01", "\x01語" * 4])
def test_the_errors_of_the_worst_file_fit_into_an_answer(cell: str) -> None:
    columns = 193 if len(cell) == 1 else 64
    names = ",".join(f"a column's rather long name {number:03}" for number in range(columns))
    file = from_csv(f"entity,stage,email,{names}\n" + f"acme,New,x,{','.join([cell] * columns)}\n" * MAX_LINES)
    assert {error.line for error in file.errors} == set(range(2, MAX_LINES + 2))
    errors = [each._asdict() for each in file.errors]
    body = json.dumps({"errors": errors, "rejected": file.cells}, ensure_ascii=False)
    assert len(json.dumps(body, ensure_ascii=False).encode()) < LAMBDA_ANSWER


def test_the_page_sends_pieces_that_the_api_takes() -> None:
    csv_js = (Path("chalicelib") / "web" / "static" / "csv.js").read_text()
    (lines,) = re.findall(r"MOST_LINES = ([\d_]+);", csv_js)
    (size,) = re.findall(r"MOST_BYTES = ([\d_]+);", csv_js)
    assert int(lines) < MAX_LINES
    assert int(size) < MAX_BYTES
    import_js = (Path("chalicelib") / "web" / "static" / "import.js").read_text()
    assert f"MOST_WORKBOOK_BYTES = {MAX_WORKBOOK_BYTES:_};" in import_js
    assert f"MOST_WORKBOOK_LINES = {MAX_LINES};" in import_js
    offered = re.findall(r'"?([\w-]+)"?: "', import_js.partition("ENCODINGS = {")[2].partition("};")[0])
    assert set(offered) == set(get_args(Encoding))


def test_the_api_says_how_long_a_file_may_be() -> None:
    described = document(RESOURCES)["paths"]["/v1/leads/import"]["post"]
    assert f"{MAX_LINES:,} lines and 5 MB" in described["summary"]


def test_only_a_line_without_address_and_external_id_is_known_by_its_content() -> None:
    one, other, same, known = from_csv(
        "entity,stage,last_name,city,email\n"
        "acme,New,Ada,Rom,\n"
        "acme,New,Ada,Bern,\n"
        "acme,New,Ada, Rom ,\n"
        "acme,New,,,ada@example.com\n"
    ).lines
    reordered = from_csv("city,last_name,stage,entity,more\nRom,Ada,New,acme,\n").lines[0]
    assert one.content == same.content == reordered.content
    assert one.content != other.content
    assert known.content is None


def test_the_example_file_has_500_leads_with_a_handful_of_faults() -> None:
    file = read_file((EXAMPLES / "leads.csv").read_bytes(), "csv")
    assert len(file.lines) == 495
    assert {error.field for error in file.errors} == {"email"}
    assert 5 <= sum(line.given["email"] is None for line in file.lines) <= 15
    domains = {str(line.given["email"]).rpartition("@")[2] for line in file.lines if line.given["email"]}
    assert all(
        domain.removesuffix(".com").removesuffix(".org").removesuffix(".net").endswith("example") for domain in domains
    )


# U+FFFD means that the text was damaged before it came.
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd"), max_size=12)
rows = st.lists(st.lists(cells, min_size=4, max_size=4), max_size=12)


@given(rows, st.sampled_from(["\n", "\r\n"]))
def test_every_record_is_a_line_or_an_error_in_file_order(rows: list[list[str]], ending: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerow(["entity", "stage", "last_name", "city"])
    starts = []
    for row in rows:
        starts.append(len(list(io.StringIO(text.getvalue(), newline=""))) + 1)
        writer.writerow(row)
    file = from_csv(text.getvalue())
    told = {line.number for line in file.lines} | {error.line for error in file.errors}
    assert told == {start for start, row in zip(starts, rows, strict=True) if any(cell.strip() for cell in row)}
    assert not {line.number for line in file.lines} & {error.line for error in file.errors}


@given(st.binary(max_size=300) | st.text(st.sampled_from('entity,stage\n\r",;{}[]ab '), max_size=120).map(str.encode))
def test_no_bytes_at_all_break_the_reader(body: bytes) -> None:
    for kind in ("csv", "ndjson"):
        for prefix in (b"", b"entity,stage,city\n"):
            try:
                file = read_file(prefix + body, kind, Layout(as_it_is=True))
            except (UnreadableFile, FileTooLong):
                continue
            for line in file.lines:
                assert set(line.given) <= {*LEAD_NAMES, "fields"}
