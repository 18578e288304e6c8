/** Automation: the list of rules. */

import { api, button, h, heading, mayWrite, style } from "./app.js";
import { attempt, nothing, titlesOf } from "./parts.js";
import { enabling, inWords, remove, warnings } from "./rule-words.js";

export async function show(place, { signal }) {
  await style("automation.css");
  const list = h("div", {}, h("p", { class: "loading" }, "Loading rules…"));
  const newRule = () => mayWrite() && h("a", { class: "button primary", href: "#/automation/new" }, "New rule");
  place.append(
    h("div", { class: "head" }, heading("Automation"), newRule()),
    h("p", { class: "soft" }, "Rules update leads that react to a campaign: once per lead and campaign. Machine opens and clicks are ignored."),
    list);

  const load = () => attempt(list, signal, async () => {
    const { items } = await api("GET", "rules", { signal });
    const titles = await titlesOf(items.map(({ when }) => when.campaign_id).filter(Boolean), signal);
    list.replaceChildren(items.length
      ? h("ul", { class: "card rows" }, items.map((rule) => row(rule, titles, load)))
      : nothing("No rules yet", "A rule updates leads that react to a campaign. For example: when a lead clicks the pricing link, change the stage to Hot Lead.", newRule()));
  });
  await load();
}

function row(rule, titles, reload) {
  const address = `#/automation/${rule.rule_id}`;
  return h("li", { class: "rule" },
    h("div", {},
      h("a", { class: "name", href: address }, rule.name),
      h("p", { class: "rule-words" }, inWords(rule, titles)), warnings(rule)),
    h("div", { class: "rule-actions" }, enabling(rule),
      mayWrite() && h("a", { class: "button quiet", href: `${address}/edit`, "aria-label": `Edit ${rule.name}` }, "Edit"),
      mayWrite() && button("Delete…", async () => { if (await remove(rule)) reload(); }, { class: "quiet", "aria-label": `Delete ${rule.name}` })));
}
