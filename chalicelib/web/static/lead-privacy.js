/** A lead's email status, with why it is not emailed; and its personal data, to export and to erase. */

import { api, button, fill, h, lastAddress, mayWrite, moment, query, say } from "./app.js";
import { confirm, tell } from "./dialogs.js";
import { saveFile } from "./download.js";
import { nameOf } from "./lead-controls.js";
import { attempt, card, titlesOf } from "./parts.js";
import { pillsOf, reasonField, whyNot } from "./suppression-words.js";

/**
 * { element, update(lead) }. `onchange(lead)` is called after the lead was unsubscribed or resubscribed; after it was
 * erased, the list of leads is shown.
 */
export function privacyCard(shown, { signal, onchange }) {
  let lead = shown;
  const status = h("div", { class: "stack email-status" });
  const trouble = h("div");
  const element = h("div", { class: "view" }, trouble,
    card({ id: "email-status", title: "Email status" }, status),
    card({ id: "personal-data", title: "Personal data" },
      h("p", { class: "note" }, "Export everything known about this person as one file, or erase it."),
      h("div", { class: "actions" }, button("Export", () => act(() => save(lead, signal))), mayWrite() && button("Erase…", erase, { class: "danger" }))));
  const act = (run) => attempt(trouble, signal, () => { fill(trouble); return run(); });

  async function load() {
    const { items: marks, elsewhere } = await api("GET", `leads/${lead.lead_id}/suppressions`, { signal });
    const titles = await titlesOf(marks.map((mark) => mark.campaign_id).filter(Boolean), signal);
    const isSuppressed = marks.length > 0;
    const offered = isSuppressed ? button("Resubscribe…", () => change(resubscribe, "This lead receives campaigns again."))
      : lead.email && button("Unsubscribe", () => change(unsubscribe, "This lead no longer receives campaigns."));
    fill(status,
      h("div", { class: "bar" }, isSuppressed ? pillsOf(marks.map(({ reason }) => reason))
        : h("span", { class: `pill ${lead.email ? "good" : ""}` }, lead.email ? "Subscribed" : "No email address")),
      marks.map((mark) => h("p", { class: "note" }, whyNot(mark), titles.has(mark.campaign_id) && [
        ", ", h("a", { href: `#/campaigns/${mark.campaign_id}/stats` }, titles.get(mark.campaign_id))], ", ", moment(mark.at))),
      !isSuppressed && Object.entries(elsewhere).map(([entity, at]) => h("p", { class: "note" },
        `This address unsubscribed from ${entity} on `, moment(at), `. It still gets emails from ${lead.entity}.`)),
      mayWrite() && offered && h("div", { class: "actions" }, offered));
  }

  const change = (run, message) => act(async () => {
    const changed = await run();
    if (!changed) return;
    lead = changed;
    await load();
    status.querySelector("button")?.focus();
    say(message);
    await onchange(lead);
  });
  const unsubscribe = () => api("POST", `leads/${lead.lead_id}/unsubscribe`, { key: crypto.randomUUID() });
  const resubscribe = () => confirm({
    title: `Resubscribe ${nameOf(lead)}?`,
    text: "Resubscribe people only if they asked for it. The reason and the name of your API token are shown on the timeline.",
    fields: reasonField("Asked for it by phone"),
    action: "Resubscribe",
    run: (form) => api("POST", `leads/${lead.lead_id}/resubscribe`, { body: { reason: form.get("reason") }, key: crypto.randomUUID() }),
  });

  async function erase() {
    const wanted = lead.email || lead.lead_id;
    const erased = await confirm({
      title: `Erase ${nameOf(lead)}?`,
      text: "This cannot be undone. Export the data first if the person has asked for it.",
      fields: [
        h("h3", {}, "What goes"),
        h("ul", { class: "plain-list" }, [
          "The lead: address, names, fields, tags", "Subjects, addresses and personal links of all emails sent to it",
          "What automation rules did with it, and why it was resubscribed"].map((text) => h("li", {}, text))),
        h("h3", {}, "What stays"),
        h("ul", { class: "plain-list" }, [
          "Every number of your campaigns", "If the address is on the suppression list: a fingerprint of it that nobody can read. Imported again, it is still not emailed; if it only unsubscribed, by that business line",
        ].map((text) => h("li", {}, text))),
        h("label", { for: "confirm" }, `Type ${wanted} to confirm`),
        h("input", { id: "confirm", name: "confirm", required: true, autocomplete: "off", autocapitalize: "off", spellcheck: "false" }),
      ],
      action: "Erase",
      danger: true,
      run(form) {
        const confirmed = form.get("confirm").trim();
        if (confirmed.toLowerCase() !== wanted.toLowerCase()) throw new Error(`This is not ${wanted}.`);
        return api("POST", `leads/${lead.lead_id}/erase`, { body: { confirm: confirmed } });
      },
    });
    if (!erased) return;
    location.hash = lastAddress("#/leads");
    say("The person was erased.");
    const others = await Promise.all(erased.same_address.map((id) => api("GET", `leads/${id}`)));
    if (others.length) {
      const close = (event) => event.target.closest("dialog").close();
      tell("The address is still here", h("p", {}, "Leads of other business lines have the same address. Erase them too if the person asked for it:"),
        h("ul", { class: "plain-list" }, others.map((other) =>
          h("li", {}, h("a", { href: `#/leads/${other.lead_id}`, onclick: close }, nameOf(other)), `, ${other.entity}`))));
    }
  }

  const update = (other) => { lead = other; return attempt(status, signal, load); };
  update(lead);
  return { element, update };
}

/** Download everything known of a lead. The API sends a very long timeline in parts. */
async function save(lead, signal) {
  let found = null;
  let cursor = null;
  do {
    const part = await api("GET", `leads/${lead.lead_id}/export${query({ cursor })}`, { signal });
    cursor = part.cursor;
    found = found ? { ...found, timeline: [...found.timeline, ...part.timeline] } : part;
  } while (cursor);
  delete found.cursor;
  saveFile(`${lead.lead_id}.json`, "application/json", [JSON.stringify(found, null, 2)]);
}
