/** The campaign editor: fields and content on the left, the email beside them, what can be done with it on top. */

import { api, button, crumbs, failure, fill, h, heading, linked, mayWrite, moment, pill, Problem, query, say, style } from "./app.js";
import { act, schedule, sendNow, testSend } from "./actions.js";
import { audience } from "./audience.js";
import { due, isMissing, UNSENT } from "./campaign-words.js";
import { content, CONTENT } from "./content.js";
import { Draft, newDraft } from "./draft.js";
import { fieldErrors } from "./field-errors.js";
import { findingsList } from "./findings.js";
import { mergeTags, withTags } from "./merge-tags.js";
import { card, disabledDuring, toggles } from "./parts.js";
import { preview } from "./preview.js";
import { saving } from "./saving.js";
import { senderField } from "./sender-field.js";

const LINES = [
  ["title", "Title", { placeholder: "Only you see this" }],
  ["subject", "Subject", {}],
  ["preview_text", "Preview text", { placeholder: "Shown after the subject in the inbox" }],
  ["from_name", "From name", { placeholder: "Shown as the sender" }],
  ["from_email", "From address", { type: "email" }],
  ["reply_to", "Reply-to", { type: "email", placeholder: "If different" }],
];
const LABELS = {
  ...Object.fromEntries(LINES), ...CONTENT, audience: "Recipients", "audience.entity": "Business line", "audience.stages": "Stages",
};
const TAGGED = new Set(["subject", "preview_text"]);
/** The fields that a test needs. */
const NEEDED_BY_A_TEST = ["subject", "from_email", "html"];

export async function show(place, { id: asked, signal }) {
  await style("editor.css");
  const campaign = asked ? await api("GET", `campaigns/${asked}`, { signal }) : await newDraft(signal);
  const { status = "draft" } = campaign;
  if (!UNSENT.has(status)) return location.replace(`#/campaigns/${asked}/stats`);
  const draft = new Draft(campaign);
  const isDraft = status === "draft";
  const isScheduled = status === "scheduled";
  const unscheduling = isScheduled ? "Unschedule" : "Back to draft";
  const readonly = !mayWrite() || !isDraft;
  const restored = readonly ? {} : draft.restore();
  const shown = { ...draft.stored, ...restored };
  const lookup = api("GET", "lead-groups", { signal });
  let groups = [];
  lookup.then((found) => { groups = found.items; }, () => null);

  const pickTag = mergeTags(() => groups.find(({ entity }) => entity === people.value().entity)?.fields || []);
  const fields = Object.fromEntries(LINES.map(([name, , properties]) => [name, h("input", {
    id: name, readonly, value: shown[name] || "", "aria-describedby": `${name}-error`, autocomplete: "off", ...properties,
    oninput: () => changed(name),
  })]));
  const people = audience(shown.audience, { onchange: () => changed("audience"), signal, readonly, isOpen: !asked, lookup });
  const email = content({
    shown, readonly, isNew: !asked, pickTag, onchange: (name) => changed(name), html: async () => (await draftSaving.save()) && draft.made,
    start({ subject, preview_text: teaser }) {
      for (const [name, value] of Object.entries({ subject, preview_text: teaser })) if (!fields[name].value) put(name, value);
    },
  });
  const controls = { ...fields, ...email.controls, audience: people.line, "audience.entity": people.line, "audience.stages": people.line };
  const errors = fieldErrors(place, controls);
  const sender = readonly ? null : senderField(fields.from_email, signal);
  const state = h("p", { class: "note save-state", role: "status" });
  if (!isDraft) fill(state, isScheduled ? "Scheduled for " : "Was due ", due(campaign), mayWrite() && `. ${unscheduling} to edit.`);
  else fill(state, asked ? ["Saved ", moment(campaign.updated_at)] : "Saved as you write");
  const alert = h("div");
  const findings = findingsList({ mark: email.mark, go: ({ field, line }) => go(field, line), isOurs: (field) => field in controls });
  const frame = preview(signal, ({ findings: found }) => { if (found) findings.live(found); });
  let preflight = null;

  const written = () => ({
    ...Object.fromEntries(LINES.map(([name]) => [name, fields[name].value.trim() || (["title", "subject", "from_email"].includes(name) ? "" : null)])),
    ...email.values(), audience: people.value(),
  });

  function put(name, value) {
    if (name === "audience") people.set(value);
    else if (name in CONTENT) email.set(name, value);
    else fields[name].value = value || "";
    if (name === "from_email") sender?.check();
    retitle();
    look();
  }

  /** Focus a field. What is missing in the content is named after one of its formats. */
  function go(name, line) {
    panes.press("write");
    if (name in CONTENT) return email.go(name, line);
    if (controls[name] === people.line) people.open();
    return controls[name].focus();
  }

  function changed(name) {
    if (readonly) return;
    errors.clear(name);
    draftSaving.changed(name);
  }
  const look = () => frame.update((lead) => (readonly
    ? api("GET", `campaigns/${asked}/preview${query({ lead_id: lead })}`, { signal }).then((mail) => ({ ...campaign, ...mail }))
    : api("POST", "previews", { body: { ...written(), lead_id: lead }, signal })), people.value());

  // -- Errors beside their fields. --------------------------------------------------------------------------------------
  function showErrors(found) {
    alert.replaceChildren();
    return errors.show(found);
  }

  /** Why the last attempt to save failed. */
  let trouble = null;

  function goToFirst() {
    const first = errors.first();
    if (first) go(first.field, first.line);
    if (first || trouble) say(first?.text || trouble.message);
  }

  const draftSaving = saving({
    draft, state, written, put, go, labels: LABELS, isDirty: Object.keys(restored).length > 0, signal,
    onchange: look,
    onsaved: refresh,
    onproblem(problem) {
      trouble = problem;
      showErrors(problem?.errors || []);
      const first = errors.first();
      if (first) state.append(". Not saved: ", button(first.text, goToFirst, { class: "quiet" }));
      else if (problem) fill(alert, failure(problem, draftSaving.save));
    },
  });

  /** True if the draft is stored as it is here and nothing is missing. Otherwise the focus goes to what has to be corrected. */
  async function isReady(needed) {
    if (!await draftSaving.save()) {
      if (draft.undecided.size) draftSaving.conflicting.focus();
      else goToFirst();
      return false;
    }
    if (await draftSaving.catchUp()) return false;
    const missing = (await preflight).findings.filter((each) => isMissing(each) && each.field in controls && (!needed || needed.includes(each.field)))
      .map(({ field, message }) => ({ field: field === "html" ? email.kind() : field, reason: message }));
    showErrors(missing);
    goToFirst();
    return !missing.length;
  }

  // -- Number of recipients and findings, for the draft as it is stored. ------------------------------------------------
  let refreshes = 0;
  async function refresh() {
    refreshes += 1;
    const mine = refreshes;
    const ask = (path) => api("GET", `campaigns/${draft.id}/${path}`, { signal });
    frame.retry();
    preflight = readonly ? null : ask("preflight").then((found) => {
      if (mine === refreshes) findings.checked(found);
      return found;
    });
    await Promise.all([people.count(() => ask("audience")), preflight])
      .catch((problem) => { if (mine === refreshes && !signal.aborted && problem instanceof Problem) fill(alert, failure(problem, refresh)); });
  }

  // -- What can be done. -------------------------------------------------------------------------------------------------
  const command = (label, action, { needed, ...properties } = {}) => {
    const check = () => disabledDuring(control, () => {
      control.textContent = "Checking…";
      return isReady(needed).finally(() => { control.textContent = label; });
    });
    const control = button(label, async () => {
      alert.replaceChildren();
      try {
        if (readonly || await check()) await action();
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        fill(alert, failure(problem));
        say(problem.message);
      }
    }, properties);
    return control;
  };
  // A changed status shows the campaign again, with what can be done now.
  const again = (isChanged) => { if (isChanged) dispatchEvent(new Event("hashchange")); };
  const offered = readonly ? mayWrite() && [
    command("Send test…", () => testSend(asked, frame.lead())),
    command(`${unscheduling}…`, async () => again(await act("unschedule", { id: asked }))),
    command(isScheduled ? "Reschedule…" : "Schedule…", async () => again(await schedule(campaign)), { class: "primary" }),
  ] : [
    command("Send test…", () => testSend(draft.id, frame.lead()), { needed: NEEDED_BY_A_TEST }),
    command("Schedule…", async () => { if (await schedule(draft.stored)) { say("Scheduled."); location.hash = "#/campaigns"; } }),
    command("Send…", async () => { if (await sendNow(draft.stored)) location.hash = `#/campaigns/${draft.id}/stats`; }, { class: "primary" }),
  ];

  const title = heading(asked ? campaign.title || "Untitled campaign" : "New campaign", { class: "clip" });
  const retitle = () => { title.textContent = fields.title.value || (draft.id ? "Untitled campaign" : "New campaign"); };
  fields.title.addEventListener("input", retitle);
  const panes = toggles("Write or preview", { write: "Write", look: "Preview" }, (value) => showPane(value));
  const showPane = (value) => { desk.dataset.pane = value; panes.press(value); };
  const wrapped = (name, label) => {
    if (readonly) return fields[name];
    if (name === "from_email") return sender.field;
    return TAGGED.has(name) ? withTags(fields[name], label, pickTag) : fields[name];
  };
  const line = ([name, label]) => h("div", { class: "field" }, h("label", { for: name }, label), wrapped(name, label),
    h("p", { class: "error", id: `${name}-error`, "data-error": name }), name === "from_email" && sender?.note);
  const desk = h("div", { class: "desk" },
    h("div", { class: "write" },
      h("section", { class: "card", "aria-label": "Sender and subject" }, h("div", { class: "envelope-fields" }, LINES.map(line))),
      people.card, email.element,
      !readonly && card({ id: "check", title: "Pre-send check" }, findings.element)),
    frame.element);

  const actions = h("div", { class: "actions editor-actions", role: "group", "aria-label": "Actions" }, offered);
  new ResizeObserver(() => place.style.setProperty("--actions", `${actions.offsetWidth}px`)).observe(actions);
  place.classList.add("editor");
  place.append(
    h("div", { class: "editor-head" },
      h("div", { class: "titled" }, crumbs("#/campaigns", "Campaigns", ""), title, asked && pill(status)), state, panes.element),
    h("div", { class: "stack" },
      campaign.status_reason && h("p", {}, linked(campaign.status_reason)),
      isScheduled && campaign.proof_waived && h("p", { class: "note" }, "Scheduled without the check, at your request.")),
    alert, draftSaving.conflicting, desk,
    // Behind the fields for the keyboard, above them for the eye.
    actions);
  showPane("write");
  look();
  if (Object.keys(restored).length && !draft.undecided.size) {
    say("Your unsaved changes were restored.");
    draftSaving.save();
  } else if (draft.id) await refresh();
}
