/** Automation: the rules, each in words. */

import { api, failure, h, heading, mayWrite, style } from "./app.js";
import { titlesOf } from "./behavior.js";
import { enabling, inWords, remove, warnings } from "./rule-words.js";

export async function show(place, { signal }) {
  await style("automation.css");
  const list = h("div", {}, h("p", { class: "loading" }, "Loading rules…"));
  place.append(
    h("div", { class: "head" },
      h("div", {}, heading("Automation"),
        h("p", { class: "soft" }, "Rules change leads when they react to a campaign: once per lead and campaign, and never for what machines do.")),
      mayWrite() && h("a", { class: "button primary", href: "#/automation/new" }, "New rule")),
    list);

  async function load() {
    try {
      const { items } = await api("GET", "rules", { signal });
      const titles = await titlesOf(items.map(({ when }) => when.campaign_id).filter(Boolean), signal);
      list.replaceChildren(items.length
        ? h("ul", { class: "rules card" }, items.map((rule) => row(rule, titles, load)))
        : nothingYet());
    } catch (problem) {
      if (!signal.aborted) list.replaceChildren(failure(problem, load));
    }
  }
  await load();
}

function row(rule, titles, reload) {
  const address = `#/automation/${rule.rule_id}`;
  return h("li", { class: "rule" },
    h("div", { class: "stack" },
      h("a", { class: "rule-name", href: address }, rule.name),
      h("p", { class: "rule-words" }, inWords(rule, titles)), warnings(rule)),
    h("div", { class: "rule-actions" }, enabling(rule),
      mayWrite() && h("a", { class: "button quiet", href: `${address}/edit`, "aria-label": `Change ${rule.name}` }, "Change"),
      mayWrite() && h("button", {
        type: "button", class: "quiet", "aria-label": `Delete ${rule.name}`, onclick: async () => { if (await remove(rule)) reload(); },
      }, "Delete")));
}

const nothingYet = () => h("div", { class: "card empty" },
  h("h2", {}, "No rules yet"),
  h("p", {}, "A rule says what becomes of a lead who reacts, such as: whoever clicks the link to your prices is a Hot Lead."),
  mayWrite() && h("a", { class: "button primary", href: "#/automation/new" }, "Write a rule"));
