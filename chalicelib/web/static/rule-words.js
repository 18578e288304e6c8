/** A rule in words: "When a lead clicks … in …, and is in … at …, then change the stage to …". */

import { api, h, mayWrite, say } from "./app.js";

export const EVENTS = {
  clicked: "a lead clicks a link", opened: "a lead opens a mail", bounced: "a lead’s address bounces", unsubscribed: "a lead unsubscribes",
};

export const ACTIONS = {
  change_stage: { name: "Change the stage", value: "stage", label: "Stage" },
  add_tag: { name: "Add a tag", value: "tag", label: "Tag" },
  remove_tag: { name: "Remove a tag", value: "tag", label: "Tag" },
  set_field: { name: "Set a field", value: "value", label: "Value" },
};

/** Elements for a paragraph; `titles`: of the campaigns that rules name, by id. */
export const inWords = (rule, titles) => [
  "When ", event(rule.when), " in ", campaign(rule.when, titles), condition(rule.if),
  ", then ", listed(rule.then.map(action), "and"), ".",
].flat(Infinity);

const said = (text) => h("b", {}, text);
const pattern = (text) => h("code", {}, text);

function event({ event: name, url }) {
  return name === "clicked" && url ? ["a lead clicks ", pattern(url)] : EVENTS[name];
}

function campaign({ campaign_id: id, campaign_title: title }, titles) {
  if (!id) return title ? pattern(title) : "any campaign";
  return [said(`“${titles.get(id)}”`), title && [" if its title is like ", pattern(title)]];
}

function condition({ entity, stages, tags }) {
  if (!entity && !stages.length && !tags.length) return "";
  return [", and is",
    entity && [" in ", said(entity)], stages.length ? [" at ", listed(stages.map(said), "or")] : null,
    tags.length ? [entity || stages.length ? ", tagged " : " tagged ", listed(tags.map(said), "and")] : null];
}

function action(each) {
  switch (each.action) {
    case "change_stage": return ["change the stage to ", said(each.stage)];
    case "add_tag": return ["add the tag ", said(each.tag)];
    case "remove_tag": return ["remove the tag ", said(each.tag)];
    default: return each.value === "" ? ["clear ", said(each.field)] : ["set ", said(each.field), " to ", said(each.value)];
  }
}

/** "a, b and c" */
const listed = (parts, last) => parts.map((part, place) =>
  [place === 0 ? "" : place === parts.length - 1 ? ` ${last} ` : ", ", part]);

/** Whether a rule acts, to see and to change. */
export function enabling(rule) {
  if (!mayWrite()) return h("span", { class: `pill ${rule.enabled ? "good" : ""}` }, rule.enabled ? "Enabled" : "Disabled");
  const box = h("input", { type: "checkbox", role: "switch", checked: rule.enabled, "aria-label": `Enabled: ${rule.name}`, onchange: async () => {
    box.disabled = true;
    try {
      await api("POST", `rules/${rule.rule_id}/${box.checked ? "enable" : "disable"}`);
      rule.enabled = box.checked;
      say(box.checked ? "It acts on what happens from now on." : "It does not act any more.");
    } catch (problem) {
      box.checked = rule.enabled;
      say(problem.message);
    } finally {
      box.disabled = false;
      box.focus();
    }
  } });
  return h("label", { class: "toggle" }, box, "Enabled");
}

/** What may be a mistake. */
export const warnings = (rule) => rule.warnings.map(({ reason }) =>
  h("p", { class: "note" }, h("span", { class: "pill skipped" }, "Warning"), " ", reason));

/** Ask, and delete it; null when it stays. */
export async function remove(rule) {
  const { confirm } = await import("./dialogs.js");
  return confirm({
    title: `Delete “${rule.name}”?`, action: "Delete rule", danger: true,
    text: "It acts no more and its log is gone. What it did to leads stays done, and stays on their timelines.",
    run: () => api("DELETE", `rules/${rule.rule_id}`),
  });
}
