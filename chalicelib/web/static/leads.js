/** The list of leads, with search and filters. */

import { api, h, heading, mayWrite, style } from "./app.js";
import { nameOf } from "./lead.js";
import { browse, debounced, nothing, table } from "./parts.js";

export async function show(place, { query: asked, signal }) {
  await style("lists.css");
  const search = h("input", { type: "search", placeholder: "Name, email or ID", "aria-label": "Search leads", value: asked.get("q") || "" });
  const entity = select("Business line", "All business lines");
  const stage = select("Stage", "All stages");
  const tag = select("Tag", "All tags");
  const body = h("div", {}, h("p", { class: "loading" }, "Loading leads…"));
  const importLeads = () => mayWrite() && h("a", { class: "button primary", href: "#/leads/import" }, "Import leads");
  place.append(
    h("div", { class: "head" }, h("div", {}, heading("Leads")), importLeads()),
    h("div", { class: "bar" }, search, entity, stage, tag), body);

  const filters = () => ({ q: search.value.trim(), entity: entity.value, stage: stage.value, tag: tag.value });
  const list = browse(body, signal, {
    path: "leads",
    values: () => ({ ...filters(), limit: 50 }),
    draw: (items) => h("section", { class: "card", "aria-label": "Leads" }, leadsTable(items)),
    empty: () => (Object.values(filters()).some(Boolean)
      ? nothing("No leads found", "Remove a filter or shorten the search.")
      : nothing("No leads yet", "Import leads from a CSV file so that your campaigns have recipients.", importLeads())),
  });

  /** Offer the stages and tags of the chosen business line, or of all. */
  let groups = [];
  function offer() {
    const offered = groups.filter((each) => !entity.value || each.entity === entity.value);
    const names = (what) => [...new Set(offered.flatMap((each) => each[what].map(({ name }) => name)))].toSorted();
    options(stage, names("stages"));
    options(tag, names("tags"));
  }

  entity.addEventListener("change", () => { offer(); list.restart(); });
  stage.addEventListener("change", list.restart);
  tag.addEventListener("change", list.restart);
  search.addEventListener("input", debounced(list.restart, signal));

  await list.load();
  try {
    groups = (await api("GET", "lead-groups", { signal })).items;
    options(entity, groups.map((each) => each.entity));
    offer();
  } catch {
    // The list also works without choices in its filters.
  }
}

const select = (label, all) => h("select", { "aria-label": label }, h("option", { value: "" }, all));

function options(element, names) {
  const chosen = element.value;
  element.replaceChildren(element.firstChild, ...names.map((name) => h("option", { value: name }, name)));
  element.value = names.includes(chosen) ? chosen : "";
}

const leadsTable = (items) => table("Leads", ["Name", "Email", "Business line", "Stage", "Tags"], items.map((lead) => [
  h("a", { href: `#/leads/${lead.lead_id}` }, nameOf(lead)),
  [lead.email || h("span", { class: "soft" }, "none"), lead.unsubscribed && [" ", h("span", { class: "pill bad" }, "Unsubscribed")]],
  lead.entity, lead.stage,
  lead.tags.map((tag) => h("span", { class: "tag" }, tag)),
]));
