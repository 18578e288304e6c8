/** What is written of a campaign, as one form: its sender and subject, its recipients, its content. */

import { h } from "./app.js";
import { audience } from "./audience.js";
import { content, CONTENT } from "./content.js";
import { labelled } from "./field-errors.js";
import { asStored, readable } from "./idn.js";
import { mergeTags, withTags } from "./merge-tags.js";
import { senderField } from "./sender-field.js";
import { isExample } from "./starting-points.js";

const LINES = [
  ["title", "Title", { placeholder: "Only you see this" }],
  ["subject", "Subject", {}],
  ["preview_text", "Preview text", { placeholder: "Shown after the subject in the inbox" }],
  ["from_name", "From name", { placeholder: "Shown as the sender" }],
  ["from_email", "From address", { type: "email" }],
  ["reply_to", "Reply-to", { type: "email", placeholder: "If different" }],
];
const TAGGED = new Set(["subject", "preview_text"]);
const ADDRESSES = new Set(["from_email", "reply_to"]);
const asShown = (name, value) => (ADDRESSES.has(name) ? readable(value) : value) || "";
/** The API takes these empty, and null for the others. */
const NEVER_NULL = new Set(["title", "subject", "from_email"]);
export const LABELS = { ...Object.fromEntries(LINES), ...CONTENT, audience: "Recipients" };

/**
 * { elements, controls, people, email, values(), set(name, value), go(name, line) }: `controls` by the names of the API;
 * `people` and `email` are what audience.js and content.js give. `lookup`: a promise of the API's lead groups.
 * `onchange(name)` is called when something was typed or chosen.
 */
export function draftForm({ shown, readonly, isNew, lookup, signal, onchange, html }) {
  let groups = [];
  lookup.then((found) => { groups = found.items; }, () => null);
  const pickTag = mergeTags(() => groups.find(({ entity }) => entity === people.value().entity)?.fields || []);

  const lines = Object.fromEntries(LINES.map(([name, , properties]) => [name, h("input", {
    id: name, dir: "auto", readonly, value: asShown(name, shown[name]), "aria-describedby": `${name}-error`, autocomplete: "off", ...properties, oninput: () => onchange(name),
  })]));
  const sender = readonly ? null : senderField(lines.from_email, signal);
  const people = audience(shown.audience, { onchange: () => onchange("audience"), signal, readonly, isOpen: isNew, lookup });
  const email = content({
    shown, readonly, isNew, pickTag, onchange, html,
    start(point) {
      for (const name of TAGGED) if (!lines[name].value || isExample(name, lines[name].value)) lines[name].value = point[name];
    },
  });
  const controls = { ...lines, ...email.controls, audience: people.line, "audience.entity": people.line, "audience.stages": people.stages };

  const typed = (name) => {
    const text = lines[name].value.trim();
    return ADDRESSES.has(name) ? asStored(text) : text;
  };
  const field = ([name, label]) => {
    if (readonly) return labelled(label, lines[name], name);
    if (name === "from_email") return labelled(label, lines[name], name, undefined, sender.field, sender.note);
    return labelled(label, lines[name], name, undefined, TAGGED.has(name) ? withTags(lines[name], label, pickTag) : lines[name]);
  };
  return {
    elements: [h("section", { class: "card", "aria-label": "Sender and subject" }, h("div", { class: "envelope-fields" }, LINES.map(field))), people.card, email.element],
    controls, people, email,
    values: () => ({
      ...Object.fromEntries(LINES.map(([name]) => [name, typed(name) || (NEVER_NULL.has(name) ? "" : null)])),
      ...email.values(), audience: people.value(),
    }),
    set(name, value) {
      if (name === "audience") people.set(value);
      else if (name in CONTENT) email.set(name, value);
      else lines[name].value = asShown(name, value);
      if (name === "from_email") sender?.check();
    },
    /** Focus a field. What is missing in the content is named after one of its formats. */
    go(name, line) {
      if (name in CONTENT) return email.go(name, line);
      if (name.startsWith("audience")) people.open();
      return (controls[name].querySelector("input") || controls[name]).focus();
    },
  };
}
