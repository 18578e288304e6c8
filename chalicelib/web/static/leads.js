/** The list of leads: search and filters, stage and tags changed on the spot, and changes to many. */

import { api, button, fill, h, heading, mayWrite, number, query, say as notify, style } from "./app.js";
import { saveCsv } from "./download.js";
import { bulkButtons } from "./lead-bulk.js";
import { nameOf, stageChoice, tagList } from "./lead-controls.js";
import { leadGroups, namesIn } from "./lead-form.js";
import { browse, debounced, nothing } from "./parts.js";

const SHOWN_TAGS = 6;

export async function show(place, { query: asked, signal }) {
  await style("leads.css");
  const search = h("input", { type: "search", placeholder: "Name, email or ID", "aria-label": "Search leads", value: asked.get("q") || "" });
  const entity = select("Business line", "All business lines", asked.get("entity"));
  const stage = select("Stage", "All stages", asked.get("stage"));
  const tag = select("Tag", "All tags", asked.get("tag"));
  const filters = () => ({ q: search.value.trim(), entity: entity.value, stage: stage.value, tag: tag.value });
  const areSet = () => Object.values(filters()).some(Boolean);
  const clear = button("Clear filters", () => {
    for (const each of [search, entity, stage, tag]) each.value = "";
    search.focus();
    restart();
  }, { class: "quiet", hidden: !areSet() });
  const exports = button("Export CSV", () => saveCsv(`leads.csv${query(filters())}`, "leads", exports, signal));
  const run = h("div");
  const body = h("div", {}, h("p", { class: "loading" }, "Loading leads…"));
  const adds = () => mayWrite() && [h("a", { class: "button", href: "#/leads/import" }, "Import leads"), h("a", { class: "button primary", href: "#/leads/new" }, "Add lead")];
  place.classList.add("leads-view");
  place.append(
    h("div", { class: "head" }, h("div", {}, heading("Leads")), h("div", { class: "actions" }, exports, adds())),
    h("div", { class: "bar" }, search, entity, stage, tag, clear), run, body);

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
  const restart = () => { clear.hidden = !areSet(); return list.restart(); };
  async function pause(isRunning) {
    if (!isRunning) await list.load();
    body.inert = isRunning;
  }

  function rows(items) {
    const chosen = new Map();
    let all = null;
    const boxes = new Map();
    const whole = h("input", { type: "checkbox", id: "select-page", onchange: ({ target: { checked } }) => items.forEach((lead) => choose(lead, checked)) });
    const tools = h("div", { class: "selection", role: "group", "aria-label": "Selected leads" });
    const say = h("span", { role: "status" });
    const more = h("span");
    const label = h("span", {}, "Select all on this page");
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
      label.className = chosen.size ? "sr" : "soft";
      say.textContent = all ? `${all.at_least ? "At least " : ""}${number(all.total)} selected` : `${number(chosen.size)} selected`;
      fill(more, whole.checked && !all && body.querySelector(".pages button") && button("Select all that match", selectAll, { class: "quiet" }));
    }
    async function selectAll() {
      fill(more, h("span", { class: "soft" }, "Counting…"));
      tools.querySelector("button").focus();
      try {
        const counted = await api("GET", `lead-count${query(filters())}`, { signal });
        if (whole.checked) all = counted;
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
    tools.append(say, more, ...bulkButtons(selection, (member) => namesIn(groups, `${member}s`, entity.value), run, signal, pause));
    const head = h("div", { class: "leads-head" }, mayWrite() && h("label", { class: "check" }, whole, label), tools);
    draw();
    return [mayWrite() && head, h("ul", { class: "plain" }, items.map((lead) => row(lead, choose, boxes)))];
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
        h("span", { class: "soft" }, lead.email || "No email address"), lead.unsubscribed && h("span", { class: "pill bad" }, "Unsubscribed")),
      h("span", { class: "lead-entity soft" }, lead.entity),
      h("div", { class: "lead-stage" }, stageChoice(lead, () => namesIn(groups, "stages", lead.entity), change)),
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
  stage.addEventListener("change", restart);
  tag.addEventListener("change", restart);
  search.addEventListener("input", debounced(restart, signal));

  leadGroups(signal).then((found) => { groups = found; offer(); });
  await list.load();
}

const present = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value));

const select = (label, all, chosen) => h("select", { "aria-label": label }, h("option", { value: "" }, all),
  chosen && h("option", { value: chosen, selected: true }, chosen));

function options(element, names) {
  const chosen = element.value;
  element.replaceChildren(element.firstChild, ...[...new Set([...names, ...(chosen ? [chosen] : [])])].map((name) => h("option", { value: name }, name)));
  element.value = chosen;
}
