"""Reading import files: every line is either good, or reported by its number, its field and the reason."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.crm.import_files import MAX_BYTES, FileTooLong, ImportFile, UnreadableFile, read_file
from chalicelib.crm.leads import LEAD_NAMES

EXAMPLES = Path(__file__).parents[3] / "examples"


def from_csv(text: str) -> ImportFile:
    return read_file(text.encode(), "csv")


def from_json(*lines: object) -> ImportFile:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return read_file(text.encode(), "ndjson")


def test_columns_that_no_lead_has_are_custom_fields() -> None:
    (line,) = from_csv("entity,stage,Email,tags,City\nacme,New,ada@example.com,a; b;,Rom\n").lines
    assert line.said == {
        "entity": "acme",
        "stage": "New",
        "email": "ada@example.com",
        "tags": ("a", "b"),
        "fields": {"City": "Rom"},
    }


def test_an_empty_cell_clears_and_an_absent_column_says_nothing() -> None:
    (line,) = from_csv("entity,external_id,first_name,city\nacme,7,,\n").lines
    assert line.said == {"entity": "acme", "external_id": "7", "first_name": None, "fields": {"city": None}}


def test_an_empty_external_id_says_nothing() -> None:
    (line,) = from_csv("entity,external_id,email\nacme,,ada@example.com\n").lines
    assert "external_id" not in line.said


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_of_all_systems_are_read(ending: str, mark: bytes) -> None:
    body = mark + ending.join(["entity,stage,last_name", "acme,New,Müller", "acme,New,Groß"]).encode()
    assert [line.said["last_name"] for line in read_file(body, "csv").lines] == ["Müller", "Groß"]


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
        ("", "entity is needed"),
        ("stage,email", "entity is needed"),
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
    assert file.lines[0].said["fields"] == {"age": 7, "city": "Rom"}


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


def test_a_file_of_more_than_10_000_lines_or_5_mb_is_too_long() -> None:
    assert len(from_csv("entity\n" + "acme\n" * 10_000).lines) == 10_000
    with pytest.raises(FileTooLong):
        from_csv("entity\n" + "acme\n" * 10_001)
    with pytest.raises(FileTooLong):
        read_file(b" " * (MAX_BYTES + 1), "ndjson")


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
    assert 5 <= sum(line.said["email"] is None for line in file.lines) <= 15
    domains = {str(line.said["email"]).rpartition("@")[2] for line in file.lines if line.said["email"]}
    assert all(
        domain.removesuffix(".com").removesuffix(".org").removesuffix(".net").endswith("example") for domain in domains
    )


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
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
                file = read_file(prefix + body, kind)
            except (UnreadableFile, FileTooLong):
                continue
            for line in file.lines:
                assert set(line.said) <= {*LEAD_NAMES, "fields"}
