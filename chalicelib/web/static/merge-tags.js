/** Merge tags: a list of the values that leads have, to insert one with a default into a text. */

import { button, h } from "./app.js";
import { chooser } from "./chooser.js";
import { svg } from "./parts.js";

const STANDARD = [
  { path: "lead.first_name", title: "First name", otherwise: "there" }, { path: "lead.last_name", title: "Last name" },
  { path: "lead.email", title: "Email address" }, { path: "lead.stage", title: "Stage" }, { path: "lead.entity", title: "Business line" },
];
const LINKS = [
  { path: "unsubscribe_url", title: "Unsubscribe link", note: "The address of each lead’s unsubscribe page", isComplete: true },
];

/** Insert a text at the cursor so that the browser can undo it. */
export function insert(area, text) {
  area.focus();
  // The one way to change a text that keeps the browser's undo history.
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

const quoted = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
const tag = (path, otherwise) => `{{ ${path}${otherwise ? ` | default(${quoted(otherwise)})` : ""} }}`;
const pathOf = (name) => (/^[A-Za-z_]\w*$/.test(name) ? `lead.fields.${name}` : `lead.fields[${quoted(name)}]`);

/** pick(area, anchor): choose a tag and insert it there. `fields()`: the custom fields in use, as in the API's lead groups. */
export function mergeTags(fields) {
  return (area, anchor) => {
    const ask = (chosen, close) => {
      const otherwise = h("input", { id: "tag-default", value: chosen.otherwise || "", autocomplete: "off" });
      return h("form", { class: "stack", onsubmit: (event) => {
        event.preventDefault();
        close();
        insert(area, tag(chosen.path, otherwise.value.trim()));
      } }, h("h3", {}, chosen.title), h("label", { for: "tag-default" }, "If a lead has none, show"), otherwise,
      h("p", { class: "note" }, "Leave it empty to show nothing."), h("div", { class: "actions" }, h("button", { class: "primary" }, "Insert")));
    };
    const custom = fields().map(({ name, leads, samples }) => ({
      path: pathOf(name), title: name, note: samples.length ? `such as ${samples.join(", ")}` : `${leads} leads`,
    }));
    chooser({
      label: "Merge tags", placeholder: "Search fields", empty: "No field has this name.",
      find: (text) => [...STANDARD, ...custom, ...LINKS].filter(({ title, path }) => `${title} ${path}`.toLowerCase().includes(text))
        .map((each) => ({ ...each, value: each })),
      onpick(chosen, close) {
        return chosen.isComplete ? insert(area, tag(chosen.path)) : ask(chosen, close);
      },
      onclose: () => area.focus(),
    })(anchor);
  };
}

export const braces = () => svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: "M6 2.5H5A1.5 1.5 0 0 0 3.5 4v2.200L2 8l1.5 1.800V12A1.5 1.5 0 0 0 5 13.500h1M10 2.500h1A1.5 1.5 0 0 1 12.5 4v2.200L14 8l-1.5 1.800V12a1.5 1.5 0 0 1-1.5 1.500h-1" }));

/** An input with a button that inserts a merge tag. */
export function withTags(input, name, pick) {
  const opener = button(braces(), () => pick(input, opener), { class: "bare field-button", "aria-label": `Insert merge tag into ${name}`, title: "Insert merge tag" });
  return h("div", { class: "with-button" }, input, opener);
}
