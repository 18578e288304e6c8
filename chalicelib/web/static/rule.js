/** One rule: what it says, and the log of what it did. */

import { api, failure, h, heading, mayWrite, moment, query, style } from "./app.js";
import { titlesOf } from "./behavior.js";
import { nameOf } from "./lead.js";
import { enabling, inWords, remove, warnings } from "./rule-words.js";

const PAGE = 20;

export async function show(place, { id, signal }) {
  await style("automation.css");
  const rule = await api("GET", `rules/${id}`, { signal });
  const titles = await titlesOf([rule.when.campaign_id].filter(Boolean), signal);
  const body = h("div");
  const more = h("p", { class: "more" });
  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "#/automation" }, "Automation"), "/", h("span", {}, "Rule")),
    h("div", { class: "head" },
      h("div", {}, heading(rule.name), h("p", { class: "rule-words" }, inWords(rule, titles)), ...warnings(rule)),
      h("div", { class: "actions" }, enabling(rule),
        mayWrite() && h("a", { class: "button", href: `#/automation/${id}/edit` }, "Change"),
        mayWrite() && h("button", { type: "button", class: "danger", onclick: async () => { if (await remove(rule)) location.hash = "#/automation"; } }, "Delete"))),
    h("section", { class: "card", "aria-labelledby": "log" }, h("h2", { id: "log" }, "What it did"), body, more));

  const names = new Map();
  let timer = null;
  let known = "";
  let pages = 1;
  async function load() {
    clearTimeout(timer);
    try {
      const acts = [];
      let cursor = null;
      for (let page = 0; page < pages; page += 1) {
        const found = await api("GET", `rules/${id}/log${query({ limit: PAGE, cursor })}`, { signal });
        acts.push(...found.items);
        cursor = found.cursor;
        if (!cursor) break;
      }
      if (known !== JSON.stringify(acts)) {
        known = JSON.stringify(acts);
        body.replaceChildren(acts.length ? table(acts) : h("p", { class: "soft" }, "Nothing yet. Each lead that it changes will stand here."));
        await name(acts);
      }
      more.replaceChildren(...(cursor ? [h("button", { type: "button", onclick: () => { pages += 1; load(); } }, "Older")] : []));
    } catch (problem) {
      if (signal.aborted) return;
      more.replaceChildren(failure(problem, load));
    }
    if (!signal.aborted) timer = setTimeout(load, 5000);
  }

  /** The log knows leads by their ids; people know them by their names. */
  async function name(acts) {
    const missing = [...new Set(acts.map((act) => act.lead_id))].filter((lead) => !names.has(lead));
    await Promise.all(missing.map(async (lead) => names.set(lead, await api("GET", `leads/${lead}`, { signal }).then(nameOf, () => "A lead that is gone"))));
    for (const link of body.querySelectorAll("[data-lead]")) link.textContent = names.get(link.dataset.lead);
  }

  function table(acts) {
    return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "What it did" }, h("table", { class: "acts" },
      h("thead", {}, h("tr", {}, ["When", "Lead", "Campaign", "What was done"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, acts.map((act) => h("tr", {},
        h("td", { class: "nowrap" }, moment(act.at)),
        h("td", {}, h("a", { href: `#/leads/${act.lead_id}`, "data-lead": act.lead_id }, names.get(act.lead_id) || "…")),
        h("td", {}, h("a", { href: `#/campaigns/${act.campaign_id}/stats` }, act.campaign_title), act.url && h("p", { class: "note act-url" }, act.url)),
        h("td", {}, act.done.map((text) => h("p", {}, text)),
          act.failed.map((text) => h("p", {}, h("span", { class: "pill bad" }, "Failed"), " ", text))))))));
  }

  signal.addEventListener("abort", () => clearTimeout(timer));
  await load();
}
