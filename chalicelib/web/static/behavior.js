/** Choosing leads by what they did, as persons, with a campaign that was sent: in words, and a follow-up to it. */

import { api, fill, h } from "./app.js";
import { confirm } from "./dialogs.js";

const DID = {
  not_opened: "did not open", opened: "opened", not_clicked: "did not click in", clicked: "clicked in",
};

/** An audience's `behavior`, each in words and removable: { element, show(list) }; `onchange` gets what remains. */
export function behaviors({ onchange, signal, readonly }) {
  const element = h("div", { class: "stack" });
  const titles = new Map();
  function show(list) {
    element.hidden = !list.length;
    fill(element,
      h("p", { class: "label", id: "behavior-label" }, "And only those"),
      h("ul", { class: "plain", "aria-labelledby": "behavior-label" }, list.map((each) => {
        const text = `who ${DID[each.did]} “${titles.get(each.campaign_id) || "…"}”`;
        return h("li", { class: "behavior" }, h("span", {}, text), !readonly && h("button", {
          type: "button", class: "quiet", "aria-label": `Remove: ${text}`, onclick: () => onchange(list.filter((other) => other !== each)),
        }, "Remove"));
      })));
    const missing = list.map((each) => each.campaign_id).filter((id) => !titles.has(id));
    if (!missing.length) return;
    for (const id of missing) titles.set(id, "");
    titlesOf(missing, signal).then((found) => {
      for (const [id, title] of found) titles.set(id, title);
      show(latest);
    });
  }
  let latest = [];
  return { element, show: (list) => { latest = list; show(list); } };
}

/** Titles of campaigns by id; one that is gone is said to be. */
export async function titlesOf(ids, signal) {
  const title = (id) => api("GET", `campaigns/${id}`, { signal }).then((found) => found.title, ({ status }) => (status === 404 ? "a deleted campaign" : id));
  return new Map(await Promise.all([...new Set(ids)].map(async (id) => [id, await title(id)])));
}

/** Ask to whom, and open the draft that results in the editor. */
export async function followUp({ campaign_id: id, title }) {
  const names = {
    not_opened: "Those who did not open it", opened: "Those who opened it",
    not_clicked: "Those who did not click", clicked: "Those who clicked",
  };
  const draft = await confirm({
    title: `Follow up “${title}”`,
    text: "A draft with the same content, for you to change. Who did what is looked at when you send it; what machines did does not count.",
    fields: [h("fieldset", { class: "choices" }, h("legend", { class: "label" }, "To whom"), Object.entries(names).map(([value, label]) =>
      h("label", {}, h("input", { type: "radio", name: "to", value, required: true, checked: value === "not_opened" }), label)))],
    action: "Write it",
    run: (form) => api("POST", `campaigns/${id}/follow-up`, { body: { to: form.get("to") }, key: crypto.randomUUID() }),
  });
  if (draft) location.hash = `#/campaigns/${draft.campaign_id}/edit`;
}
