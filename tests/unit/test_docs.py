"""The documents and the code name the same things: what is undocumented fails, and so does what is documented and gone.

The facts are read from the code, the template and the Makefile; tests/store/conftest.py adds the rows of the tables.
"""

import ast
import inspect
import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session

from chalicelib import settings, telemetry
from chalicelib.automation import events
from local.tables import read_template
from tests.documents import ROOT, codes, section, shell_blocks, table, tables, tracked

CHALICELIB = ROOT / "chalicelib"
REFERENCE = ROOT / "docs" / "REFERENCE.md"
OPERATIONS = ROOT / "docs" / "OPERATIONS.md"
EVENTS = ROOT / "docs" / "events" / "README.md"
RECORDS = ROOT / "docs" / "decisions"
ARCHITECTURE = ROOT / "docs" / "ARCHITECTURE.md"
DOCUMENTS = [each for each in tracked("*.md") if "tests" not in each.relative_to(ROOT).parts]
MAKEFILE = (ROOT / "Makefile").read_text()


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def first_cells(document: Path, heading: str) -> Counter[str]:
    """The names that a table documents: what its first column has between backticks."""
    return Counter(name for row in table(document, heading) for name in codes(row[0]))


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(CHALICELIB.rglob("*.py")):
        yield file, ast.parse(file.read_text("utf-8"))


# -- Routes and problems -----------------------------------------------------------------------------------------------


def test_every_route_is_documented_and_no_other() -> None:
    from app import app

    served = {path: set(methods) for path, methods in app.routes.items()}
    documented = {codes(path)[0]: set(methods.split(", ")) for path, methods, _ in table(REFERENCE, "HTTP routes")}
    assert documented == served


@cache
def problems() -> dict[str, set[int]]:
    """The problem types by status: those of the API's description, and those that a module declares with constants."""
    from chalicelib.api.http.openapi import document
    from chalicelib.api.http.registry import RESOURCES

    found: dict[str, set[int]] = {}
    for path in document(RESOURCES)["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                for example in (
                    answer.get("content", {}).get("application/problem+json", {}).get("examples", {}).values()
                ):
                    found.setdefault(example["value"]["type"].rpartition(":")[2], set()).add(example["value"]["status"])
    for _, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Problem", "ProblemType"):
                given = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
                if len(given) == 2 and isinstance(given[0], int):
                    found.setdefault(str(given[1]), set()).add(given[0])
    return found


def test_every_problem_type_is_documented_with_its_status_and_no_other() -> None:
    rows = table(REFERENCE, "Problem types")
    documented = {codes(slug)[0]: {int(each) for each in statuses.split(", ")} for slug, statuses, _ in rows}
    assert documented == problems()


def test_the_problem_types_are_in_order() -> None:
    slugs = list(first_cells(REFERENCE, "Problem types"))
    assert slugs == sorted(slugs)


# -- Settings and parameters -------------------------------------------------------------------------------------------


class Asked(dict[str, str]):
    """An environment that answers every question and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return "1"

    def get(self, name: str, default: Any = None) -> Any:  # every variable is read, also those after an `or`
        self.names.add(name)
        return default


def read_from_the_environment() -> set[str]:
    """The variables that any reader of settings.py asks for."""
    asked = Asked()
    readers = [
        inspect.unwrap(each)
        for name, each in vars(settings).items()
        if callable(each) and getattr(each, "__module__", "") == settings.__name__ and not inspect.isclass(each)
        if not name.startswith("_") and not inspect.signature(each).parameters
    ]
    assert readers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", asked)
        for each in readers:
            each()
    return asked.names


def test_every_environment_variable_is_documented_and_no_other() -> None:
    prefixes = {"AWS_ENDPOINT_URL"}  # what begins like this is iterated over
    assert set(first_cells(REFERENCE, "Environment variables")) == read_from_the_environment() | prefixes


def test_the_template_sets_what_the_settings_read_and_no_more() -> None:
    given = read_template()["Globals"]["Function"]["Environment"]["Variables"]
    local_only = {"UNNAMED_STREAM_SHARD", "DNS_SERVER"}
    of_lambda = {name for name in read_from_the_environment() if name.startswith("AWS_")}
    assert set(given) == read_from_the_environment() - of_lambda - local_only


def test_every_parameter_of_the_template_is_documented_and_no_other() -> None:
    assert set(first_cells(OPERATIONS, "Parameters")) == set(read_template()["Parameters"])


def test_the_runbook_names_the_parameters_defaults() -> None:
    parameters = read_template()["Parameters"]
    for name, words in table(OPERATIONS, "Parameters"):
        if stated := re.match(r"([\d,]+) by default", words):
            assert parameters[codes(name)[0]]["Default"] == int(stated[1].replace(",", "")), name


# -- What the operator sees --------------------------------------------------------------------------------------------


def counted() -> set[str]:
    """The metrics of the log lines: keys of what is passed to telemetry.count, there or by way of a local name."""
    found: set[str] = set()
    for _, module in modules():
        imported = {
            alias.asname or alias.name
            for node in ast.walk(module)
            if isinstance(node, ast.ImportFrom) and node.module == telemetry.__name__
            for alias in node.names
            if alias.name == telemetry.count.__name__
        }
        for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
            assigned = {
                target.id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                if getattr(call.func, "id", None) in imported:
                    metrics = call.args[1]
                    values = assigned[metrics.id] if isinstance(metrics, ast.Name) else metrics
                    keys = {
                        key.value for node in ast.walk(values) if isinstance(node, ast.Dict) for key in node.keys
                        if isinstance(key, ast.Constant)
                    }  # fmt: skip
                    assert keys, ast.unparse(call)
                    found |= {str(key) for key in keys}
    return found


def test_every_metric_is_documented_and_no_other() -> None:
    of_filters = {
        re.sub(r"\$\{AWS::StackName\}", "<stack>", str(metric["MetricName"]["Sub"]))
        for each in read_template()["Resources"].values()
        if each.get("Type") == "AWS::Logs::MetricFilter"
        for metric in each["Properties"]["MetricTransformations"]
    }
    assert set(first_cells(REFERENCE, "Metrics")) == counted() | of_filters


def resources_of(kind: str) -> set[str]:
    return {name for name, each in read_template()["Resources"].items() if each.get("Type") == kind}


def test_every_alarm_has_one_entry_in_the_runbook_and_no_other() -> None:
    documented = first_cells(OPERATIONS, "Alarms")
    assert set(documented) == resources_of("AWS::CloudWatch::Alarm")
    assert set(documented.values()) == {1}


def test_every_dead_letter_queue_has_its_remedy_and_no_other() -> None:
    queues = {name for name in resources_of("AWS::SQS::Queue") if name.endswith("DeadLetters")}
    assert set(first_cells(OPERATIONS, "Dead letters")) == queues


def test_every_function_is_described_and_no_other() -> None:
    tree = ast.parse((ROOT / "app.py").read_text())
    handlers = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(each, ast.Call) and "middleware" not in ast.unparse(each) for each in node.decorator_list)
    }
    assert set(first_cells(ARCHITECTURE, "Functions")) == handlers | {"api_handler"}


def test_every_event_is_documented_and_no_other() -> None:
    published = {*events.DETAIL_TYPES.values(), events.CAMPAIGN_FINISHED}
    documented = {codes(cell)[0] for cell, _ in table(EVENTS, "Events")}
    assert documented == published == {each.stem for each in EVENTS.parent.glob("*.json")}


# -- Commands ----------------------------------------------------------------------------------------------------------

TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


def test_every_make_target_is_documented_and_no_other() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS
    documented = first_cells(REFERENCE, "Make targets")
    assert set(documented) == TARGETS
    assert set(documented.values()) == {1}


def make_commands() -> Iterator[tuple[Path, str]]:
    """Every command that a document shows."""
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        shown = [line for block in shell_blocks(text) for line in block.splitlines()] + codes(text)
        for line in shown:
            if found := re.search(r"(?:^|[A-Z]+=\S+ )(make .*)", re.sub(r"\s+#.*", "", line)):
                yield document, found[1]


def test_the_commands_in_the_documents_exist() -> None:
    commands = list(make_commands())
    assert len(commands) > 40
    readers = MAKEFILE + "".join(file.read_text("utf-8") for file in (ROOT / "tests").glob("*.py"))
    for document, command in commands:
        _, target, *rest = shlex.split(command.replace("'`", "'"))
        assert target in TARGETS, f"{named(document)}: {command}"
        for each in rest:
            name, assigned, _ = each.partition("=")
            if assigned:
                assert re.search(rf"\b{name}\b", readers), f"{named(document)}: {command}"


def aws_commands() -> list[tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        for block in shell_blocks(document.read_text("utf-8")):
            lines = (re.sub(r"\s+#.*| > .*", "", line.strip()) for line in block.splitlines())
            found += [(named(document), line) for line in lines if line.startswith("aws ")]
    return found


@pytest.mark.parametrize(("document", "line"), aws_commands())
def test_an_aws_command_in_a_document_is_one_of_awss(document: str, line: str) -> None:
    service, operation, *options = shlex.split(line)[1:]
    if service == "s3":  # its commands are the command line's own
        assert operation == "mb"
        return
    model = Session().get_service_model(service)
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in by_name, document
    shape = model.operation_model(by_name[operation]).input_shape
    known = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else {})}
    assert {each for each in options if each.startswith("--")} <= known, document


# -- Records -----------------------------------------------------------------------------------------------------------

RECORD_FILES = sorted(RECORDS.glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Refused"]
STATUS = r"(?:accepted|superseded)(?:,? (?:supersedes|amends|amended by|by) \d{4}(?: and \d{4})*)*"


def title_of(record: Path) -> str:
    heading = re.match(r"# (\d{4})\. (.+)\n\nStatus: (.+)\n\n", record.read_text("utf-8"))
    assert heading, f"{record.name} begins otherwise than `# 0001. Title`, a blank line, `Status: ...`, a blank line"
    return heading[2]


def status_of(record: Path) -> str:
    found = re.search(r"^Status: (.+)$", record.read_text("utf-8"), re.MULTILINE)
    assert found, record.name
    return found[1]


def test_records_are_numbered_without_gaps() -> None:
    assert [each.name[:4] for each in RECORD_FILES] == [f"{number:04}" for number in range(1, len(RECORD_FILES) + 1)]


@pytest.mark.parametrize("record", RECORD_FILES, ids=lambda record: record.name[:4])
def test_a_record_has_the_one_form(record: Path) -> None:
    title = title_of(record)
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower().replace("'", "").replace("`", "")).strip("-")
    assert record.name == f"{record.name[:4]}-{slug}.md", "the file is named after the title"
    assert record.read_text("utf-8").startswith(f"# {record.name[:4]}. ")
    assert re.findall(r"^## (.+)$", record.read_text("utf-8"), re.MULTILINE) == SECTIONS
    assert re.fullmatch(STATUS, status_of(record)), status_of(record)


def test_a_record_that_replaces_another_is_named_by_it() -> None:
    reverse = {"superseded by": "supersedes", "supersedes": "superseded by"}
    reverse |= {"amends": "amended by", "amended by": "amends"}
    said: set[tuple[str, str, str]] = set()
    for record in RECORD_FILES:
        for verb, others in re.findall(
            r"(superseded by|supersedes|amends|amended by) (\d{4}(?: and \d{4})*)", status_of(record)
        ):
            said |= {(record.name[:4], verb, other) for other in others.split(" and ")}
    assert said
    assert said == {(other, reverse[verb], record) for record, verb, other in said}


def test_the_index_lists_every_record() -> None:
    rows = [row for each in tables((RECORDS / "README.md").read_text("utf-8")) for row in each]
    assert rows == [[f"[{each.name[:4]}]({each.name}) {title_of(each)}", status_of(each)] for each in RECORD_FILES]


def test_every_pinned_package_has_its_reason() -> None:
    record = next(each for each in RECORD_FILES if each.name.startswith("0009-")).read_text("utf-8")
    pinned = {
        line.partition("==")[0].lower()
        for file in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / file).read_text().splitlines()
        if "==" in line
    }
    explained = {name.lower() for name in re.findall(r"\*\*([\w.-]+)\*\*", record)}
    assert pinned - explained == set(), "docs/decisions/0009 gives no reason for these"
    assert explained - pinned == set(), "docs/decisions/0009 speaks of packages that are not pinned"


# -- References --------------------------------------------------------------------------------------------------------


def anchors(document: Path) -> set[str]:
    """The names by which GitHub finds a document's headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{named(document)}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{named(document)}: {target}"


RECORD_REFERENCE = re.compile(r"decisions/(\d{4})\b|\bdecisions? ((?:\d{1,4}(?:, | and )?)+)", re.IGNORECASE)


def test_records_that_are_referred_to_exist() -> None:
    known = {int(each.name[:4]) for each in RECORD_FILES}
    texts = [*DOCUMENTS, *tracked("*.py", "*.js", "*.yaml", "*.json", "Makefile", "*.txt", "*.toml")]
    unknown = []
    for file in texts:
        for one, several in RECORD_REFERENCE.findall(file.read_text("utf-8")):
            for number in re.findall(r"\d+", one or several):
                if int(number) not in known:
                    unknown.append(f"{named(file)}: {number}")
    for record in RECORD_FILES:
        for number in re.findall(r"\((?:[^()]*, )?(\d{4})\)", record.read_text("utf-8")):
            if int(number) not in known:
                unknown.append(f"{record.name}: {number}")
    assert unknown == []


PLACES = ("", "chalicelib", "docs", "tests", "chalicelib/api")
A_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|js|json|yaml|yml|md|toml|txt|html|css|csv)")


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each.name != "CHANGELOG.md"], ids=named)
def test_files_that_are_named_exist(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for name in codes(text):
        if name.endswith("/") and re.fullmatch(r"[\w./-]+", name) and "://" not in name and name not in GENERATED:
            assert any((ROOT / place / name).is_dir() for place in PLACES) or name.startswith("/"), name
        elif A_FILE.fullmatch(name) and "/" in name and name not in GENERATED:
            assert any((ROOT / place / name).is_file() for place in PLACES), f"{named(document)}: {name}"


GENERATED = {"bench/results.json", ".local/", "../shared"}
"""Written when somebody runs something."""


def test_every_folder_of_the_code_is_described_and_no_other() -> None:
    parts = {
        f"chalicelib/{each.name}{'/' if each.is_dir() else ''}"
        for each in CHALICELIB.iterdir()
        if not each.name.startswith("_") and (each.is_dir() or each.suffix == ".py")
    }
    described = {name for name in first_cells(ARCHITECTURE, "Folders") if name.startswith("chalicelib/")}
    assert described == parts


# -- Words -------------------------------------------------------------------------------------------------------------


DICTIONARY = ROOT / "CONTEXT.md"
DEFINITIONS = [row for each in tables(DICTIONARY.read_text("utf-8")) for row in each]
AVOIDED = {
    word.strip('" ')
    for _, _, cell in DEFINITIONS
    for word in re.sub(r"\([^)]*\)", "", cell).split(",")
    if word.strip('" ')
}
SAYS_THEM = {DICTIONARY, ROOT / "CHANGELOG.md"}


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each not in SAYS_THEM], ids=named)
def test_a_document_uses_the_dictionarys_words(document: Path) -> None:
    text = re.sub(r"`[^`\n]+`|```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    used = [word for word in AVOIDED if re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE)]
    assert used == [], "CONTEXT.md says what to write instead"


def test_the_page_uses_the_dictionarys_words() -> None:
    avoided = {word.strip('" ') for _, _, cell in table(DICTIONARY, "On the page") for word in cell.split(",") if word}
    assert "Mail again" in avoided
    for file in (CHALICELIB / "web" / "static").iterdir():
        text = file.read_text("utf-8").lower()
        assert [word for word in avoided if word.lower() in text] == [], file.name


def test_a_term_is_defined_once() -> None:
    terms = [
        term for cell, *_ in DEFINITIONS for bold in re.findall(r"\*\*([^*]+)\*\*", cell) for term in bold.split(", ")
    ]
    assert terms
    assert {term for term, times in Counter(terms).items() if times > 1} == set()


# -- Rows of the tables ------------------------------------------------------------------------------------------------


def test_every_documented_attribute_is_named_in_the_code() -> None:
    """Whether every attribute is documented, the store tests look at with the rows that they write."""
    folders = [CHALICELIB / name for name in ("store", "model", "analytics")]
    sources = " ".join(file.read_text("utf-8") for folder in folders for file in folder.rglob("*.py"))
    words = set(re.findall(r"\w+", sources))
    for cells in tables(section(REFERENCE, "Table attributes")):
        for attributes, _ in cells:
            for attribute in codes(attributes):
                plain = re.sub(r"<[^>]+>", "", attribute)
                unknown = [each for each in re.findall(r"[a-z_]{2,}", plain) if each not in words]
                assert not unknown, attribute


def test_the_examples_in_the_documents_are_json() -> None:
    for document in DOCUMENTS:
        for block in re.findall(r"^```json\n(.*?)^```", document.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            json.loads(block)
