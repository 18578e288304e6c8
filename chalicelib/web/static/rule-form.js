/** The form for a new or an existing rule. */

import { api, button, crumbs, failure, fill, h, heading, mayWrite, Problem, query, say, style } from "./app.js";
import { audience } from "./audience.js";
import { fieldErrors, labelled } from "./field-errors.js";
import { card, choice, disabledDuring } from "./parts.js";
import { ACTIONS, EVENTS } from "./rule-words.js";

const BLANK = {
  name: "", when: { event: "clicked", campaign_id: null, campaign_title: null, url: null },
  if: { entity: null, stages: [], tags: [] }, then: [{ action: "change_stage", stage: "" }],
};

export async function show(place, { id, signal }) {
  await Promise.all([style("editor.css"), style("automation.css")]);
  const lookup = api("GET", "lead-groups", { signal });
  const [rule, { items: campaigns }] = await Promise.all([
    id ? api("GET", `rules/${id}`, { signal }) : BLANK, api("GET", `campaigns${query({ limit: 100 })}`, { signal }), lookup.catch(() => null),
  ]);
  const { when } = rule;
  const named = when.campaign_id && !campaigns.some((each) => each.campaign_id === when.campaign_id)
    ? [await api("GET", `campaigns/${when.campaign_id}`, { signal }).catch(() => ({ campaign_id: when.campaign_id, title: "Deleted campaign" }))] : [];
  const key = crypto.randomUUID();
  const alert = h("div");

  const name = h("input", { id: "name", value: rule.name, required: true, autocomplete: "off", "aria-describedby": "name-error" });
  const event = choice(EVENTS, when.event, { id: "event", onchange: () => { address.hidden = event.value !== "clicked"; } });
  const campaign = h("select", { id: "campaign", onchange: () => offerLinks() }, h("option", { value: "" }, "Any campaign"),
    [...named, ...campaigns].map(({ campaign_id: value, title }) => h("option", { value }, title)));
  campaign.value = when.campaign_id || "";
  const title = h("input", { id: "title", value: when.campaign_title || "", placeholder: "pricing", autocomplete: "off", "aria-describedby": "title-help title-error" });
  const links = h("datalist", { id: "links" });
  const url = h("input", { id: "url", list: "links", value: when.url || "", placeholder: "/pricing", autocomplete: "off", "aria-describedby": "url-help url-error" });
  const address = labelled("Link", url, "when.url", "A link of the campaign, or a part of an address. * matches any text. Leave empty for any link.", [url, links]);
  address.hidden = when.event !== "clicked";
  /** What a merge tag in a link becomes is different for every lead. */
  async function offerLinks() {
    const { items } = campaign.value ? await api("GET", `campaigns/${campaign.value}/links`, { signal }).catch(() => ({ items: [] })) : { items: [] };
    fill(links, items.map(({ url: value, text }) => h("option", { value: value.replaceAll(/\{\{.*?\}\}/g, "*"), label: text })));
  }
  offerLinks();
  const people = audience({ ...rule.if, entity: rule.if.entity || "" }, { onchange: () => null, signal, any: "Any business line", lookup });
  for (const error of people.element.querySelectorAll("[data-error]")) error.dataset.error = error.dataset.error.replace("audience", "if");
  const steps = actions(rule.then, lookup);

  const written = () => {
    const { entity, stages, tags } = people.value();
    const isClick = event.value === "clicked";
    return {
      name: name.value, then: steps.value(), if: { entity: entity || null, stages, tags },
      when: { event: event.value, campaign_id: campaign.value || null, campaign_title: title.value.trim() || null, url: (isClick && url.value.trim()) || null },
    };
  };

  let errors = null;
  async function save() {
    alert.replaceChildren();
    errors?.show([]);
    try {
      const saved = id ? await api("PATCH", `rules/${id}`, { body: written() }) : await api("POST", "rules", { body: written(), key });
      say("Saved.");
      location.hash = `#/automation/${saved.rule_id}`;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      report(problem);
    }
  }

  /** Show each error beside its field, or beside the nearest field that contains it. */
  function report(problem) {
    const controls = Object.fromEntries([...place.querySelectorAll("[data-error]")].map((error) =>
      [error.dataset.error, error.parentElement.querySelector(`[aria-describedby~="${error.id}"]:not([hidden])`)]));
    const nearest = (path) => (!path || path in controls ? path : nearest(path.replace(/(^|[.[])[^.[]*$/, "")));
    errors = fieldErrors(place, controls);
    const shown = errors.show(problem.errors.map((each) => ({ ...each, field: nearest(each.field) })));
    controls[errors.first()?.field]?.focus();
    if (shown.length < Math.max(1, problem.errors.length)) alert.replaceChildren(failure(problem));
  }

  function correct({ target }) {
    const error = target.closest(".field, .step")?.querySelector("[data-error]");
    if (error) errors?.clear(error.dataset.error);
  }

  const submit = h("button", { class: "primary" }, id ? "Save" : "Create rule");
  place.append(
    crumbs("#/automation", "Automation", id ? "Edit" : "New"),
    heading(id ? rule.name : "New rule"),
    h("form", { class: "view rule-form", novalidate: true, oninput: correct, onsubmit: (submitted) => { submitted.preventDefault(); disabledDuring(submit, save); } },
      h("section", { class: "card" }, labelled("Name", name, "name", "Shown on the timelines of the leads that the rule changes")),
      card({ id: "when", title: "When" },
        labelled("Event", event, "when.event", "Machine opens and clicks are ignored. Each lead counts once per campaign."),
        labelled("Campaign", campaign, "when.campaign_id"),
        labelled("Campaign title contains", title, "when.campaign_title", "* matches any text. Leave empty for any title."),
        address),
      card({ id: "if", title: "And the lead is in" }, people.element),
      card({ id: "then", title: "Then" }, steps.element),
      alert,
      h("div", { class: "actions" }, mayWrite() && submit, h("a", { class: "button", href: id ? `#/automation/${id}` : "#/automation" }, "Cancel"))));
}

/** The actions, in order: { element, value() }. */
function actions(then, lookup) {
  const rows = h("ol", { class: "steps" });
  const offered = ["stage", "tag"].map((what) => h("datalist", { id: `known-${what}` }));
  lookup.then(({ items }) => offered.forEach((list, place) => {
    const names = new Set(items.flatMap((each) => each[["stages", "tags"][place]].map(({ name }) => name)));
    list.replaceChildren(...[...names].map((value) => h("option", { value })));
  }), () => null);
  const add = button("Add action", () => append({ action: "add_tag", tag: "" }).focus());

  function append(step) {
    const names = Object.fromEntries(Object.entries(ACTIONS).map(([value, { name }]) => [value, name]));
    const kind = choice(names, step.action, { "aria-label": "Action", onchange: () => draw() });
    const target = h("input", { "aria-label": "Field", placeholder: "Field", value: step.field || "", autocomplete: "off" });
    const value = h("input", { value: step[ACTIONS[step.action].value] });
    const remove = button("Remove", () => { row.remove(); number(); add.focus(); }, { class: "quiet", "aria-label": "Remove this action" });
    const error = h("p", { class: "error" });
    const row = h("li", { class: "step" }, kind, target, value, remove, error);
    function draw() {
      const { value: what, label } = ACTIONS[kind.value];
      target.hidden = kind.value !== "set_field";
      value.setAttribute("aria-label", label);
      value.setAttribute("placeholder", kind.value === "set_field" ? "Value (empty clears the field)" : label);
      if (what === "value") value.removeAttribute("list");
      else value.setAttribute("list", `known-${what}`);
    }
    row.action = () => ({
      action: kind.value, [ACTIONS[kind.value].value]: value.value.trim(), ...(kind.value === "set_field" ? { field: target.value.trim() } : {}),
    });
    rows.append(row);
    draw();
    number();
    return kind;
  }

  /** The API names an action by its position in the list. */
  function number() {
    [...rows.children].forEach((row, place) => {
      const error = row.lastChild;
      error.dataset.error = `then[${place}]`;
      error.id = `then-${place}-error`;
      for (const input of row.querySelectorAll("input")) input.setAttribute("aria-describedby", error.id);
    });
  }

  then.forEach(append);
  return {
    element: h("div", { class: "stack" }, rows, h("p", { class: "error", "data-error": "then" }), h("div", { class: "actions" }, add), offered),
    value: () => [...rows.children].map((row) => row.action()),
  };
}
