/** The same change to many leads: chosen ones, or all that match a filter, piece by piece with progress. */

import { api, button, counted, fill, h, number, progress } from "./app.js";
import { confirm } from "./dialogs.js";
import { DELETING, pick, tagsIn } from "./lead-controls.js";
import { patiently } from "./parts.js";

const SHOWN_FAILURES = 50;
const UNSUBSCRIBING = "They receive no more campaigns from their business line, also when they are deleted and imported "
  + "again. Leads can only be resubscribed one by one, each with a reason.";

const STAGE = { name: "stage", list: "stages", label: "New stage", maxlength: 64, value: (text) => text.trim() };
const TAGS = { name: "tags", list: "tags", label: "Tags", note: "Separate several with commas.", maxlength: 1000, value: tagsIn };

/** `ask(count)` is the question, `now` the beginning of the title while it runs; `member`: what else the API wants. */
const ACTIONS = {
  change_stage: { label: "Change stage", member: STAGE, ask: (n) => `Change the stage of ${n}`, now: "Changing the stage of",
    text: "Campaigns select their recipients by stage, so this changes who receives future campaigns." },
  add_tag: { label: "Add tag", member: TAGS, ask: (n) => `Add tags to ${n}`, now: "Adding tags to" },
  remove_tag: { label: "Remove tag", member: TAGS, ask: (n) => `Remove tags from ${n}`, now: "Removing tags from" },
  unsubscribe: { label: "Unsubscribe", ask: (n) => `Unsubscribe ${n}?`, now: "Unsubscribing", text: UNSUBSCRIBING, danger: true },
  delete: { label: "Delete", ask: (n) => `Delete ${n}?`, now: "Deleting", text: `${DELETING} on the lead’s page instead.`, danger: true },
};

/**
 * Buttons for the selected leads. `selection()`: { target, total, atLeast, words, names } with the API's `lead_ids` or
 * `filter` as target, and names of leads by id; `names("stages" | "tags")`: those in use; the run is shown in `place`;
 * `onrun(isRunning)` is called when it starts and stops.
 */
export const bulkButtons = (selection, names, place, signal, onrun) => Object.entries(ACTIONS).map(([action, { label, danger }]) =>
  button(`${label}…`, async () => {
    const selected = selection();
    const chosen = await ask(action, selected, names);
    if (chosen) await new Run(action, { ...selected.target, ...chosen }, selected, place, signal, onrun).all();
  }, { class: danger && "danger" }));

const inWords = ({ total, atLeast }) => `${atLeast ? "at least " : ""}${counted(total, "lead")}`;

/** Resolves to the further members of the request; null when the dialog is dismissed. */
function ask(action, selected, names) {
  const { ask: title, text, member, label, danger } = ACTIONS[action];
  return confirm({
    title: title(inWords(selected)), danger, action: `${label}${danger ? ` (${number(selected.total)})` : ""}`,
    text: [selected.words, text].filter(Boolean).join(" "),
    fields: member ? [h("label", { for: member.name }, member.label),
      pick(member.name, names(member.list), { required: true, maxlength: member.maxlength }), member.note && h("p", { class: "note" }, member.note)] : [],
    run: (form) => ({ action, ...(member && { [member.name]: member.value(form.get(member.name)) }) }),
  });
}

class Run {
  constructor(action, body, { total, atLeast, names }, place, signal, onrun) {
    Object.assign(this, { action, body, total, atLeast, names, place, signal, onrun });
    this.changed = 0;
    this.unchanged = 0;
    this.failed = [];
    this.title = h("h2", { tabindex: "-1" }, `${ACTIONS[action].now} ${inWords({ total, atLeast })}`);
    this.bar = h("div");
    this.status = h("p", { role: "status" });
    this.tools = h("div", { class: "actions" });
    fill(place, h("section", { class: "card bulk-run", "aria-label": "Progress" }, this.title, this.bar, this.status, this.tools));
    this.title.focus();
  }

  get handled() {
    return this.changed + this.unchanged + this.failed.length;
  }

  async all() {
    this.isStopped = false;
    this.onrun(true);
    fill(this.tools, button("Stop", () => { this.isStopped = true; fill(this.tools, h("span", { class: "soft" }, "Stopping…")); }));
    try {
      do {
        this.show();
        const piece = await this.send();
        this.changed += piece.changed;
        this.unchanged += piece.unchanged;
        this.failed.push(...piece.failed);
        this.body.cursor = piece.cursor || undefined;
      } while (this.body.cursor && !this.isStopped);
      this.end(this.body.cursor ? "Stopped. What was done stays done." : null);
    } catch (problem) {
      if (this.signal.aborted) return;
      this.end(problem.message);
    }
    this.onrun(false);
  }

  /** One piece. With the same key, a repeated request is answered as the first was. */
  send() {
    const key = crypto.randomUUID();
    return patiently(6, () => api("POST", "leads/bulk", { body: this.body, key, signal: this.signal }));
  }

  show() {
    fill(this.bar, progress("Progress", this.total ? Math.min(1, this.handled / this.total) : 0));
    this.status.textContent = `${number(this.handled)} of ${inWords(this)}`;
  }

  /** `why`: what kept it from its end; it may go on from there. */
  end(why) {
    const parts = [`${counted(this.changed, "lead")} ${this.action === "delete" ? "deleted" : "changed"}.`];
    const rest = Math.max(this.unchanged, why ? 0 : this.total - this.changed - this.failed.length);
    if (rest) parts.push(`${counted(rest, "lead")} needed no change.`);
    if (this.failed.length) parts.push(`${counted(this.failed.length, "lead")} could not be changed:`);
    this.title.textContent = `${ACTIONS[this.action].label}: ${why ? "not finished" : "done"}`;
    fill(this.bar, why && h("p", { class: "error", role: "alert" }, why));
    fill(this.status, parts.join(" "), this.failed.length ? h("ul", { class: "plain-list" },
      this.failed.slice(0, SHOWN_FAILURES).map(({ lead_id: id, reason }) =>
        h("li", {}, h("a", { href: `#/leads/${id}` }, this.names?.get(id) || id), `: ${reason}`)),
      this.failed.length > SHOWN_FAILURES && h("li", {}, `and ${number(this.failed.length - SHOWN_FAILURES)} more`)) : null);
    fill(this.tools, why && button("Continue", () => this.all(), { class: "primary" }), button("Close", () => fill(this.place)));
    this.title.focus();
  }
}
