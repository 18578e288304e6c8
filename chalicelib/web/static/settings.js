/** Settings: the tabs, and the workspace: what all campaigns share. */

import { api, failure, fill, h, heading, mayWrite, Problem, say, style } from "./app.js";
import { fieldErrors } from "./field-errors.js";
import { card } from "./parts.js";

/** Each tab's address and name. A view of Settings adds its line here, and its route in app.js. */
const TABS = [
  ["#/settings", "Workspace"],
  ["#/settings/suppressions", "Suppression list"],
];

const FONTS = { sans: "Helvetica, Arial", verdana: "Verdana", serif: "Georgia, Times", mono: "Courier" };
const LANGUAGES = { en: "English", de: "German" };

/** The head of every view of Settings: title and tabs. `here`: the view's own address. */
export const settingsHead = (here) => [
  h("div", { class: "head" }, h("div", {}, heading("Settings"))),
  h("div", { class: "tabs", role: "navigation", "aria-label": "Settings" },
    TABS.map(([href, name]) => h("a", { href, "aria-current": href === here && "page" }, name))),
];

export async function show(place, { signal }) {
  await Promise.all([style("editor.css"), style("settings.css")]);
  let stored = await api("GET", "workspace", { signal });
  const readonly = !mayWrite();
  const text = (id, properties) => h("input", { id, readonly, autocomplete: "off", "aria-describedby": `${id}-help ${id}-error`, oninput: () => changed(id), ...properties });
  const choice = (id, names) => h("select", { id, disabled: readonly, "aria-describedby": `${id}-help ${id}-error`, onchange: () => changed(id) },
    Object.entries(names).map(([value, name]) => h("option", { value }, name)));
  const controls = {
    "theme.accent": text("accent", { maxlength: 7, spellcheck: "false" }),
    "theme.text": text("text", { maxlength: 7, spellcheck: "false" }),
    "theme.font": choice("font", FONTS),
    "theme.logo_url": text("logo", { type: "url", placeholder: "https://" }),
    "theme.width": text("width", { type: "number", min: 480, max: 720, step: 10 }),
    name: text("name", { maxlength: 100 }),
    postal_address: h("textarea", { id: "address", rows: 4, readonly, "aria-describedby": "address-help address-error", oninput: () => changed("postal_address") }),
    language: choice("language", LANGUAGES),
  };
  const errors = fieldErrors(place, controls);
  const alert = h("div");
  const submit = h("button", { class: "primary" }, "Save");

  function changed() {
    for (const name of Object.keys(controls)) errors.clear(name);
  }

  const valueOf = (name, from) => name.split(".").reduce((value, part) => value[part], from);
  function put() {
    for (const [name, control] of Object.entries(controls)) control.value = valueOf(name, stored) ?? "";
  }

  const written = () => ({
    name: controls.name.value, postal_address: controls.postal_address.value || null, language: controls.language.value,
    theme: {
      accent: controls["theme.accent"].value.trim(), text: controls["theme.text"].value.trim(), font: controls["theme.font"].value,
      logo_url: controls["theme.logo_url"].value.trim() || null, width: Math.trunc(Number(controls["theme.width"].value)),
    },
  });

  async function save(event) {
    event.preventDefault();
    alert.replaceChildren();
    submit.disabled = true;
    try {
      stored = await api("PATCH", "workspace", { body: { ...written(), version: stored.version } });
      errors.show([]);
      put();
      say("Saved.");
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const [first] = errors.show(problem.errors);
      if (first) controls[first.field].focus();
      else fill(alert, failure(problem));
    } finally {
      submit.disabled = false;
    }
  }

  const field = (label, name, help) => {
    const control = controls[name];
    return h("div", { class: "field" }, h("label", { for: control.id }, label), control,
      h("p", { class: "note", id: `${control.id}-help` }, help), h("p", { class: "error", id: `${control.id}-error`, "data-error": name }));
  };
  place.append(...settingsHead("#/settings"),
    h("form", { class: "view settings", novalidate: true, onsubmit: save },
      card({ id: "sender", title: "Sender" },
        field("Name", "name", "Your company or brand, as recipients know it"),
        field("Postal address", "postal_address", "Many countries require it in every marketing email"),
        field("Language", "language", "Of the unsubscribe page")),
      card({ id: "theme", title: "Theme" },
        field("Accent colour", "theme.accent", "Links and buttons"), field("Text colour", "theme.text", ""),
        field("Font", "theme.font", ""), field("Logo", "theme.logo_url", "Address of an image, at the top of your emails and of the unsubscribe page"),
        field("Width", "theme.width", "In pixels, 480 to 720")),
      alert, !readonly && h("div", { class: "actions" }, submit)));
  put();
}
