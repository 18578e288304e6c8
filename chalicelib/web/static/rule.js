/** One rule and its log. */

import { api, button, crumbs, h, heading, mayWrite, moment, style } from "./app.js";
import { nameOf } from "./lead-controls.js";
import { card, follow, table, titlesOf } from "./parts.js";
import { enabling, inWords, remove, warnings } from "./rule-words.js";

export async function show(place, { id, query: asked, signal }) {
  await style("automation.css");
  const rule = await api("GET", `rules/${id}`, { signal });
  const titles = await titlesOf([rule.when.campaign_id].filter(Boolean), signal);
  const body = h("div");
  const more = h("p", { class: "more" });
  place.append(
    crumbs("#/automation", "Automation", "Rule"),
    h("div", { class: "head" },
      h("div", {}, heading(rule.name), h("p", { class: "rule-words" }, inWords(rule, titles)), ...warnings(rule)),
      h("div", { class: "actions" }, enabling(rule),
        mayWrite() && h("a", { class: "button", href: `#/automation/${id}/edit` }, "Edit"),
        mayWrite() && button("Delete…", async () => { if (await remove(rule)) location.hash = "#/automation"; }, { class: "danger" }))),
    card({ id: "log", title: "Log" }, body, more));

  const names = new Map();
  await follow(more, signal, {
    path: `rules/${id}/log`,
    asked,
    async draw(acts) {
      body.replaceChildren(acts.length ? log(acts, names) : h("p", { class: "soft" }, "Nothing yet. Leads changed by this rule appear here."));
      await lookUpNames(acts);
    },
  })();

  /** The log has the leads' ids; people know them by name. */
  async function lookUpNames(acts) {
    const missing = [...new Set(acts.map((act) => act.lead_id))].filter((lead) => !names.has(lead));
    await Promise.all(missing.map(async (lead) => names.set(lead, await api("GET", `leads/${lead}`, { signal }).then(nameOf, () => "Deleted lead"))));
    for (const link of body.querySelectorAll("[data-lead]")) link.textContent = names.get(link.dataset.lead);
  }
}

const log = (acts, names) => table("Log", [["Time", "nowrap"], "Lead", ["Campaign", "wide"], ["Changes", "whole"]], acts.map((act) => [
  moment(act.at),
  h("a", { class: "name", href: `#/leads/${act.lead_id}`, "data-lead": act.lead_id }, names.get(act.lead_id) || "…"),
  [h("a", { href: `#/campaigns/${act.campaign_id}/stats` }, act.campaign_title), act.url && h("p", { class: "note act-url" }, act.url)],
  [act.done.map((text) => h("p", {}, text)), act.failed.map((text) => h("p", {}, h("span", { class: "pill bad" }, "Failed"), " ", text))],
]), { class: "stacked" });
