/** Settings: the tabs, and the workspace: what all campaigns share. */

import { api, failure, fill, h, heading, mayWrite, Problem, query, say, style } from "./app.js";
import { fieldErrors, labelled } from "./field-errors.js";
import { card, choice, debounced, disabledDuring } from "./parts.js";

/** Each tab's address and name. A view of Settings adds its line here, and its route in app.js. */
const TABS = [
  ["#/settings", "Workspace"],
  ["#/settings/senders", "Senders"],
  ["#/settings/suppressions", "Suppression list"],
  ["#/settings/tokens", "API tokens"],
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
  await style("settings.css");
  let stored = await api("GET", "workspace", { signal });
  const readonly = !mayWrite();
  const common = (id) => ({ id, autocomplete: "off", "aria-describedby": `${id}-help ${id}-error`, oninput: changed });
  const text = (id, properties) => h("input", { ...common(id), readonly, ...properties });
  const select = (id, names) => choice(names, null, { ...common(id), disabled: readonly });
  const controls = {
    name: text("name", { maxlength: 100 }),
    postal_address: h("textarea", { ...common("address"), rows: 4, readonly }),
    language: select("language", LANGUAGES),
    "theme.logo_url": text("logo", { type: "url", placeholder: "https://", maxlength: 500 }),
    "theme.accent": text("accent", { maxlength: 7, spellcheck: "false" }),
    "theme.text": text("text", { maxlength: 7, spellcheck: "false" }),
    "theme.font": select("font", FONTS),
    "theme.width": text("width", { type: "number", min: 480, max: 720, step: 10 }),
  };
  const errors = fieldErrors(place, controls);
  const alert = h("div");
  const state = h("p", { class: "note", role: "status" });
  const submit = h("button", { class: "primary" }, "Save");
  const frame = h("iframe", { class: "framed", sandbox: "", title: "Preview of an email in this theme" });

  const written = () => ({
    name: controls.name.value, postal_address: controls.postal_address.value || null, language: controls.language.value,
    theme: {
      accent: controls["theme.accent"].value.trim(), text: controls["theme.text"].value.trim(), font: controls["theme.font"].value,
      logo_url: controls["theme.logo_url"].value.trim() || null, width: Math.trunc(controls["theme.width"].value),
    },
  });

  function put() {
    for (const [name, field] of Object.entries(controls)) {
      field.value = name.split(".").reduce((value, part) => value[part], stored) ?? "";
      field.dispatchEvent(new Event("change"));
    }
  }

  let isChanged = false;
  function changed() {
    isChanged = true;
    state.textContent = "Not saved yet.";
    soon();
  }
  addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); }, { signal });
  addEventListener("leave", async (event) => {
    if (!isChanged) return;
    event.preventDefault();
    const { confirm } = await import("./dialogs.js");
    const answer = await confirm({
      title: "Save the changed settings?", dismiss: "Keep editing", other: { label: "Discard", value: "discard" }, action: "Save", run: () => "save",
    });
    if (answer === "discard") isChanged = false;
    if (answer === "save") await disabledDuring(submit, save);
    if (!isChanged) event.detail();
  }, { signal });

  /** Show the sample mail as it would be. While a field is wrong, the last one stays, and the field says why. */
  async function preview() {
    const { theme, ...others } = written();
    const path = `workspace/preview.html${query({ ...others, ...theme })}`;
    try {
      const response = await api("GET", path, { signal, whole: true });
      await response.text();
      errors.show([]);
      frame.contentWindow.location.replace(`v1/${path}`); // as src, Back would go through the previews
    } catch (problem) {
      if (problem instanceof Problem) errors.show(problem.errors);
    }
  }
  const soon = debounced(preview, signal);

  async function save() {
    alert.replaceChildren();
    try {
      stored = await api("PATCH", "workspace", { body: { ...written(), version: stored.version } });
      isChanged = false;
      errors.show([]);
      put();
      state.textContent = "";
      say("Saved.");
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const [first] = errors.show(problem.errors);
      if (first) controls[first.field].focus();
      else if (problem.status === 409) fill(alert, failure({ message: "Somebody else has changed these settings. Reload them, then enter your changes again." }, () => location.reload()));
      else fill(alert, failure(problem));
    }
  }

  const field = (label, name, help, shown) => labelled(label, controls[name], name, help, shown);
  place.append(...settingsHead("#/settings"),
    h("div", { class: "workspace" },
      h("form", { class: "view", novalidate: true, onsubmit: (event) => { event.preventDefault(); disabledDuring(submit, save); } },
        card({ id: "sender", title: "Sender" },
          field("Name", "name", "Your company or brand, as recipients know it"),
          field("Postal address", "postal_address", "At the end of emails written in Markdown. In HTML and MJML, write it yourself: many countries require it."),
          field("Language", "language", "Of the unsubscribe page and of what is added to your emails")),
        card({ id: "theme", title: "Theme" },
          labelled("Logo", controls["theme.logo_url"], "theme.logo_url", "Address of an image, for your emails and the unsubscribe page",
            controls["theme.logo_url"], unlessLoaded(controls["theme.logo_url"])),
          field("Accent colour", "theme.accent", "Links and buttons", colour(controls["theme.accent"], "Pick the accent colour")),
          field("Text colour", "theme.text", "", colour(controls["theme.text"], "Pick the text colour")),
          field("Font", "theme.font", ""),
          field("Width", "theme.width", "In pixels, 480 to 720")),
        alert, !readonly && h("div", { class: "actions" }, submit, state)),
      card({ id: "preview", title: "Preview", class: "card workspace-preview" },
        h("p", { class: "soft" }, "The theme applies to emails written in Markdown."), frame)));
  put();
  preview();
}

/** A warning if no image loads from the address in the field. It is tried in a frame whose policy allows that; the page's own does not. */
function unlessLoaded(input) {
  const warning = h("p", { class: "note", role: "status" });
  const frame = h("iframe", { sandbox: "allow-same-origin", src: "v1/previews/frame", hidden: true, title: "Loads the logo" });
  const ready = new Promise((loaded) => { frame.addEventListener("load", loaded, { once: true }); });
  input.addEventListener("change", async () => {
    const address = input.value.trim();
    fill(warning);
    await ready;
    if (!address || !frame.contentDocument) return;
    const image = frame.contentDocument.createElement("img");
    image.addEventListener("error", () => {
      if (input.value.trim() === address) fill(warning, h("span", { class: "pill skipped" }, "Warning"), " No image could be loaded from this address.");
    });
    image.src = address;
  });
  return [warning, frame];
}

/** A colour's text field with the browser's own picker beside it. */
function colour(input, label) {
  const picker = h("input", { type: "color", "aria-label": label, disabled: input.readOnly, oninput: () => {
    input.value = picker.value;
    input.dispatchEvent(new Event("input"));
  } });
  const follow = () => { if (/^#[0-9a-f]{6}$/i.test(input.value.trim())) picker.value = input.value.trim(); };
  for (const event of ["input", "change"]) input.addEventListener(event, follow);
  return h("div", { class: "colour" }, picker, input);
}
