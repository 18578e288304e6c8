/** Importing leads: choose a file, see what the server finds in it, say where its columns go, check it, import it. */

import { api, button, crumbs, failure, fill, h, heading, query, style } from "./app.js";
import { pieces } from "./csv.js";
import { columnsForm } from "./import-columns.js";
import { ADDED, Run } from "./import-run.js";
import { leadGroups } from "./lead-form.js";
import { attempt, choice } from "./parts.js";

const CORRECTIONS = "leadflip:import:corrections";
const WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const MOST_WORKBOOK_BYTES = 4_500_000;
const MOST_WORKBOOK_LINES = 3000;
const MOST_BYTES = 100_000_000;
const SAMPLE_BYTES = 256 * 1024;

const ENCODINGS = {
  "utf-8": "Unicode (UTF-8)", "windows-1252": "Western Europe (Windows-1252)", macintosh: "Western Europe (Macintosh)", cp850: "Western Europe (MS-DOS)",
  "windows-1250": "Central Europe", "windows-1251": "Cyrillic", "windows-1253": "Greek", "windows-1254": "Turkish", "utf-16le": "Unicode (UTF-16)", "utf-16be": "Unicode (UTF-16, big-endian)",
  shift_jis: "Japanese", gb18030: "Chinese, simplified", big5: "Chinese, traditional", euc_kr: "Korean",
};
const DELIMITERS = { ",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar" };

export async function show(place, { signal }) {
  await style("import.css");
  const input = h("input", { type: "file", id: "file", accept: ".csv,.tsv,.txt,.xlsx,.ndjson,.jsonl,text/csv", onchange: () => choose(input.files[0]) });
  const drop = h("section", { class: "drop card", "aria-label": "Choose a file" },
    h("label", { for: "file" }, "Choose a spreadsheet, or drop it here"), input,
    h("p", { class: "note" }, "Excel workbook (.xlsx) or CSV, with any column names. You see what becomes of it before anything is imported."));
  const steps = h("div", { class: "view" });
  let visit = new AbortController();
  place.append(
    crumbs("#/leads", "Leads", "Import"),
    heading("Import leads"),
    h("p", { class: "soft" }, "Existing leads, matched by external ID or email address, are updated; an empty cell clears the value. An import never unsubscribes or resubscribes anyone."),
    drop, steps);
  signal.addEventListener("abort", () => visit.abort());

  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") choose(event.dataTransfer.files[0]);
    });
  }

  async function choose(file) {
    if (!file) return;
    visit.abort();
    visit = new AbortController();
    const other = () => { visit.abort(); drop.hidden = false; input.value = ""; fill(steps); input.focus(); };
    drop.hidden = true;
    fill(steps, h("p", { class: "loading", role: "status" }, `Reading ${file.name}…`));
    const { signal: current } = visit;
    try {
      const source = await Source.open(file);
      if (source.refusal) throw new Error(source.refusal);
      await inspect(source, source.kept()?.reading || {}, steps, current, other);
    } catch (problem) {
      if (current.aborted) return;
      fill(steps, failure(problem, problem.isTemporary && (() => choose(file))), h("div", { class: "actions" }, button("Choose another file", other)));
      steps.querySelector("button").focus();
    }
  }
}

/** Show what was found in the file, the form for its columns, and the run; again whenever it is to be read otherwise. */
async function inspect(source, reading, place, signal, other) {
  await source.inspect(reading, signal);
  const run = h("div", { class: "view" });
  const lookup = leadGroups(signal);
  const told = { busy: (isBusy) => { file.inert = isBusy; columns.inert = isBusy; }, finished: () => columns.remove() };
  const columns = columnsForm(source.found, source.kept() || source.corrected(), {
    lookup,
    onchange: () => fill(run),
    onstart: async (said, atOnce) => { new Run(source, { ...said, groups: await lookup }, run, signal, told).start(atOnce); },
  });
  const file = fileCard(source, other, (changes) => attempt(place, signal, () => {
    source.forget();
    return inspect(source, { ...reading, ...changes }, place, signal, other);
  }));
  fill(place, file, columns, run);
  place.querySelector("h2").focus({ preventScroll: true });
}

function fileCard(source, other, read) {
  const { found } = source;
  const part = (id, label, options, value, change) => h("div", { class: "stack" }, h("label", { for: id }, label),
    choice(options, value, { id, onchange: ({ target }) => change(target.value) }));
  const header = h("input", { id: "header", type: "number", min: 0, max: 1000, value: found.header, onchange: () => read({ header: Number(header.value) || 0 }) });
  return h("section", { class: "card", "aria-labelledby": "file-name" },
    h("header", {}, h("h2", { id: "file-name", tabindex: "-1" }, source.file.name), button("Choose another file", other, { class: "quiet" })),
    source.isTable && h("div", { class: "reading" },
      found.sheets.length > 1 && part("sheet", "Sheet", Object.fromEntries(found.sheets.map((name) => [name, name])), source.reading.sheet || found.sheets[0], (sheet) => read({ sheet, header: undefined })),
      found.encoding && part("encoding", "Character set", ENCODINGS, found.encoding, (encoding) => read({ encoding })),
      found.delimiter && part("delimiter", "Columns separated by", DELIMITERS, found.delimiter, (delimiter) => read({ delimiter, header: undefined })),
      h("div", { class: "stack" }, h("label", { for: "header" }, "Line with column names"), header)));
}

/** The chosen file: its bytes, how it is to be read, and what the server found in it. */
class Source {
  static async open(file) {
    const source = new Source();
    source.file = file;
    source.key = `leadflip:import:${[file.name, file.size, file.lastModified].join("|")}`;
    if (file.size > MOST_BYTES) source.refusal = "This file is larger than 100 MB. Split it into several files.";
    else source.bytes = new Uint8Array(await file.arrayBuffer());
    source.isTable = !/\.(ndjson|jsonl)$/i.test(file.name);
    source.isWorkbook = source.isTable && source.bytes?.[0] === 0x50 && source.bytes[1] === 0x4b;
    if (source.isWorkbook && file.size > MOST_WORKBOOK_BYTES) source.refusal = "This workbook is larger than 4.5 MB. Save its sheet as CSV (UTF-8) and choose that file.";
    if (!file.size) source.refusal = "This file is empty.";
    return source;
  }

  /** Ask the server what it finds. `reading`: encoding, delimiter, sheet and header where they are known. */
  async inspect(reading, signal) {
    this.reading = reading;
    this.found = { encoding: null, delimiter: null, sheets: [], header: 0, columns: [] };
    if (!this.isTable) return;
    const body = new Blob([this.isWorkbook ? this.bytes : this.bytes.subarray(0, SAMPLE_BYTES)]);
    this.found = await api("POST", `leads/import/inspect${query(reading)}`, { body, type: this.type, signal });
  }

  get type() {
    if (this.isWorkbook) return WORKBOOK;
    return this.isTable ? "application/octet-stream" : "application/x-ndjson";
  }

  /** Pieces of the file as `pieces` in csv.js describes them, each with the `query` that tells the server how to read it. */
  pieces() {
    const { header, last_line: last, delimiter, encoding } = this.found;
    if (this.isWorkbook) {
      const { sheet } = this.reading;
      const body = new Blob([this.bytes]);
      return Array.from({ length: Math.ceil((last - header) / MOST_WORKBOOK_LINES) }, (_, at) => {
        const first = header + 1 + at * MOST_WORKBOOK_LINES;
        const end = Math.min(last, first + MOST_WORKBOOK_LINES - 1);
        return { body, count: end - first + 1, last: end, line: (number) => number, query: { header, sheet, first_line: first, last_line: end } };
      });
    }
    const isWide = encoding?.startsWith("utf-16");
    const bytes = isWide ? new TextEncoder().encode(new TextDecoder(encoding).decode(this.bytes)) : this.bytes;
    const reading = this.isTable ? { header: Math.min(header, 1), delimiter, encoding: isWide ? "utf-8" : encoding } : {};
    return pieces(bytes, { header, delimiter }).map((piece) => ({ ...piece, query: reading }));
  }

  /** What this browser remembers of an interrupted import of the same file: { reading, mapping, defaults, done, of }. */
  kept() {
    return JSON.parse(localStorage.getItem(this.key) || "null");
  }

  keep(state) {
    localStorage.setItem(this.key, JSON.stringify({ reading: this.reading, ...state }));
  }

  forget() {
    localStorage.removeItem(this.key);
  }

  /** Its own columns, as places and names: corrected lines come with two more. */
  get columns() {
    return this.found.columns.map(({ name }, at) => [at, name]).filter(([, name]) => !ADDED.includes(name));
  }

  keepForCorrections({ mapping, defaults }) {
    localStorage.setItem(CORRECTIONS, JSON.stringify({ columns: this.columns, mapping, defaults }));
  }

  /** What the last import that had errors used, if this is the file of its corrected lines: { mapping, defaults }. */
  corrected() {
    const last = JSON.parse(localStorage.getItem(CORRECTIONS) || "null");
    const isSame = last && this.columns.length < this.found.columns.length && JSON.stringify(last.columns) === JSON.stringify(this.columns);
    return isSame ? last : null;
  }
}
