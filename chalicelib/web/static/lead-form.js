/** The details of a lead as a form: for a new lead a view of its own, for another one in place on its page. */

import { api, button, crumbs, fill, h, heading, lastAddress, say, style } from "./app.js";
import { fieldErrors, labelled } from "./field-errors.js";
import { readable } from "./idn.js";
import { nameOf, pick, tagsIn } from "./lead-controls.js";
import { disabledDuring } from "./parts.js";

export async function show(place, { signal }) {
  await style("leads.css");
  place.append(crumbs("#/leads", "Leads", "New lead"), heading("New lead"),
    h("section", { class: "card new-lead", "aria-label": "New lead" }, leadForm(null, {
      lookup: leadGroups(signal),
      onsaved: (lead) => { say(`${nameOf(lead)} was added.`); location.hash = `#/leads/${lead.lead_id}`; },
      oncancel: () => { location.hash = lastAddress("#/leads"); },
    })));
  place.querySelector("input").focus();
}

/** Business lines, stages and tags in use; an empty list if they cannot be read, since all can be typed. */
export const leadGroups = (signal) => api("GET", "lead-groups", { signal }).then(({ items }) => items, () => []);

/** The names of stages or tags in use in a business line, or in all. */
export const namesIn = (groups, what, entity) =>
  [...new Set(groups.filter((each) => !entity || each.entity === entity).flatMap((each) => each[what].map(({ name }) => name)))].toSorted();

/** The form; `stored`: the lead, or null for a new one. `lookup`: a promise of the groups; `onsaved(lead)` gets the lead as saved. */
export function leadForm(stored, { lookup, onsaved, oncancel }) {
  const lead = stored && { ...stored, email: readable(stored.email) };
  const input = (name, properties = {}) => h("input", {
    id: `lead-${name}`, value: lead?.[name] || "", maxlength: 200, autocomplete: "off", "aria-describedby": `lead-${name}-error`, ...properties,
  });
  const choice = (name) => pick(`lead-${name}`, [], { value: lead?.[name] || "", "aria-describedby": `lead-${name}-error` });
  const [entity, entities] = choice("entity");
  const [stage, stages] = choice("stage");
  const offer = async () => {
    const groups = await lookup;
    fill(entities, groups.map((each) => h("option", { value: each.entity })));
    fill(stages, namesIn(groups, "stages", entity.value).map((name) => h("option", { value: name })));
  };
  entity.addEventListener("change", offer);
  offer();
  const own = {
    email: input("email", { type: "email", maxlength: 320 }), first_name: input("first_name"), last_name: input("last_name"), entity, stage,
    external_id: input("external_id"),
  };
  const tags = !lead && input("tags");
  const untracked = h("input", { type: "checkbox", checked: lead?.tracking_opt_out, id: "lead-untracked" });

  const rows = h("div", { class: "stack" });
  const add = button("Add field", () => append("", "").querySelector("input").focus());
  function append(name, value) {
    const row = h("div", { class: "custom-field", "data-before": name },
      h("input", { class: "field-name", value: name, maxlength: 64, placeholder: "Name", "aria-label": "Name of the custom field", autocomplete: "off" }),
      h("textarea", { class: "field-value", rows: 1, value: String(value), placeholder: "Value", "aria-label": `Value of ${name || "the custom field"}` }),
      button("Remove", () => { row.remove(); add.focus(); }, { class: "quiet", "aria-label": `Remove ${name || "the custom field"}` }),
      h("p", { class: "error" }));
    rows.append(row);
    return row;
  }
  Object.entries(lead?.fields || {}).forEach(([name, value]) => append(name, value));

  /** What was changed, as the API takes it: null clears a value, or removes a custom field. */
  function changes() {
    const said = Object.entries(own).map(([name, { value }]) => [name, value.trim() || null]);
    const changed = Object.fromEntries(said.filter(([name, value]) => (lead ? value !== (lead[name] || null) : value)));
    if (tags && tags.value.trim()) changed.tags = tagsIn(tags.value);
    if (untracked.checked !== Boolean(lead?.tracking_opt_out)) changed.tracking_opt_out = untracked.checked;
    const known = lead?.fields || {};
    const fields = Object.fromEntries([...rows.children].map((row) => {
      const name = row.querySelector(".field-name").value.trim();
      return [name, typed(row.querySelector(".field-value").value.trim(), known[name] ?? known[row.dataset.before])];
    }).filter(([name, value]) => name || value));
    for (const name of Object.keys(known)) fields[name] ??= null;
    const changedFields = Object.entries(fields).filter(([name, value]) => value !== asShown(known[name] ?? null));
    if (changedFields.length) changed.fields = Object.fromEntries(changedFields);
    return changed;
  }

  let errors = null;
  function showErrors(problem) {
    const controls = { ...own, ...(tags && { tags }), fields: add };
    for (const row of rows.children) {
      const name = row.querySelector(".field-name").value.trim();
      row.querySelector(".error").dataset.error = `fields.${name}`;
      controls[`fields.${name}`] = row.querySelector(".field-value");
    }
    errors = fieldErrors(form, controls);
    const shown = errors.show(problem.errors || []);
    const first = errors.first();
    if (!shown.length) alert.textContent = problem.message;
    (first ? controls[first.field] : save).focus();
  }

  let key = crypto.randomUUID(); // so that a lead whose answer was lost is not created twice
  const alert = h("p", { class: "error", role: "alert" });
  const save = h("button", { class: "primary" }, lead ? "Save" : "Add lead");
  const form = h("form", {
    class: "lead-form", novalidate: true,
    oninput: () => { key = crypto.randomUUID(); alert.textContent = ""; errors?.show([]); },
    onsubmit: (event) => {
      event.preventDefault();
      const names = [...rows.querySelectorAll(".field-name")].map(({ value }) => value.trim()).filter(Boolean);
      const twice = names.find((name, at) => names.indexOf(name) < at);
      if (twice) return showErrors({ errors: [{ field: `fields.${twice}`, reason: "This name is used twice." }] });
      const changed = lead ? changes() : { entity: "", stage: "", ...changes() };
      return disabledDuring(save, () => api(...(lead ? ["PATCH", `leads/${lead.lead_id}`, { body: changed }] : ["POST", "leads", { body: changed, key }]))
        .then(onsaved).catch(showErrors));
    },
  },
  labelled("Email", own.email, "email"),
  h("div", { class: "fields" }, labelled("First name", own.first_name, "first_name"), labelled("Last name", own.last_name, "last_name"),
    labelled("Business line", entity, "entity", undefined, [entity, entities]), labelled("Stage", stage, "stage", undefined, [stage, stages])),
  labelled("External ID", own.external_id, "external_id", "The lead’s ID in your other systems. Imports recognise the lead by it."),
  tags && labelled("Tags", tags, "tags", "Separate several with commas."),
  h("fieldset", { class: "choices" }, h("legend", { class: "label" }, "Custom fields"), rows, h("p", { class: "error", "data-error": "fields" }), h("div", {}, add)),
  h("label", { class: "check", for: "lead-untracked" }, untracked, "Never track opens and clicks of this lead"),
  alert, h("div", { class: "actions" }, save, button("Cancel", oncancel)));
  return form;
}

/** Line breaks as a text area has them. */
const asShown = (value) => (typeof value === "string" ? value.replaceAll(/\r\n?/g, "\n") : value);

/** A custom field stays a number, true or false if the text still is one; null: it has no value. */
function typed(text, before) {
  if (typeof before === "number" && text && Number.isFinite(Number(text))) return Number(text);
  if (typeof before === "boolean" && ["true", "false"].includes(text)) return text === "true";
  return text || null;
}
