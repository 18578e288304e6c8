/** Where the columns of a file go: a choice for each, values for what the file lacks, and the first leads as they will be. */

import { button, counted, fill, h, number } from "./app.js";
import { fieldErrors, labelled } from "./field-errors.js";
import { tagsIn } from "./lead-controls.js";
import { namesIn } from "./lead-form.js";
import { card, choice, table } from "./parts.js";

/** A lead's own members, as the page calls them. */
export const MEMBERS = {
  email: "Email", first_name: "First name", last_name: "Last name", external_id: "External ID",
  entity: "Business line", stage: "Stage", tags: "Tags",
};
const DEFAULTS = ["entity", "stage", "tags"];
const NEEDED = { entity: "Enter a business line, or choose a column for it.", stage: "Enter a stage for new leads, or choose a column for it." };
/** What each default is for: where a column goes there, and where none does. */
const USES = {
  entity: ["Used where a line has none.", "Required: every lead belongs to one."],
  stage: ["For new leads whose line has none.", "Required for new leads. Leads that you already have keep theirs."],
  tags: ["Added where a line has none. Separate several with commas.", "Added to every lead. Separate several with commas."],
};
const FIELD = "custom field";

/**
 * The form. `onchange()` is called at every change, `onstart(said)` when the lines are to be checked, and
 * `onstart(said, true)` when they are to be imported at once. `kept`: what an
 * interrupted import of this file had, with its `done`, or the import whose corrected lines these are; `lookup`: a
 * promise of the lead groups.
 */
export function columnsForm(found, kept, { lookup, onchange, onstart }) {
  const choices = found.columns.map((column, at) => columnChoice(column, at, kept ? kept.mapping[column.name] || "ignore" : column.suggested, changed));
  const inputs = Object.fromEntries(DEFAULTS.map((name) => [name, h("input", {
    id: `default-${name}`, list: `known-${name}`, maxlength: 200, autocomplete: "off", "aria-describedby": `default-${name}-help default-${name}-error`,
    value: [kept?.defaults[name] || ""].flat().join(", "), oninput: changed,
  })]));
  const offered = Object.fromEntries(DEFAULTS.map((name) => [name, h("datalist", { id: `known-${name}` })]));
  const preview = h("div", { class: "stack" });
  const problem = h("p", { class: "error", role: "alert" });
  const check = button("Check all lines", () => start(false));
  const isTable = found.columns.length > 0;
  const isInterrupted = kept?.done > 0;
  const isCorrected = kept && !isInterrupted;

  const element = h("div", { class: "view" },
    isCorrected && h("p", { class: "soft" }, "These are lines of your last import. Its choices are filled in."),
    isInterrupted && h("section", { class: "card resume", "aria-labelledby": "interrupted" },
      h("h2", { id: "interrupted" }, "This import was interrupted"),
      h("p", {}, `It stopped at line ${number(kept.done)}; ${counted(kept.lines, "line")} of ${number(kept.of)} were read. Continuing reads them again: leads that were imported stay unchanged.`),
      h("div", { class: "actions" }, button("Continue import", () => start(true), { class: "primary" }))),
    isTable && card({ id: "columns", title: "Columns" },
      h("ul", { class: "columns" }, choices.map(({ element: line }) => line))),
    card({ id: "defaults", title: isTable ? "For lines without a value" : "For leads without a value" },
      h("div", { class: "reading" }, DEFAULTS.map((name) => labelled(MEMBERS[name], inputs[name], name, "", [inputs[name], offered[name]])))),
    isTable && card({ id: "preview", title: "The first leads, as they will be" }, preview),
    h("div", { class: "stack" }, problem,
      h("div", { class: "actions" }, check,
        h("span", { class: "note" }, "Checking imports nothing."))));

  const errors = fieldErrors(element, inputs);

  function mapping() {
    return Object.fromEntries(choices.map(({ name, target }) => [name, target()]).filter(([name, target]) => target !== "ignore" || name.startsWith("Column ")));
  }

  function defaults() {
    const values = { entity: inputs.entity.value.trim(), stage: inputs.stage.value.trim(), tags: tagsIn(inputs.tags.value) };
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value.length));
  }

  function changed() {
    const targets = new Set(choices.map(({ target }) => target()));
    const isMapped = (name) => targets.has(name) || !isTable;
    for (const name of DEFAULTS) {
      element.querySelector(`#default-${name}-help`).textContent = USES[name][isMapped(name) ? 0 : 1];
      inputs[name].required = name in NEEDED && isTable && !targets.has(name);
    }
    errors.show([]);
    problem.textContent = "";
    check.classList.toggle("primary", !isInterrupted);
    if (isTable) drawPreview();
    onchange();
  }

  function drawPreview() {
    const used = choices.map((each, at) => ({ target: each.target(), samples: found.columns[at].samples })).filter(({ target }) => target !== "ignore");
    const given = defaults();
    const names = [...Object.keys(MEMBERS).filter((name) => given[name] || used.some(({ target }) => target === name)),
      ...new Set(used.map(({ target }) => target).filter((target) => !(target in MEMBERS)))];
    const count = found.columns[0].samples.length;
    const cell = (name, row) => used.find(({ target }) => target === name)?.samples[row] || [given[name] || ""].flat().join(", ");
    const lacksAddress = !used.some(({ target }) => target === "email");
    fill(preview, lacksAddress && h("p", { class: "lacking" }, "No column goes to Email. Leads without an address cannot receive campaigns."),
      names.length ? table("The first leads", names.map((name) => MEMBERS[name] || name), Array.from({ length: count }, (_, row) => names.map((name) => h("span", { class: "sample clip" }, cell(name, row) || "—"))))
        : h("p", { class: "soft" }, "No column is imported yet."));
  }

  function start(atOnce) {
    const targets = choices.map(({ target }) => target()).filter((target) => target !== "ignore");
    const twice = targets.find((target, at) => targets.indexOf(target) !== at);
    const missing = Object.keys(NEEDED).filter((name) => inputs[name].required && !inputs[name].value.trim());
    if (isTable && !targets.length) problem.textContent = "Choose where at least one column goes.";
    else if (twice !== undefined) problem.textContent = twice ? `Two columns go to ${MEMBERS[twice] || twice}. Choose another place for one of them.` : "Give every custom field a name.";
    else if (targets.includes("")) problem.textContent = "Give every custom field a name.";
    else if (missing.length) {
      errors.show(missing.map((field) => ({ field, reason: NEEDED[field] })));
      inputs[missing[0]].focus();
    } else {
      check.classList.remove("primary"); // the next step has its own
      onstart({ mapping: isTable ? mapping() : undefined, defaults: defaults() }, atOnce);
    }
  }

  lookup.then((items) => {
    for (const [name, values] of [["entity", items.map(({ entity }) => entity)], ["stage", namesIn(items, "stages")], ["tags", namesIn(items, "tags")]]) {
      fill(offered[name], values.slice(0, 50).map((value) => h("option", { value })));
    }
    if (items.length === 1 && !inputs.entity.value && isTable && !choices.some(({ target }) => target() === "entity")) {
      inputs.entity.value = items[0].entity;
      changed();
    }
  });
  changed();
  return element;
}

/** One column with its samples: { element, name, target() }; the target is "ignore" for a column that is not imported. */
function columnChoice({ name, samples }, at, initial, onchange) {
  const isMember = initial in MEMBERS || initial === "ignore";
  const select = choice({ ignore: "Do not import", ...MEMBERS, [FIELD]: "Custom field…" }, isMember ? initial : FIELD, {
    id: `column-${at}`, "aria-label": `${name} goes to`, onchange: () => { draw(); onchange(); },
  });
  const field = h("input", { "aria-label": `Name of the custom field for ${name}`, maxlength: 64, value: isMember ? name.slice(0, 64) : initial, oninput: onchange });
  const draw = () => { field.hidden = select.value !== FIELD; };
  draw();
  const seen = samples.filter(Boolean).slice(0, 3);
  return {
    name,
    target: () => (select.value === FIELD ? field.value.trim() : select.value),
    element: h("li", {}, h("div", { class: "column" }, h("b", {}, name), h("p", { class: "note clip" }, seen.join(" · ") || "empty")), select, field),
  };
}
