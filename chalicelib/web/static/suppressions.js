/** Settings: the suppression list: addresses that are not emailed, by one business line or by none. */

import { api, button, counted, date, h, mayWrite, query, say } from "./app.js";
import { confirm, tell } from "./dialogs.js";
import { asSent, readable } from "./idn.js";
import { browse, choice, debounced, nothing } from "./parts.js";
import { settingsHead } from "./settings.js";
import { reasonField, REASONS, whyNot } from "./suppression-words.js";

const CHOICES = { "": "All reasons", ...REASONS, manual: "Put on the list", removed: "Removed" };
const LINES = 1000;
const SHOWN_ERRORS = 20;
const INDEX_MS = 1500;

export async function show(place, { query: asked, signal }) {
  const search = h("input", { type: "search", placeholder: "Address starts with…", "aria-label": "Search addresses", value: asked.get("q") || "", autocapitalize: "off", spellcheck: "false" });
  const reason = choice(CHOICES, asked.get("reason"), { "aria-label": "Reason" });
  const body = h("div", {}, h("p", { class: "loading" }, "Loading addresses…"));
  const actions = () => mayWrite() && [button("Import…", () => changed(takeFile())), button("Add…", () => changed(add()), { class: "primary" })];
  place.append(...settingsHead("#/settings/suppressions"),
    h("p", { class: "soft" }, "Addresses that are not emailed: those that unsubscribed by the business line that they unsubscribed from, all others by none. They stay here when their leads are deleted or imported again."),
    h("div", { class: "bar" }, search, reason, h("div", { class: "actions" }, actions())), body);

  const filters = () => ({ q: search.value.trim(), reason: reason.value });
  const list = browse(body, signal, {
    path: "suppressions",
    asked,
    filters,
    draw: (items) => h("ul", { class: "card rows", "aria-label": "Suppression list" }, items.map(row)),
    empty: () => (search.value.trim() || reason.value
      ? nothing("No addresses found", "Addresses are found by how they start. Shorten the search or choose all reasons.")
      : nothing("Nobody is suppressed", "People who unsubscribe or mark an email as spam, and addresses that bounce, appear here by themselves.", actions())),
  });
  search.addEventListener("input", debounced(list.restart, signal));
  reason.addEventListener("change", list.restart);

  /** Show the list once a change is made, and again when the list must have it: it follows within a second. */
  async function changed(change) {
    if (!await change || signal.aborted) return;
    await list.load();
    setTimeout(() => { if (!signal.aborted && !body.contains(document.activeElement)) list.load(); }, INDEX_MS);
  }

  function row({ email, marks, removed }) {
    const why = marks.map((mark) => h("p", { class: "note" }, whyNot(mark), ", ", date(mark.at)));
    const off = !marks.length && removed && h("p", { class: "note" }, "Removed by ", h("bdi", {}, removed.by), ": “", h("bdi", {}, removed.reason), "”, ", date(removed.at));
    return h("li", {},
      h("div", {}, email ? h("b", { title: asSent(email) }, readable(email)) : h("b", { class: "soft" }, "Erased person"), why, off),
      mayWrite() && email && marks.length > 0 && button("Remove…", () => changed(remove(email)), { class: "quiet", "aria-label": `Remove ${readable(email)}…` }));
  }

  await list.load();
}

async function remove(email) {
  const done = await confirm({
    title: `Remove ${readable(email)}?`,
    text: "It may be emailed again by every business line, also after a bounce or a complaint. Do this only if its owner asked for it.",
    fields: reasonField("Signed up again on the website"),
    action: "Remove",
    run: (form) => api("POST", "suppressions/remove", { body: { email, reason: form.get("reason") } }),
  });
  if (done) say(`${readable(email)} may be emailed again.`);
  return done;
}

async function add() {
  const done = await confirm({
    title: "Add to the suppression list",
    fields: [
      h("label", { for: "emails" }, "Addresses"),
      h("textarea", { id: "emails", name: "emails", rows: 4, required: true, autocapitalize: "off", spellcheck: "false", placeholder: "One per line" }),
      ...reasonField("Asked by phone not to be emailed"),
    ],
    action: "Add",
    async run(form) {
      const emails = form.get("emails").split(/[\s,;]+/).filter(Boolean);
      try {
        return await api("POST", "suppressions", { body: { emails, reason: form.get("reason") } });
      } catch (problem) {
        const [first] = problem.errors || [];
        const wrong = emails[/^emails\[(\d+)\]$/.exec(first?.field)?.[1]];
        throw wrong ? new Error(`“${wrong}” ${first.reason}.`) : problem;
      }
    },
  });
  if (done) say(outcome(done));
  return done;
}

async function takeFile() {
  const status = h("p", { class: "note", role: "status" });
  const done = await confirm({
    title: "Import addresses",
    text: "A list with one address per line, or a CSV file: the first address of each line counts.",
    fields: [
      h("label", { for: "file" }, "File"),
      h("input", { type: "file", id: "file", name: "file", required: true, accept: ".csv,.txt,.tsv,text/csv,text/plain" }),
      ...reasonField("Unsubscribed in the old tool"),
      status,
    ],
    action: "Import",
    run: (form) => send(form.get("file"), form.get("reason"), status),
  });
  if (!done) return done;
  const { errors } = done;
  tell("Imported", h("p", {}, outcome(done)),
    errors.length > 0 && [
      h("p", {}, `${counted(errors.length, "line")} without a valid address:`),
      h("ul", { class: "note plain-list" }, errors.slice(0, SHOWN_ERRORS).map(({ line, reason }) => h("li", {}, `Line ${line} ${reason}`))),
      errors.length > SHOWN_ERRORS && h("p", { class: "note" }, `And ${counted(errors.length - SHOWN_ERRORS, "more", "more")}.`)]);
  return done;
}

/** Send a file in pieces. Importing it again changes nothing, so after an error it can be tried again. */
async function send(file, reason, status) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) throw new Error("This is an Excel workbook. Save the sheet as CSV and choose that file.");
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe;
  const lines = new TextDecoder(isWide ? "utf-16le" : "utf-8").decode(bytes).split(/\r\n|\r|\n/);
  const sum = { added: 0, known: 0, errors: [] };
  for (let at = 0; at < lines.length; at += LINES) {
    if (lines.length > LINES) status.textContent = `Line ${at + 1} of ${lines.length}…`;
    // The first line of a piece may be a header, so that of a later piece is empty.
    const text = `${at ? "\n" : ""}${lines.slice(at, at + LINES).join("\n")}`;
    const answer = await api("POST", `suppressions/import${query({ reason })}`, { body: text, type: "text/plain" });
    sum.added += answer.added;
    sum.known += answer.known;
    sum.errors.push(...answer.errors.map(({ line, reason: why }) => ({ line: line + at - (at ? 1 : 0), reason: why })));
  }
  status.textContent = "";
  return sum;
}

const outcome = ({ added, known }) =>
  `${counted(added, "address was", "addresses were")} added${known ? `, ${counted(known, "was", "were")} on the list already` : ""}.`;
