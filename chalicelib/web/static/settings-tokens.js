/** Settings: API tokens. */

import { api, button, date, fill, h, mayWrite, say, style } from "./app.js";
import { confirm, tell } from "./dialogs.js";
import { attempt, copyable, nothing } from "./parts.js";
import { settingsHead } from "./settings.js";

const SCOPES = {
  full: ["Full access", "Can change everything and send campaigns"],
  read: ["Read only", "Sees leads, campaigns and numbers, changes nothing"],
};

export async function show(place, { signal }) {
  await style("settings.css");
  const body = h("div", { class: "view" }, h("p", { class: "loading" }, "Loading tokens…"));
  place.append(...settingsHead("#/settings/tokens"), body);
  if (!mayWrite()) {
    fill(body, nothing("Tokens need full access", "You are signed in with a read-only token."));
    return;
  }

  const load = () => attempt(body, signal, async () => {
    const { items } = await api("GET", "tokens", { signal });
    const add = button("Create token…", async () => { if (await create()) await load(); }, { class: "primary" });
    fill(body,
      h("div", { class: "bar" }, h("p", { class: "soft" }, "A token signs in a person on this page, or a program that uses the API."), h("div", { class: "actions" }, add)),
      h("ul", { class: "card rows", "aria-label": "API tokens" }, items.map((token) => h("li", {},
        h("div", {}, h("p", {}, h("b", {}, token.name), token.current && [" ", h("span", { class: "pill good" }, "You are signed in with it")]),
          h("p", { class: "note" }, [SCOPES[token.scope][0], `created ${date(token.created_at)}`, lastUsed(token)].join(" · "))),
        button("Revoke…", () => revoke(token), { class: "quiet", "aria-label": `Revoke ${token.name}…` })))));
  });

  async function revoke(token) {
    const own = token.current && "You are signed in with this token and will be signed out. ";
    const done = await confirm({
      title: `Revoke ${token.name}?`, action: "Revoke", danger: true,
      text: [own, "Programs and people that use it lose access at once. This cannot be undone."],
      run: () => api("DELETE", `tokens/${token.token_id}`),
    });
    if (!done) return;
    if (token.current) location.reload();
    say("Revoked.");
    await load();
  }

  await load();
}

async function create() {
  const name = h("input", { id: "token-name", name: "name", required: true, maxlength: 100, autocomplete: "off" });
  const made = await confirm({
    title: "Create token", action: "Create",
    fields: [
      h("div", { class: "stack" }, h("label", { for: "token-name" }, "Name"), name, h("p", { class: "note" }, "Who or what will use it, such as Website form")),
      h("fieldset", { class: "choices" }, h("legend", { class: "label" }, "Access"), Object.entries(SCOPES).map(([value, [label, help]]) =>
        h("label", {}, h("input", { type: "radio", name: "scope", value, checked: value === "full" }), h("span", {}, label, h("span", { class: "note token-help" }, help))))),
    ],
    run: (data) => api("POST", "tokens", { body: { name: data.get("name"), scope: data.get("scope") } }),
  });
  if (!made) return false;
  tell(`Token for ${made.name}`, h("p", {}, "Copy it now and keep it in a safe place: it is not shown again."),
    copyable(made.token, "the token"));
  return true;
}

/** The day is enough: the API knows the hour. */
function lastUsed({ used_at: at }) {
  if (!at) return "never used";
  return `last used ${date(at) === date(new Date()) ? "today" : date(at)}`;
}
