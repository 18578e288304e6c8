"""Importing a spreadsheet as Excel writes it: mapped, checked, stopped, taken up again after the tab was closed."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from chalicelib.model.csv_text import without_apostrophe
from local.stack import LocalStack
from tests.browser import test_page_looks
from tests.browser.test_page_looks import assert_accessible
from tests.stack.marketer import Marketer

HOSTILE = "<img src=x onerror=alert(1)>"
LINES = 1200
BAD = 700

axe = test_page_looks.axe


@pytest.fixture
def page(desk: Page, stack: LocalStack) -> Page:
    desk.goto(f"{stack.web_url}#/leads/import")
    return desk


def write_customers(file: Path) -> None:
    """Windows-1252 with semicolons, a title, a line without a proper address, and the first lead again at the end."""
    with file.open("w", encoding="windows-1252", newline="") as text:
        writer = csv.writer(text, delimiter=";")
        writer.writerow(["Kundenliste", "", "", ""])
        writer.writerow(["E-Mail", "Vorname", "Status", HOSTILE])
        for line in range(3, LINES + 3):
            address = "keine" if line == BAD else f"p{3 if line == LINES + 2 else line}@importing.example"
            writer.writerow([address, "Jürgen", "Neu", "=1+1" if line == BAD else "+49 171 1"])


def tally(page: Page) -> list[str]:
    return page.locator(".tally dd").all_inner_texts()


def test_a_german_spreadsheet_is_mapped_checked_interrupted_and_imported_whole(
    page: Page, marketer: Marketer, axe: str, tmp_path: Path
) -> None:
    for entity in ("Importing", "other"):
        marketer("POST", "/v1/leads", {"entity": entity, "stage": "Neu"})
    # The same file by path: a file that is chosen again has the same name, size and time.
    file = tmp_path / "Kunden.csv"
    write_customers(file)
    choose = page.get_by_label("Choose a spreadsheet, or drop it here")
    choose.set_input_files(file)
    expect(page.get_by_label("Line with column names")).to_have_value("2")
    expect(page.get_by_label("Character set")).to_have_value("windows-1252")
    for column, target in {"E-Mail": "email", "Vorname": "first_name", "Status": "stage"}.items():
        expect(page.get_by_label(f"{column} goes to")).to_have_value(target)
    page.get_by_label(f"Name of the custom field for {HOSTILE}").fill("Telefon")
    expect(page.get_by_role("row", name="p3@importing.example Jürgen Neu +49 171 1")).to_be_visible()

    check = page.get_by_role("button", name="Check all lines")
    page.get_by_label("Status goes to").select_option("Do not import")
    check.click()
    expect(page.get_by_text("Enter a stage for new leads, or choose a column for it.")).to_be_visible()
    line = page.get_by_role("combobox", name="Business line")
    expect(line).to_be_focused()
    expect(page.get_by_text("Enter a business line, or choose a column for it.")).to_be_visible()
    line.fill("importing")
    page.get_by_label("Status goes to").select_option("Stage")
    assert_accessible(page, axe)
    check.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Checked: nothing is imported yet")).to_be_focused()
    assert tally(page) == [f"{LINES - 1:,}", "0", "0", "1"]
    expect(page.get_by_text("If the file has a lead more than once, far apart, it counts as new")).to_be_visible()
    expect(page.get_by_text("new business line: “importing”. Did you mean “Importing”?")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download lines with errors").click()
    rejected = list(csv.reader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert rejected[1] == ["keine", "Jürgen", "Neu", "'=1+1", str(BAD), "email has no @"]

    sent: list[Route] = []

    def answer_the_first(route: Route) -> None:
        sent.append(route)
        if len(sent) == 1:
            route.continue_()

    page.route(re.compile("/leads/import[?]"), answer_the_first)
    page.get_by_role("button", name=f"Import {LINES - 1:,} leads").click()
    expect(page.get_by_text(f"1,000 of {LINES:,} lines imported")).to_be_visible()
    while len(sent) < 2:
        page.wait_for_timeout(20)
    page.get_by_role("button", name="Stop").click()
    stopped = "Stopped after line 1,002. What was imported stays. The next 200 lines may have been imported, too."
    expect(page.get_by_text(stopped)).to_be_visible()
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    sent[1].abort()  # else it is let through once the route is gone
    page.unroute_all()

    page.reload()
    choose.set_input_files(file)
    expect(page.get_by_text(f"It stopped at line 1,002; 1,000 lines of {LINES:,} were read.")).to_be_visible()
    page.get_by_role("button", name="Continue import").click()
    expect(page.get_by_role("heading", name="Import finished")).to_be_focused()
    assert tally(page) == ["199", "0", "1,000", "1"]
    expect(page.get_by_text("Lines that were sent again after an interruption count as unchanged")).to_be_visible()
    expect(page.get_by_role("link", name="View leads")).to_have_attribute("href", "#/leads?entity=importing")
    expect(page.get_by_role("row", name=re.compile(f"^{BAD} Email: has no @ keine "))).to_be_visible()
    leads = marketer("GET", "/v1/leads?entity=importing&limit=1")["items"]
    assert (leads[0]["stage"], leads[0]["fields"]) == ("Neu", {"Telefon": "+49 171 1"})

    with page.expect_download() as download:
        page.get_by_role("button", name="Download lines with errors").click()
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(download.value.path().read_text("utf-8").replace("keine", "fixed@importing.example"), "utf-8")
    page.get_by_role("button", name="Choose another file").click()
    choose.set_input_files(corrected)
    expect(page.get_by_text("These are lines of your last import. Its choices are filled in.")).to_be_visible()
    expect(line).to_have_value("importing")
    expect(page.get_by_label(f"Name of the custom field for {HOSTILE}")).to_have_value("Telefon")
    expect(page.get_by_label("Import error goes to")).to_have_value("ignore")
    check.click()
    expect(page.get_by_role("heading", name="Checked: nothing is imported yet")).to_be_focused()
    assert tally(page) == ["1", "0", "0", "0"]


def test_lines_with_errors_are_written_without_formulas_and_mean_the_same_when_imported(page: Page) -> None:
    cells = ["=1+1", "+49 171 1", "-1", "@a", "＝1", " =1", "'=1", "''=1", "'tis", "O'Hara", "a=b", 'say "hi"; now', ""]
    text = page.evaluate(
        """async (cells) => {
            const { csvOf } = await import(document.querySelector("script").src.replace("app.js", "csv.js"));
            return csvOf([cells]);
        }""",
        cells,
    )
    (written,) = csv.reader([text.removeprefix("\ufeff")])
    assert not [cell for cell in written if cell.lstrip().startswith(tuple("=+-@＝"))]
    # The cells are as the file had them, maybe from an export, whose apostrophes an import takes away.
    assert [without_apostrophe(cell) for cell in written] == [without_apostrophe(cell) for cell in cells]


def test_a_file_is_cut_into_pieces_that_keep_its_records_whole_and_its_lines_numbered(page: Page) -> None:
    found = page.evaluate(
        r"""async () => {
            const { pieces } = await import(document.querySelector("script").src.replace("app.js", "csv.js"));
            const bytes = (text) => new TextEncoder().encode(text);
            const shown = (list) => Promise.all(list.map(async ({ body, count, last, line }) =>
                ({ text: await body.text(), count, last, lines: [1, 2, 3].map(line) })));
            const rows = Array.from({ length: 2300 }, (_, at) => `${at},"two\nlines, and ""more"" "\r\n`);
            const cut = (text, how) => shown(pieces(bytes(text), { header: 1, delimiter: ",", ...how }));
            return {
                long: await cut("title\nid,note\n" + rows.join(""), { header: 2 }),
                open: await cut("id\n" + '"x\n' + "y\n".repeat(1200)),
                inches: await cut('id;size\n1;5" pipe\n2;"a\nb"\n', { delimiter: ";" }),
                none: await cut("a\rb\rc", { header: 0 }),
                json: await cut('{"a": "\\"\n"}\n', { header: 0, delimiter: null }),
            };
        }"""
    )
    assert [each["count"] for each in found["long"]] == [1000, 1000, 300]
    assert [each["last"] for each in found["long"]] == [2002, 4002, 4602]
    # Line 2 of each piece, its first record, is this line of the file.
    assert [each["lines"][:2] for each in found["long"]] == [[2, 3], [2, 2003], [2, 4003]]
    assert all(each["text"].startswith("id,note\n") and each["text"].endswith('"\r\n') for each in found["long"])
    assert [each["count"] for each in found["open"]] == [1000, 201]
    assert [(each["count"], each["last"]) for each in found["inches"]] == [(2, 4)]
    assert [(each["count"], each["lines"]) for each in found["none"]] == [(3, [1, 2, 3])]
    assert [each["count"] for each in found["json"]] == [2]
