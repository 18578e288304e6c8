/** Runs through a file piece by piece: first to check it, then to import it; can be stopped and continued. */

import { api, button, counted, fill, h, number, Problem, progress, query } from "./app.js";
import { csvOf } from "./csv.js";
import { saveFile } from "./download.js";
import { MEMBERS } from "./import-columns.js";
import { namesIn } from "./lead-form.js";
import { patiently, table } from "./parts.js";

const SHOWN_ERRORS = 200;
const SHOWN_NAMES = 5;
/** The columns that a file of lines with errors has besides those of the file that they are from. */
export const ADDED = ["Import line", "Import error"];

export class Run {
  /** `said`: the mapping and the defaults, and the lead groups there are. Drawn into `place`; stops when the signal aborts. */
  constructor(source, said, place, signal, { busy, finished }) {
    this.busy = busy;
    this.finished = finished;
    this.source = source;
    this.said = said;
    this.place = place;
    this.signal = signal;
    this.pieces = source.pieces();
    this.of = this.pieces.reduce((sum, { count }) => sum + count, 0);
    this.progress = h("div");
    this.status = h("p", { role: "status" });
    this.actions = h("div", { class: "actions" });
    this.result = h("div", { class: "view" });
    this.title = h("h2", { id: "run", tabindex: "-1" });
    fill(place, h("section", { class: "card", "aria-labelledby": "run" }, this.title, this.progress, this.status, this.actions, this.result));
  }

  /** `isAgain`: continue an import that was interrupted; nothing is checked first. */
  async start(isAgain = false) {
    if (!this.of) {
      this.title.textContent = "Nothing to import";
      this.status.textContent = "There are no lines below the column names.";
      return;
    }
    this.begin(!isAgain);
    this.isAgain = isAgain;
    await this.go();
  }

  /** Start from the first piece, to check (`dryRun`) or to import. */
  begin(dryRun) {
    this.dryRun = dryRun;
    this.isAgain = false;
    this.next = 0;
    this.done = 0;
    this.tally = { created: 0, updated: 0, unchanged: 0, repeated: 0, without_email: 0 };
    this.groups = [];
    this.errors = [];
    this.rejected = new Map();
    fill(this.result);
  }

  async go() {
    const stopped = new AbortController();
    this.signal.addEventListener("abort", () => stopped.abort());
    this.title.textContent = this.dryRun ? "Checking" : "Importing";
    fill(this.actions, button("Stop", () => stopped.abort()));
    this.actions.firstChild.focus();
    fill(this.result);
    this.draw();
    const leave = (event) => event.preventDefault();
    if (!this.dryRun) addEventListener("beforeunload", leave);
    this.busy(true);
    try {
      while (this.next < this.pieces.length) {
        await this.send(this.pieces[this.next], stopped.signal);
        this.done += this.pieces[this.next].count;
        this.next += 1;
        this.draw();
        if (!this.dryRun) this.keep();
      }
      this.finish();
    } catch (problem) {
      if (!this.signal.aborted) this.interrupted(stopped.signal.aborted ? null : problem);
    } finally {
      removeEventListener("beforeunload", leave);
      this.busy(false);
    }
  }

  /** Sending a piece twice changes nothing, so temporary errors are retried. */
  async send(piece, signal) {
    const { mapping, defaults } = this.said;
    const values = { ...piece.query, mapping: mapping && JSON.stringify(mapping), defaults: JSON.stringify(defaults), dry_run: this.dryRun || null };
    let isRetried = false;
    const answer = await patiently(4, () => {
      this.isAgain ||= isRetried;
      isRetried = true;
      return api("POST", `leads/import${query(values)}`, { body: piece.body, type: this.source.type, signal });
    });
    for (const name of Object.keys(this.tally)) this.tally[name] += answer[name];
    this.groups.push(...answer.new_groups);
    this.errors.push(...answer.errors.map((error) => ({ ...error, line: piece.line(error.line) })));
    for (const { line, values: cells } of answer.rejected) this.rejected.set(piece.line(line), cells);
  }

  /** Remember in this browser how far the import came, until it is finished. */
  keep() {
    this.source.keep({ mapping: this.said.mapping || {}, defaults: this.said.defaults, done: this.pieces[this.next - 1].last, lines: this.done, of: this.of });
  }

  draw() {
    const text = `${number(this.done)} of ${counted(this.of, "line")} ${this.dryRun ? "checked" : "imported"}`;
    fill(this.progress, progress(this.title.textContent, this.done / this.of, text));
    this.status.textContent = text;
  }

  interrupted(problem) {
    // An error that will not pass by itself is about the file or the choices above. After any other, the server may have imported what it was sent.
    const mayPass = !(problem instanceof Problem) || problem.isTemporary;
    const isUnknown = mayPass && !this.dryRun;
    this.isAgain ||= isUnknown;
    this.title.textContent = this.dryRun ? "Check stopped" : "Import stopped";
    this.status.textContent = [
      this.next > 0 && `Stopped after line ${number(this.pieces[this.next - 1].last)}.`,
      this.next > 0 && !this.dryRun && "What was imported stays.",
      isUnknown && `The next ${counted(this.pieces[this.next].count, "line")} may have been imported, too.`,
      (this.dryRun || (!this.next && !isUnknown)) && "Nothing was imported.",
    ].filter(Boolean).join(" ");
    const failed = problem && h("p", { class: "error", role: "alert" }, problem.status === 0 ? "The server cannot be reached." : problem.message);
    fill(this.actions, mayPass && button("Continue", () => this.go(), { class: "primary" }));
    if (mayPass) this.actions.firstChild.focus();
    fill(this.result, failed, problem?.errors?.length > 0 && table("Problems", ["Where", "Problem"], problem.errors.map(({ field, reason }) => [field || "File", reason])));
  }

  finish() {
    const { created, updated, unchanged, repeated, without_email: withoutEmail } = this.tally;
    const changing = created + updated;
    fill(this.progress);
    this.title.textContent = this.dryRun ? "Checked: nothing is imported yet" : "Import finished";
    this.status.textContent = `${counted(changing + unchanged + repeated + this.rejected.size, "line")} read.`;
    // Lines of later pieces do not know the leads that earlier ones would create.
    const isMost = this.dryRun && this.pieces.length > 1 && created > 0;
    const figures = [["New", created], [this.dryRun ? "To update" : "Updated", updated], ["Unchanged", unchanged], ["Lines with errors", this.rejected.size]];
    fill(this.actions);
    if (!this.dryRun) {
      this.source.forget();
      if (this.source.isTable && this.rejected.size) this.source.keepForCorrections(this.said);
      this.finished();
    }
    fill(this.result,
      h("dl", { class: "tally" }, figures.map(([name, count]) => h("div", {}, h("dt", {}, name), h("dd", {}, number(count))))),
      this.isAgain && unchanged > 0 && h("p", { class: "note" }, "Lines that were sent again after an interruption count as unchanged where they had been imported."),
      withoutEmail > 0 && h("p", { class: "lacking" }, `${counted(withoutEmail, "lead has", "leads have")} no email address and cannot receive campaigns.`),
      repeated > 0 && h("p", { class: "note" }, `${counted(repeated, "line repeats", "lines repeat")} a lead of an earlier line, by external ID or email address. The last line wins.`),
      this.dryRun && this.newNames(),
      isMost && h("p", { class: "note" }, "If the file has a lead more than once, far apart, it counts as new here each time. It is imported once."),
      this.rejected.size > 0 && this.errorList(),
      h("div", { class: "actions" }, this.dryRun
        ? [changing > 0 ? button(`Import ${counted(changing, "lead")}`, () => { this.begin(false); this.go(); }, { class: "primary" }) : h("p", { class: "soft" }, "There is nothing to import.")]
        : [h("a", { class: "button primary", href: `#/leads${this.shown()}` }, "View leads"), h("a", { class: "button", href: "#/campaigns/new" }, "New campaign")]));
    this.title.focus({ preventScroll: true });
    this.place.scrollIntoView({ block: "nearest" });
  }

  /** A warning of business lines and stages that no lead had before: they may be typing errors. */
  newNames() {
    const { groups } = this.said;
    const known = { entity: groups.map(({ entity }) => entity), stage: namesIn(groups, "stages") };
    const warning = (name, what) => {
      const names = [...new Set(this.groups.map((each) => each[name]))].filter((each) => !known[name].includes(each));
      const meant = names.map((each) => known[name].find((other) => other.toLowerCase() === each.toLowerCase())).filter(Boolean);
      return names.length > 0 && h("p", { class: "warning" }, `${names.length > 1 ? `These look like new ${what}s` : `This looks like a new ${what}`}: “${names.slice(0, SHOWN_NAMES).join("”, “")}”`,
        names.length > SHOWN_NAMES && ` and ${number(names.length - SHOWN_NAMES)} more`, ".", meant.length > 0 && ` Did you mean “${meant.join("”, “")}”?`);
    };
    return groups.length > 0 && [warning("entity", "business line"), warning("stage", "stage")];
  }

  /** The filters that show the leads of this import, as far as all of them have the same names. */
  shown() {
    const { mapping, defaults } = this.said;
    const isSame = (name) => mapping && !Object.values(mapping).includes(name);
    return query({ entity: isSame("entity") ? defaults.entity : null, tag: isSame("tags") ? defaults.tags?.[0] : null });
  }

  errorList() {
    const shown = this.errors.slice(0, SHOWN_ERRORS);
    return h("div", { class: "stack" },
      h("h3", {}, this.dryRun ? "Lines that will not be imported" : "Lines not imported"),
      h("p", { class: "note" }, this.source.isTable ? "Download them, correct them, and import that file. It has the same columns, and two more that are not imported: the line and its problem." : "Download them to see what is wrong with each."),
      h("div", { class: "actions" }, button("Download lines with errors", () => this.download())),
      table("Lines with errors", ["Line", "Problem", "What it says"], shown.map(({ line, field, reason }) => [
        number(line), field ? `${MEMBERS[field] || field}: ${reason}` : reason,
        h("span", { class: "sample clip" }, this.rejected.get(line).filter(Boolean).join(" · ") || "—"),
      ])),
      this.errors.length > SHOWN_ERRORS && h("p", { class: "note" }, `And ${number(this.errors.length - SHOWN_ERRORS)} more.`));
  }

  /** The lines with errors as CSV: the file's own columns, then the line's number and what is wrong with it. */
  download() {
    const columns = this.source.isTable ? this.source.columns : [[0, "Line"]];
    const reasons = new Map();
    for (const { line, field, reason } of this.errors) reasons.set(line, [...(reasons.get(line) || []), field ? `${field} ${reason}` : reason]);
    const rows = [...this.rejected].map(([line, cells]) => [...columns.map(([at]) => cells[at] ?? ""), line, reasons.get(line).join("; ")]);
    saveFile(`${this.source.file.name.replace(/\.\w+$/, "")} - lines with errors.csv`, "text/csv", [csvOf([[...columns.map(([, name]) => name), ...ADDED], ...rows])]);
  }
}
