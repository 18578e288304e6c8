/** Leads from a file: piece by piece with progress, and a report of what went in and which lines did not. */

import { api, counted, h, heading, number, Problem, style } from "./app.js";
import { pieces } from "./csv.js";

const SHOWN_ERRORS = 200;
const COLUMNS = "external_id, entity, stage, email, first_name, last_name, tags";

export async function show(place, { signal }) {
  await style("lists.css");
  const input = h("input", { type: "file", id: "file", accept: ".csv,.ndjson,.jsonl,text/csv", onchange: () => take(input.files[0]) });
  const drop = h("section", { class: "drop card", "aria-label": "Choose a file" },
    h("label", { for: "file" }, "Choose a CSV file, or drop it here"), input,
    h("p", { class: "note" }, `Columns: ${COLUMNS} (with ; between them). `,
      "Every other column becomes a custom field of the lead. UTF-8."));
  const report = h("div", { class: "view" });
  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "#/leads" }, "Leads"), "/", h("span", {}, "Import")),
    heading("Import leads"),
    h("p", { class: "soft" }, "A lead that is known already, by its external id or its address, is brought up to date. Nobody is subscribed or unsubscribed by an import."),
    drop, report);

  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });

  async function take(file, asItIs = false) {
    if (!file) return;
    input.disabled = true;
    const run = new Run(file, report, signal, asItIs, () => take(file, true));
    try {
      await run.all();
    } finally {
      input.disabled = false;
      input.value = "";
    }
  }
}

class Run {
  /** `asItIs`: whoever imports has seen that columns are missing or look misspelt; `again` imports the file so. */
  constructor(file, place, signal, asItIs, again) {
    this.file = file;
    this.signal = signal;
    this.path = `leads/import${asItIs ? "?address=none" : ""}`;
    this.again = again;
    this.tally = { created: 0, updated: 0, unchanged: 0 };
    this.errors = [];
    this.customFields = new Set();
    this.bar = h("span");
    this.status = h("p", { role: "status" }, "Reading the file…");
    this.progress = h("div", { class: "progress", role: "progressbar", "aria-label": `Importing ${file.name}`, "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar);
    this.result = h("div", { class: "view" });
    place.replaceChildren(h("section", { class: "card", "aria-label": "Import" }, h("h2", {}, file.name), this.progress, this.status, this.result));
  }

  async all() {
    const isCsv = !/\.(ndjson|jsonl)$/i.test(this.file.name);
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await this.file.arrayBuffer());
    } catch {
      this.stop("This file is not in UTF-8. Save it as “CSV UTF-8” and choose it again. Nothing was imported.");
      return;
    }
    let done = 0;
    const all = [...pieces(text, isCsv)];
    const lines = all.reduce((sum, { count }) => sum + count, 0);
    if (!lines) {
      this.stop("There are no leads in this file.");
      return;
    }
    for (const piece of all) {
      if (!await this.send(piece, isCsv)) return;
      done += piece.count;
      this.show(done, lines);
    }
    this.status.textContent = `Done: ${counted(lines, "line")} read.`;
    this.report();
  }

  /** True when the piece went in; what one piece holds may be sent again without harm. */
  async send(piece, isCsv) {
    const type = isCsv ? "text/csv" : "application/x-ndjson";
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await api("POST", this.path, { body: piece.text, type, signal: this.signal });
        for (const name of Object.keys(this.tally)) this.tally[name] += answer[name];
        answer.custom_fields.forEach((name) => this.customFields.add(name));
        this.errors.push(...answer.errors.map((each) => ({ ...each, line: each.line + piece.firstLine - (isCsv ? 2 : 1) })));
        return true;
      } catch (problem) {
        if (this.signal.aborted) throw problem;
        if (problem instanceof Problem && problem.passes && attempt < 4) {
          await new Promise((resolve) => setTimeout(resolve, attempt * 1000));
          continue;
        }
        if (problem instanceof Problem && !problem.passes && !this.hasBegun) this.refuse(problem);
        else this.stop(`${problem.message} Import the file again to go on: what is in already stays as it is.`);
        return false;
      }
    }
  }

  get hasBegun() {
    return Object.values(this.tally).some(Boolean);
  }

  show(done, of) {
    const share = Math.round((done / of) * 100);
    this.bar.style.width = `${share}%`;
    this.progress.setAttribute("aria-valuenow", share);
    this.status.textContent = `${number(done)} of ${counted(of, "line")}`;
  }

  stop(text) {
    this.status.replaceChildren(h("span", { class: "error", role: "alert" }, text));
    if (this.hasBegun) this.report();
  }

  /** The file is refused whole: which columns are at fault and, where they may be meant, a way to say so. */
  refuse({ message, errors, type }) {
    const mayBeMeant = type === "urn:leadflip:problem:unexpected-columns";
    this.stop(`${mayBeMeant ? "The columns of this file are not as expected." : message} Nothing was imported.`);
    if (!errors.length) return;
    this.result.replaceChildren(h("div", { class: "stack" },
      table("Columns at fault", ["Column", "What is wrong"], errors.map(({ field, reason }) => [field, reason])),
      h("p", { class: "note" }, `Expected are ${COLUMNS}. Rename the columns in the file and choose it again`,
        mayBeMeant ? ", or import it as it is: every other column becomes a custom field, and leads without an address cannot be mailed." : "."),
      mayBeMeant && h("div", { class: "actions" }, h("button", { type: "button", onclick: this.again }, "Import as it is"))));
  }

  report() {
    const figures = [["New", this.tally.created], ["Brought up to date", this.tally.updated], ["Unchanged", this.tally.unchanged], ["Lines with errors", this.errors.length]];
    this.result.replaceChildren(
      h("dl", { class: "tally" }, figures.map(([name, count]) => h("div", {}, h("dt", {}, name), h("dd", {}, number(count))))),
      ...(this.customFields.size ? [h("p", {}, "Columns that became custom fields: ", h("b", {}, [...this.customFields].join(", ")))] : []),
      this.errors.length ? this.faults() : h("p", { class: "soft" }, "Every line went in."),
      h("div", { class: "actions" }, h("a", { class: "button", href: "#/leads" }, "See the leads"), h("a", { class: "button primary", href: "#/campaigns/new" }, "Write a campaign")));
  }

  faults() {
    const shown = this.errors.slice(0, SHOWN_ERRORS);
    return h("div", { class: "stack" },
      h("h3", {}, "Lines that did not go in"),
      h("p", { class: "note" }, "Correct them in the file and import it again; the others will be found unchanged."),
      table("Lines with errors", ["Line", "Column", "What is wrong"],
        shown.map(({ line, field, reason }) => [number(line), field || "whole line", reason])),
      this.errors.length > SHOWN_ERRORS && h("p", { class: "note" }, `And ${number(this.errors.length - SHOWN_ERRORS)} more.`));
  }
}

function table(label, columns, rows) {
  const side = (column) => (column === "Line" ? "number" : null);
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label }, h("table", {},
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: side(column) }, column)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, at) => h("td", { class: side(columns[at]) }, cell)))))));
}
