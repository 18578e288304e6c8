/** The leads: filtered by business line, stage, tag, name or address. */

import { api, failure, h, heading, mayWrite, query, style } from "./app.js";
import { nameOf } from "./lead.js";

export async function show(place, { query: asked, signal }) {
  await style("lists.css");
  const search = h("input", { type: "search", placeholder: "Name, address or external id", "aria-label": "Search leads", value: asked.get("q") || "" });
  const entity = select("Business line", "All business lines");
  const stage = select("Stage", "All stages");
  const tag = select("Tag", "All tags");
  const body = h("div", {}, h("p", { class: "loading" }, "Loading leads…"));
  place.append(
    h("div", { class: "head" }, h("div", {}, heading("Leads")),
      mayWrite() && h("a", { class: "button primary", href: "#/leads/import" }, "Import leads")),
    h("div", { class: "bar" }, search, entity, stage, tag), body);

  let groups = [];
  let cursors = [null];
  const filters = () => ({ q: search.value.trim(), entity: entity.value, stage: stage.value, tag: tag.value });

  async function load() {
    try {
      const items = [];
      let cursor = cursors.at(-1);
      do {
        const page = await api("GET", `leads${query({ ...filters(), limit: 50, cursor })}`, { signal });
        items.push(...page.items);
        cursor = page.cursor;
      } while (cursor && !items.length);
      draw(items, cursor);
    } catch (problem) {
      if (!signal.aborted) body.replaceChildren(failure(problem, load));
    }
  }

  function draw(items, following) {
    if (!items.length) {
      const isFiltered = Object.values(filters()).some(Boolean);
      body.replaceChildren(h("div", { class: "card empty" },
        h("h2", {}, isFiltered ? "No lead fits" : "No leads yet"),
        h("p", {}, isFiltered ? "Take a filter away, or look for less of the name." : "Bring them in from a CSV file; a campaign needs somebody to write to."),
        !isFiltered && mayWrite() && h("a", { class: "button primary", href: "#/leads/import" }, "Import leads")));
      return;
    }
    const turn = (cursor) => { if (cursor === undefined) cursors.pop(); else cursors.push(cursor); load(); };
    body.replaceChildren(h("section", { class: "card", "aria-label": "Leads" }, table(items)),
      h("p", { class: "more" },
        cursors.length > 1 && h("button", { type: "button", onclick: () => turn() }, "Back"),
        following && h("button", { type: "button", onclick: () => turn(following) }, "Next")));
  }

  /** Stages and tags are those of the chosen business line, or of all. */
  function offer() {
    const some = groups.filter((each) => !entity.value || each.entity === entity.value);
    const names = (what) => [...new Set(some.flatMap((each) => each[what].map(({ name }) => name)))].sort();
    options(stage, names("stages"));
    options(tag, names("tags"));
  }

  const again = () => { cursors = [null]; load(); };
  entity.addEventListener("change", () => { offer(); again(); });
  stage.addEventListener("change", again);
  tag.addEventListener("change", again);
  let typing = null;
  search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(again, 300); });
  signal.addEventListener("abort", () => clearTimeout(typing));

  await load();
  try {
    groups = (await api("GET", "lead-groups", { signal })).items;
    options(entity, groups.map((each) => each.entity));
    offer();
  } catch {
    // The list works without its filters' choices.
  }
}

const select = (label, all) => h("select", { "aria-label": label }, h("option", { value: "" }, all));

function options(element, names) {
  const chosen = element.value;
  element.replaceChildren(element.firstChild, ...names.map((name) => h("option", { value: name }, name)));
  element.value = names.includes(chosen) ? chosen : "";
}

function table(items) {
  const head = ["Name", "Address", "Business line", "Stage", "Tags"];
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Leads" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, items.map((lead) => h("tr", {},
      h("td", {}, h("a", { href: `#/leads/${lead.lead_id}` }, nameOf(lead))),
      h("td", {}, lead.email || h("span", { class: "soft" }, "none"), lead.unsubscribed && [" ", h("span", { class: "pill bad" }, "Unsubscribed")]),
      h("td", {}, lead.entity), h("td", {}, lead.stage),
      h("td", {}, lead.tags.map((tag) => h("span", { class: "tag" }, tag))))))));
}
