/** The content of an email: written as Markdown, HTML or MJML, and its plain text. */

import { button, h } from "./app.js";
import { code } from "./code.js";
import { confirm } from "./dialogs.js";
import { card, choice, toggles } from "./parts.js";
import { STARTING_POINTS } from "./starting-points.js";
import { toolbar } from "./toolbar.js";

export const KINDS = { markdown: "Markdown", html: "HTML", mjml: "MJML" };
export const CONTENT = { ...KINDS, text: "Plain text" };
const HINTS = {
  markdown: "Write your email. **Bold**, [a link](address), a blank line between paragraphs.", html: "<p>Hello {{ lead.first_name | default(\"there\") }},</p>",
  mjml: "<mjml>…", text: "Leave this empty to generate it from the email.",
};

/**
 * { element, controls, values(), set(name, value), mark(findings), go(name, line), kind() }. `onchange(name)` is called at
 * every change; `start(point)`: take over a starting point's subject and preview text; `html()`: the HTML made of the text, once it is stored.
 */
export function content({ shown, readonly, isNew, onchange, pickTag, start, html }) {
  let kind = Object.keys(KINDS).find((name) => shown[name]) || "markdown";
  const parts = Object.fromEntries(Object.entries(CONTENT).map(([name, label]) => [name, code({
    label, value: shown[name] || "", placeholder: HINTS[name], readonly, describedby: `${name}-error`, class: name === "markdown" || name === "text" ? "words" : "",
    oninput: () => { arrange(); onchange(name); },
  })]));
  const controls = Object.fromEntries(Object.entries(parts).map(([name, { area }]) => [name, area]));
  const bar = toolbar(parts.markdown.area, pickTag);
  const format = choice(KINDS, kind, { "aria-label": "Format", disabled: readonly, onchange: () => change(format.value) });
  const tabs = toggles("Part of the email", { mail: "Email", text: "Plain text" }, show);
  const points = h("div", { class: "starting-points", role: "group", "aria-label": "Starting points" },
    STARTING_POINTS.map((point) => button([h("b", {}, point.name), h("span", { class: "note" }, point.description)], () => {
      start(point);
      parts.markdown.area.focus();
      parts.markdown.set(point.markdown);
      arrange();
      onchange("markdown");
    })));
  const element = card({ id: "body-title", title: "Content", class: "card content", tools: h("div", { class: "bar" }, tabs.element, format) },
    bar, points, Object.values(parts).map((part) => part.element),
    Object.keys(CONTENT).map((name) => h("p", { class: "error", id: `${name}-error`, "data-error": name })));
  let view = "mail";

  function arrange() {
    const name = view === "text" ? "text" : kind;
    for (const [each, part] of Object.entries(parts)) part.element.hidden = each !== name;
    bar.hidden = name !== "markdown" || readonly;
    points.hidden = !isNew || name !== "markdown" || controls.markdown.value !== "";
    format.value = kind;
    format.hidden = view === "text";
    tabs.press(view);
  }

  function show(newView) {
    view = newView;
    arrange();
  }

  async function change(to) {
    const from = kind;
    format.value = from;
    const made = to === "html" && controls[from].value.trim() && await html();
    if (controls[from].value.trim() && !await confirm({
      title: `Change to ${KINDS[to]}?`, action: `Change to ${KINDS[to]}`, danger: !made, run: () => true,
      text: made ? `The email becomes the HTML that was made of it. Its ${KINDS[from]} is removed, and HTML cannot be changed back.`
        : `An email has one format. Its ${KINDS[from]} is removed, and you start with an empty text.`,
    })) return format.focus();
    kind = to;
    parts[from].set("");
    parts[to].set(made || "");
    controls[to].setSelectionRange(0, 0);
    arrange();
    onchange(from);
    onchange(to);
    return controls[to].focus();
  }

  arrange();
  return {
    element, controls,
    kind: () => kind,
    values: () => ({ ...Object.fromEntries(Object.keys(KINDS).map((name) => [name, name === kind ? controls[name].value || null : null])), text: controls.text.value || null }),
    set(name, value) {
      if (name in KINDS && value) kind = name;
      parts[name].set(value || "");
      arrange();
    },
    mark(findings) {
      for (const [name, part] of Object.entries(parts)) part.mark(findings.filter(({ field }) => field === name));
    },
    go(name, line) {
      show(name === "text" ? "text" : "mail");
      const part = parts[name === "text" ? "text" : kind];
      if (line) part.reveal(line);
      else part.area.focus();
    },
  };
}
