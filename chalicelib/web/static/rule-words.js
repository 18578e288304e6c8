/** A rule as a sentence: "When a lead clicks … in …, and is in … at stage …, then change the stage to …". */

import { api, h, mayWrite, say } from "./app.js";
import { disabledDuring } from "./parts.js";

export const EVENTS = {
  clicked: "A lead clicks a link", opened: "A lead opens an email", bounced: "A lead’s address bounces", unsubscribed: "A lead unsubscribes",
};

export const ACTIONS = {
  change_stage: { name: "Change the stage", value: "stage", label: "Stage" },
  add_tag: { name: "Add a tag", value: "tag", label: "Tag" },
  remove_tag: { name: "Remove a tag", value: "tag", label: "Tag" },
  set_field: { name: "Set a field", value: "value", label: "Value" },
};

/** The sentence as elements for a paragraph. `titles`: the titles of the campaigns in it, by id. */
export const inWords = (rule, titles) => [
  "When ", event(rule.when), " in ", campaign(rule.when, titles), condition(rule.if),
  ", then ", listed(rule.then.map(action), "and"), ".",
].flat(Infinity);

const bold = (text) => h("b", {}, text);
const pattern = (text) => h("code", {}, text);

function event({ event: name, url }) {
  return name === "clicked" && url ? ["a lead clicks a link to ", pattern(url)] : EVENTS[name].replace("A", "a");
}

function campaign({ campaign_id: id, campaign_title: title }, titles) {
  if (!id) return title ? ["a campaign titled ", pattern(title)] : "any campaign";
  return [bold(`“${titles.get(id)}”`), title && [" if its title matches ", pattern(title)]];
}

function condition({ entity, stages, tags }) {
  if (!entity && !stages.length && !tags.length) return "";
  return [", and is",
    entity && [" in ", bold(entity)], stages.length ? [" at stage ", listed(stages.map(bold), "or")] : null,
    tags.length ? [entity || stages.length ? ", tagged " : " tagged ", listed(tags.map(bold), "and")] : null];
}

function action(each) {
  switch (each.action) {
    case "change_stage": return ["change the stage to ", bold(each.stage)];
    case "add_tag": return ["add the tag ", bold(each.tag)];
    case "remove_tag": return ["remove the tag ", bold(each.tag)];
    default: return each.value === "" ? ["clear ", bold(each.field)] : ["set ", bold(each.field), " to ", bold(each.value)];
  }
}

/** "a, b and c" */
const listed = (parts, last) => parts.map((part, place) => {
  if (place === 0) return part;
  return [place === parts.length - 1 ? ` ${last} ` : ", ", part];
});

/** The switch that enables or disables a rule. */
export function enabling(rule) {
  if (!mayWrite()) return h("span", { class: `pill ${rule.enabled ? "good" : ""}` }, rule.enabled ? "Enabled" : "Disabled");
  const state = h("span", { "aria-hidden": "true" });
  const tell = () => { state.textContent = box.checked ? "Enabled" : "Disabled"; };
  const box = h("input", { type: "checkbox", role: "switch", checked: rule.enabled, "aria-label": `Enabled: ${rule.name}`, onchange: () => disabledDuring(box, async () => {
    try {
      await api("POST", `rules/${rule.rule_id}/${box.checked ? "enable" : "disable"}`);
      rule.enabled = box.checked;
      say(box.checked ? "Rule enabled. It applies to new events." : "Rule disabled.");
    } catch (problem) {
      box.checked = rule.enabled;
      say(problem.message);
    }
    tell();
  }) });
  tell();
  return h("label", { class: "toggle" }, box, state);
}

/** Possible mistakes in a rule. */
export const warnings = (rule) => rule.warnings.map(({ reason }) =>
  h("p", { class: "note" }, h("span", { class: "pill skipped" }, "Warning"), " ", reason));

/** Ask, then delete the rule; null if it was kept. */
export async function remove(rule) {
  const { confirm } = await import("./dialogs.js");
  return confirm({
    title: `Delete “${rule.name}”?`, action: "Delete rule", danger: true,
    text: "The rule and its log are deleted. Changes that it made to leads stay, also on their timelines.",
    run: () => api("DELETE", `rules/${rule.rule_id}`),
  });
}
