/** Importing leads from a file: in pieces with progress, then a report of what was imported and which lines have errors. */

import { api, button, counted, crumbs, h, heading, number, Problem, progress, style } from "./app.js";
import { pieces } from "./csv.js";
import { table } from "./parts.js";

const SHOWN_ERRORS = 200;
const COLUMNS = "external_id, entity, stage, email, first_name, last_name, tags";

export async function show(place, { signal }) {
  await style("lists.css");
  const input = h("input", { type: "file", id: "file", accept: ".csv,.ndjson,.jsonl,text/csv", onchange: () => take(input.files[0]) });
  const drop = h("section", { class: "drop card", "aria-label": "Choose a file" },
    h("label", { for: "file" }, "Choose a CSV file, or drop it here"), input,
    h("p", { class: "note" }, `Columns: ${COLUMNS} (separate several with ;). `,
      "Any other column becomes a custom field. The file must be in UTF-8."));
  const report = h("div", { class: "view" });
  place.append(
    crumbs("#/leads", "Leads", "Import"),
    heading("Import leads"),
    h("p", { class: "soft" }, "Existing leads, matched by external ID or email address, are updated. An import never unsubscribes or resubscribes anyone."),
    drop, report);

  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });

  async function take(file, asIs = false) {
    if (!file) return;
    input.disabled = true;
    const run = new Run(file, report, signal, asIs, () => take(file, true));
    try {
      await run.all();
    } finally {
      input.disabled = false;
      input.value = "";
    }
  }
}

class Run {
  /** `asIs`: import although columns are missing or look misspelt. `again` does that with the same file. */
  constructor(file, place, signal, asIs, again) {
    this.file = file;
    this.signal = signal;
    this.path = `leads/import${asIs ? "?address=none" : ""}`;
    this.again = again;
    this.tally = { created: 0, updated: 0, unchanged: 0 };
    this.errors = [];
    this.customFields = new Set();
    this.status = h("p", { role: "status" }, "Reading the file…");
    this.progress = h("div");
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

  /** True once the piece is imported. Sending a piece twice changes nothing, so temporary errors are retried. */
  async send(piece, isCsv) {
    const type = isCsv ? "text/csv" : "application/x-ndjson";
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await api("POST", this.path, { body: piece.text, type, signal: this.signal });
        for (const name of Object.keys(this.tally)) this.tally[name] += answer[name];
        answer.custom_fields.forEach((name) => this.customFields.add(name));
        const before = piece.firstLine - (isCsv ? 2 : 1);
        this.errors.push(...answer.errors.map(({ line, field, reason }) => ({ line: line + before, field, reason })));
        return true;
      } catch (problem) {
        if (this.signal.aborted) throw problem;
        if (problem instanceof Problem && problem.isTemporary && attempt < 4) {
          await new Promise((resolve) => { setTimeout(resolve, attempt * 1000); });
          continue;
        }
        if (problem instanceof Problem && !problem.isTemporary && !this.hasImported) this.refuse(problem);
        else this.stop(`${problem.message} Import the file again to continue. Lines already imported stay unchanged.`);
        return false;
      }
    }
  }

  get hasImported() {
    return Object.values(this.tally).some(Boolean);
  }

  show(done, of) {
    this.progress.replaceChildren(progress(`Importing ${this.file.name}`, done / of));
    this.status.textContent = `${number(done)} of ${counted(of, "line")}`;
  }

  stop(text) {
    this.status.replaceChildren(h("span", { class: "error", role: "alert" }, text));
    if (this.hasImported) this.report();
  }

  /** The whole file was refused: show the columns with errors and, if they can be imported all the same, offer that. */
  refuse({ message, errors, type }) {
    const mayBeMeant = type === "urn:leadflip:problem:unexpected-columns";
    this.stop(`${mayBeMeant ? "This file has unexpected columns." : message} Nothing was imported.`);
    if (!errors.length) return;
    this.result.replaceChildren(h("div", { class: "stack" },
      table("Columns with errors", ["Column", "Problem"], errors.map(({ field, reason }) => [field, reason])),
      h("p", { class: "note" }, `Expected columns: ${COLUMNS}. Rename the columns in the file and choose it again`,
        mayBeMeant ? ", or import it as is: other columns become custom fields, and leads without an email address cannot receive campaigns." : "."),
      mayBeMeant && h("div", { class: "actions" }, button("Import as is", this.again))));
  }

  report() {
    const figures = [["New", this.tally.created], ["Updated", this.tally.updated], ["Unchanged", this.tally.unchanged], ["Lines with errors", this.errors.length]];
    this.result.replaceChildren(
      h("dl", { class: "tally" }, figures.map(([name, count]) => h("div", {}, h("dt", {}, name), h("dd", {}, number(count))))),
      ...(this.customFields.size ? [h("p", {}, "Imported as custom fields: ", h("b", {}, [...this.customFields].join(", ")))] : []),
      this.errors.length ? this.errorTable() : h("p", { class: "soft" }, "All lines were imported."),
      h("div", { class: "actions" }, h("a", { class: "button", href: "#/leads" }, "View leads"), h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign")));
  }

  errorTable() {
    const shown = this.errors.slice(0, SHOWN_ERRORS);
    return h("div", { class: "stack" },
      h("h3", {}, "Lines not imported"),
      h("p", { class: "note" }, "Correct these lines in the file and import it again. Lines already imported stay unchanged."),
      table("Lines with errors", [["Line", "number"], "Column", "Problem"],
        shown.map(({ line, field, reason }) => [number(line), field || "Whole line", reason])),
      this.errors.length > SHOWN_ERRORS && h("p", { class: "note" }, `And ${number(this.errors.length - SHOWN_ERRORS)} more.`));
  }
}
