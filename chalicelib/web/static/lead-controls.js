/** A lead's stage and tags, changed on the spot; and deleting a lead. */

import { api, button, h, mayWrite, say } from "./app.js";
import { confirm } from "./dialogs.js";
import { readable } from "./idn.js";

export const nameOf = (lead) => [lead.first_name, lead.last_name].filter(Boolean).join(" ") || readable(lead.email) || "Unnamed lead";

const OTHER = "\n";

/** The tags that are typed into one field. */
export const tagsIn = (text) => text.split(/[,;]/).map((tag) => tag.trim()).filter(Boolean);

/** An input that offers names but takes others too. */
export function pick(id, names, properties = {}) {
  return [
    h("input", { id, name: id, list: `${id}-names`, autocomplete: "off", maxlength: 64, ...properties }),
    h("datalist", { id: `${id}-names` }, names.map((name) => h("option", { value: name }))),
  ];
}

/** The stage as a choice among those in use. `names()`: these, as far as they are known; `onchange(lead)` gets the changed lead. */
export function stageChoice(known, names, onchange) {
  let lead = known;
  if (!mayWrite()) return h("span", { class: "pill" }, lead.stage);
  const change = (stage) => api("PATCH", `leads/${lead.lead_id}`, { body: { stage } });
  const choice = h("select", { class: "inline", "aria-label": `Stage of ${nameOf(lead)}`, onchange: async () => {
    const stage = choice.value;
    choice.value = lead.stage;
    try {
      const changed = stage === OTHER ? await ask() : await change(stage);
      if (!changed) return;
      say(`${nameOf(changed)} is now in stage ${changed.stage}.`);
      lead = changed;
      choice.replaceChildren();
      offer();
      onchange(changed);
    } catch (problem) {
      say(problem.message);
    }
  }, onmousedown: () => offer(), onfocus: () => offer(), onkeydown: (event) => {
    // In a closed list these keys would choose, and change the lead at once, on the way to another stage.
    if (!choice.showPicker || event.ctrlKey || event.metaKey || event.altKey || !/^(Arrow.*|Page.*|Home|End|[^ ])$/.test(event.key)) return;
    event.preventDefault();
    choice.showPicker();
  } });
  function offer() {
    const stages = [...new Set([lead.stage, ...names()])].toSorted();
    if (choice.length === stages.length + 1) return;
    choice.replaceChildren(...stages.map((name) => h("option", { value: name }, name)), h("option", { value: OTHER }, "Other…"));
    choice.value = lead.stage;
  }
  const ask = () => confirm({
    title: `Change the stage of ${nameOf(lead)}`,
    fields: [h("label", { for: "stage" }, "Stage"), pick("stage", names(), { required: true })],
    action: "Change stage",
    run: (form) => change(form.get("stage")),
  });
  offer();
  return choice;
}

/** The tags, each with a button to remove it, and one to add another. `most`: how many are shown. */
export function tagList(known, names, onchange, most = Infinity) {
  let lead = known;
  const element = h("span", { class: "tags" });
  // As a bulk change of one lead, which keeps tags that others add at the same time.
  async function change(action, tags) {
    const { failed: [failure] } = await api("POST", "leads/bulk", { body: { lead_ids: [lead.lead_id], action, tags }, key: crypto.randomUUID() });
    if (failure) throw new Error(failure.reason);
    const others = lead.tags.filter((each) => !tags.includes(each));
    return { ...lead, tags: action === "add_tag" ? [...others, ...tags] : others };
  }
  async function run(action, tags, control) {
    control.disabled = true;
    try {
      const changed = await change(action, tags);
      say(`${tags.length > 1 ? "Tags" : "Tag"} ${tags.join(", ")} ${action === "add_tag" ? "added to" : "removed from"} ${nameOf(lead)}.`);
      lead = changed;
      onchange(changed);
    } catch (problem) {
      say(problem.message);
    }
    const isLost = document.activeElement === document.body; // with the control that was disabled
    draw();
    if (isLost) element.querySelector(".add-tag").focus();
  }
  function enter() {
    let isDone = false;
    const [input, list] = pick(`tag-${lead.lead_id}`, names(), { class: "new-tag", "aria-label": `New tag of ${nameOf(lead)}`, placeholder: "Tag",
      onkeydown: (event) => {
        if (event.key === "Enter") finish();
        if (event.key === "Escape") { input.value = ""; finish(); }
      },
      onblur: () => finish() });
    function finish() {
      if (isDone) return;
      isDone = true;
      const tags = tagsIn(input.value);
      if (tags.length) run("add_tag", tags, input);
      else { const hadFocus = document.activeElement === input; draw(); if (hadFocus) element.querySelector(".add-tag").focus(); }
    }
    element.querySelector(".add-tag").replaceWith(input, list);
    input.focus();
  }
  function draw() {
    element.replaceChildren(
      ...lead.tags.slice(0, most).map((tag) => h("span", { class: "tag" }, h("span", {}, tag), mayWrite() && button("×", (event) => run("remove_tag", [tag], event.target), {
        class: "bare remove", "aria-label": `Remove tag ${tag} from ${nameOf(lead)}`,
      }))),
      ...(lead.tags.length > most ? [h("a", { class: "note", href: `#/leads/${lead.lead_id}` }, `+ ${lead.tags.length - most} more`)] : []),
      ...(mayWrite() ? [button("+ Tag", enter, { class: "quiet add-tag", "aria-label": `Add a tag to ${nameOf(lead)}` })] : []));
  }
  draw();
  return element;
}

/** What deleting means, for one lead or many. */
export const DELETING = "This cannot be undone. Emails already sent stay in the campaigns’ numbers. Suppressed "
  + "addresses stay suppressed: imported again, they are still not emailed (if they only unsubscribed, by that business "
  + "line). To remove all that is known about a person, use Erase";

/** Ask, and delete a lead; true once it is gone. */
export const deleteLead = (lead) => confirm({
  title: `Delete ${nameOf(lead)}?`, text: `${DELETING} instead.`, action: "Delete lead", danger: true,
  run: () => api("DELETE", `leads/${lead.lead_id}`).catch((problem) => { if (problem.status !== 404) throw problem; }),
});
