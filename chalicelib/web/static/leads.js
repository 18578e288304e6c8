/** The list of leads: search and filters, stage and tags changed on the spot, and changes to many. */

import { api, button, counted, fill, h, heading, mayWrite, number, query, say as notify, style } from "./app.js";
import { saveCsv } from "./download.js";
import { asSent, readable } from "./idn.js";
import { bulkButtons } from "./lead-bulk.js";
import { nameOf, stageChoice, tagList } from "./lead-controls.js";
import { leadGroups, namesIn } from "./lead-form.js";
import { browse, choice, debounced, nothing } from "./parts.js";
import { pillsOf, REASONS } from "./suppression-words.js";

const SHOWN_TAGS = 6;
const STATUSES = { "": "Any email status", subscribed: "Subscribed", ...REASONS };

export async function show(place, { query: asked, signal }) {
  await style("leads.css");
  const search = h("input", { type: "search", placeholder: "Name, email, company…", "aria-label": "Search leads", value: asked.get("q") || "" });
  const entity = select("Business line", "All business lines", asked.get("entity"));
  const stage = select("Stage", "All stages", asked.get("stage"));
  const tag = select("Tag", "All tags", asked.get("tag"));
  const status = choice(STATUSES, asked.get("status"), { "aria-label": "Email status" });
  const filters = () => ({ q: search.value.trim(), entity: entity.value, stage: stage.value, tag: tag.value, status: status.value });
  const areSet = () => Object.values(filters()).some(Boolean);
  const clear = button("Clear filters", () => {
    for (const each of [search, entity, stage, tag, status]) each.value = "";
    search.focus();
    restart();
  }, { class: "quiet", hidden: !areSet() });
  const exports = button("Export CSV", () => saveCsv(`leads.csv${query(filters())}`, "leads", exports, signal));
  const total = h("p", { class: "soft one-line", role: "status" });
  const run = h("div");
  const body = h("div", {}, h("p", { class: "loading" }, "Loading leads…"));
  const adds = () => mayWrite() && [h("a", { class: "button", href: "#/leads/import" }, "Import leads"), h("a", { class: "button primary", href: "#/leads/new" }, "Add lead")];
  place.classList.add("leads-view");
  place.append(
    h("div", { class: "head" }, h("div", {}, heading("Leads"), total), h("div", { class: "actions" }, exports, adds())),
    h("div", { class: "bar" }, search, entity, stage, tag, status, clear), run, body);

  let groups = [];
  const list = browse(body, signal, {
    path: "leads",
    asked,
    filters,
    values: () => ({ ...filters(), limit: 50 }),
    draw: (items) => h("section", { class: "card leads", "aria-label": "Leads" }, rows(items)),
    empty: () => (areSet()
      ? nothing("No leads found", "Remove a filter or shorten the search.")
      : nothing("No leads yet", "Add leads, or import them from a file, so that your campaigns have recipients.", adds())),
  });
  const restart = () => { clear.hidden = !areSet(); return showing(list.restart); };
  async function pause(isRunning) {
    if (!isRunning) await showing(list.load);
    body.inert = isRunning;
  }

  let visit = new AbortController();
  let counting = null;
  function count() {
    counting ??= api("GET", `lead-count${query(filters())}`, { signal: AbortSignal.any([signal, visit.signal]) })
      .catch((problem) => { counting = null; throw problem; });
    return counting;
  }
  /** Load the list, and then, since it may look through all leads, count those that match. */
  async function showing(load) {
    visit.abort();
    visit = new AbortController();
    const { signal: latest } = visit;
    counting = null;
    total.textContent = "";
    await load();
    if (latest.aborted || signal.aborted) return;
    count().then((found) => { if (found.total) total.textContent = `${found.at_least ? "At least " : ""}${counted(found.total, "lead")}`; }, () => null);
  }

  function rows(items) {
    const chosen = new Map();
    let all = null;
    const boxes = new Map();
    const whole = h("input", { type: "checkbox", id: "select-page", onchange: ({ target: { checked } }) => items.forEach((lead) => choose(lead, checked)) });
    const tools = h("div", { class: "selection", role: "group", "aria-label": "Selected leads" });
    const say = h("span", { role: "status" });
    const more = h("span");
    const columns = h("div", { class: "lead-columns", "aria-hidden": "true" }, ["Lead", "Business line", "Stage", "Tags"].map((title) => h("span", {}, title)));
    function choose(lead, isChosen) {
      if (isChosen) chosen.set(lead.lead_id, lead);
      else chosen.delete(lead.lead_id);
      boxes.get(lead.lead_id).checked = isChosen;
      all = null;
      draw();
    }
    function draw() {
      whole.checked = chosen.size === items.length;
      whole.indeterminate = chosen.size > 0 && !whole.checked;
      tools.hidden = !chosen.size;
      columns.hidden = chosen.size > 0;
      say.textContent = all ? `${all.at_least ? "At least " : ""}${number(all.total)} selected` : `${number(chosen.size)} selected`;
      fill(more, whole.checked && !all && body.querySelector(".pages button") && button("Select all that match", selectAll, { class: "quiet" }));
    }
    async function selectAll() {
      fill(more, h("span", { class: "soft" }, "Counting…"));
      tools.querySelector("button").focus();
      try {
        const found = await count();
        if (whole.checked) all = found;
      } catch (problem) {
        if (signal.aborted) return;
        notify(problem.message);
      }
      draw();
    }
    const selection = () => (all
      ? { target: { filter: present(filters()) }, total: all.total, atLeast: all.at_least,
        words: areSet() ? "These are all leads that match the search and filters." : "These are all your leads." }
      : { target: { lead_ids: [...chosen.keys()] }, total: chosen.size, names: new Map([...chosen].map(([id, lead]) => [id, nameOf(lead)])) });
    tools.append(say, more, ...bulkButtons(selection, (what) => namesIn(groups, what, entity.value), run, signal, pause));
    const box = h("label", { class: "check" }, whole, h("span", { class: "sr" }, "Select all on this page"));
    draw();
    return [h("div", { class: "leads-head" }, mayWrite() && box, columns, tools), h("ul", { class: "plain" }, items.map((lead) => row(lead, choose, boxes)))];
  }

  function row(known, choose, boxes) {
    let lead = known;
    const element = h("li", { class: "lead-row" });
    const change = (changed) => { lead = changed; };
    const box = h("input", { type: "checkbox", "aria-label": `Select ${nameOf(lead)}`, onchange: () => choose(lead, box.checked) });
    boxes.set(lead.lead_id, box);
    fill(element,
      mayWrite() && h("label", { class: "check" }, box),
      h("div", { class: "lead-who" }, h("a", { class: "name", href: `#/leads/${lead.lead_id}` }, nameOf(lead)),
        h("span", { class: "soft", title: asSent(lead.email) }, readable(lead.email) || "No email address"), h("div", { class: "bar" }, pillsOf(lead.mailing_status))),
      h("span", { class: "lead-entity soft" }, lead.entity),
      h("div", { class: "lead-stage" }, stageChoice(lead, () => namesIn(groups, "stages"), change)),
      tagList(lead, () => namesIn(groups, "tags", lead.entity), change, SHOWN_TAGS));
    return element;
  }

  /** Offer the stages and tags of the chosen business line, or of all; what the address asks for stays. */
  function offer() {
    options(entity, groups.map((each) => each.entity));
    options(stage, namesIn(groups, "stages", entity.value));
    options(tag, namesIn(groups, "tags", entity.value));
  }
  entity.addEventListener("change", () => { stage.value = ""; tag.value = ""; offer(); restart(); });
  for (const each of [stage, tag, status]) each.addEventListener("change", restart);
  search.addEventListener("input", debounced(restart, signal));

  leadGroups(signal).then((found) => { groups = found; offer(); });
  await showing(list.load);
}

const present = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value));

const select = (label, all, chosen) => choice({ "": all, ...(chosen && { [chosen]: chosen }) }, chosen, { "aria-label": label });

function options(element, names) {
  const chosen = element.value;
  element.replaceChildren(element.firstChild, ...[...new Set([...names, ...(chosen ? [chosen] : [])])].map((name) => h("option", { value: name }, name)));
  element.value = chosen;
}
