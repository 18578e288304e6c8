/** The campaign editor: saves while you type, previews and checks the draft, tests, schedules and sends it. */

import { api, button, counted, crumbs, failure, fill, h, heading, mayWrite, moment, pill, Problem, rename, say, style } from "./app.js";
import { act, duplicate, schedule, sendNow, testSend } from "./actions.js";
import { audience } from "./audience.js";
import { code } from "./code.js";
import { asText, conflicts, Draft, missingIn, newDraft } from "./draft.js";
import { fieldErrors } from "./field-errors.js";
import { card, toggles } from "./parts.js";
import { preview } from "./preview.js";

const SAVE_AFTER_MS = 900;
const SEVERITY = { error: ["bad", "Error"], warning: ["skipped", "Warning"], note: ["", "Note"] };
const LINES = [
  ["title", "Title", "Only you see this", { required: true }],
  ["subject", "Subject", "Can contain merge tags, such as {{ lead.first_name | default(\"there\") }}", { required: true }],
  ["from_name", "From name", "Shown as the sender in the inbox"],
  ["from_email", "From address", "The address or its domain must be verified with the mail service", { type: "email", required: true }],
  ["reply_to", "Reply-to", "Where replies go, if not to the From address", { type: "email" }],
];
const LABELS = {
  ...Object.fromEntries(LINES), html: "HTML", text: "Plain text",
  audience: "Recipients", "audience.entity": "Business line", "audience.stages": "Stages",
};

export async function show(place, { id: asked, signal }) {
  await style("editor.css");
  const campaign = asked ? await api("GET", `campaigns/${asked}`, { signal }) : await newDraft(signal);
  const draft = new Draft(campaign);
  const isDraft = (campaign.status || "draft") === "draft";
  const readonly = !mayWrite() || !isDraft;
  const isWaiting = ["scheduled", "missed"].includes(campaign.status);
  const restored = readonly ? {} : draft.restore();
  const shown = { ...campaign, ...restored };

  const fields = Object.fromEntries(LINES.map(([name, , , properties]) => [name, h("input", {
    id: name, readonly, value: shown[name] || "", "aria-describedby": `${name}-error ${name}-help`, autocomplete: "off", ...properties,
    oninput: () => changed(name),
  })]));
  const html = code({ label: "HTML", value: shown.html || "", oninput: () => changed("html"), readonly });
  const text = code({ label: "Plain text", value: shown.text || "", oninput: () => changed("text"), readonly });
  const people = audience(shown.audience, { onchange: () => changed("audience"), signal, readonly });
  const controls = {
    ...fields, html: html.area, text: text.area, audience: people.line, "audience.entity": people.line, "audience.stages": people.line,
  };
  const frame = preview(signal);
  const state = h("p", { class: "note save-state", role: "status" });
  const alert = h("div");
  const findings = h("div", { class: "stack" });
  const conflicting = conflicts();
  const errors = fieldErrors(place, controls);
  const key = crypto.randomUUID();
  let preflightErrors = [];

  const written = () => ({
    ...Object.fromEntries(LINES.map(([name]) => [name, fields[name].value.trim() || (["title", "subject", "from_email"].includes(name) ? "" : null)])),
    html: html.area.value || null, text: text.area.value || null, audience: people.value(),
  });

  function put(name, value) {
    if (name === "audience") people.set(value);
    else if (name === "html" || name === "text") ({ html, text })[name].set(value || "");
    else fields[name].value = value || "";
    retitle();
  }

  // -- Saving: one request at a time, with the changed fields only. Changes made meanwhile are saved next. --------------
  let timer = null;
  let dirty = Object.keys(restored).length > 0;
  let saving = null;
  function changed(name) {
    if (readonly) return;
    dirty = true;
    state.textContent = "…";
    errors.clear(name);
    draft.keep(written());
    if (draft.undecided.size) showConflicts();
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_AFTER_MS);
  }

  /** True once the draft is stored as it is here. */
  function save() {
    clearTimeout(timer);
    saving ||= store().finally(() => { saving = null; });
    return saving.then((done) => (done && dirty ? save() : done));
  }

  async function store() {
    if (!dirty && draft.id) return !draft.undecided.size;
    const missing = missingIn(written());
    if (!draft.id && missing.length) {
      state.textContent = `Kept in this browser only. To save the draft, add ${missing.map(({ name }) => name).join(", ")}.`;
      return false;
    }
    const body = draft.id ? draft.decided(written()) : written();
    dirty = false;
    state.textContent = "Saving…";
    try {
      if (Object.keys(body).length) {
        const saved = await (draft.id
          ? api("PATCH", `campaigns/${draft.id}`, { body: { version: draft.stored.version, ...body } })
          : api("POST", "campaigns", { body, key }));
        if (!draft.id) {
          localStorage.removeItem(draft.storageKey);
          if (!signal.aborted) rename(`#/campaigns/${saved.campaign_id}/edit`);
        }
        Object.assign(draft.stored, body);
        adopt(saved);
      }
      showErrors([]);
      const unsaved = [...draft.undecided].map((name) => LABELS[name]).join(", ");
      fill(state, "Saved ", moment(draft.stored.updated_at), unsaved && `, except ${unsaved}`);
      if (!signal.aborted) refresh();
      return !draft.undecided.size;
    } catch (problem) {
      dirty = true;
      if (problem.status === 409 && await catchUp().catch(() => false)) return store();
      if (!(problem instanceof Problem)) throw problem;
      report(problem);
      return false;
    }
  }

  // -- Changes made to the same draft elsewhere. ------------------------------------------------------------------------
  function adopt(latest) {
    const news = draft.take(latest, written());
    for (const [name, value] of Object.entries(news)) put(name, value);
    draft.keep(written());
    showConflicts();
  }

  /** True if the draft was changed elsewhere. Those changes are shown, or are conflicts where it was changed here too. */
  async function catchUp() {
    const latest = await api("GET", `campaigns/${draft.id}`);
    if (latest.status !== "draft" || latest.version <= draft.stored.version) return false;
    adopt(latest);
    say("This draft was changed elsewhere.");
    if (!signal.aborted) refresh();
    return true;
  }

  function showConflicts() {
    const now = written();
    conflicting.show([...draft.undecided].map((name) => ({
      label: LABELS[name], mine: asText(now[name]), theirs: asText(draft.stored[name]), at: draft.stored.updated_at,
      keep: () => decide(name),
      take: () => { put(name, draft.stored[name]); decide(name); },
    })));
  }

  function decide(name) {
    draft.undecided.delete(name);
    changed(name);
    showConflicts();
    go(name);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && draft.id && !readonly && !saving) catchUp().catch(() => null);
  }, { signal });

  // -- Errors beside their fields. --------------------------------------------------------------------------------------
  function showErrors(found) {
    alert.replaceChildren();
    const ours = errors.show(found);
    for (const [name, body] of Object.entries({ html, text })) {
      body.mark(ours.filter(({ field, line }) => field === name && line).map(({ reason, line }) => ({ severity: "error", message: reason, line })));
    }
    return ours;
  }

  function report(problem) {
    state.textContent = "Not saved. Your changes are kept in this browser.";
    if (!showErrors(problem.errors).length) fill(alert, failure(problem, save));
  }

  function go(name) {
    if (name in bodies) pick(name);
    controls[name].focus();
  }

  /** True if the draft is stored as it is here. Otherwise the focus goes to what has to be corrected. */
  async function isReady() {
    const missing = draft.id ? [] : missingIn(written());
    if (missing.length) showErrors(missing);
    else if (await save() && !(await catchUp())) return true;
    const first = errors.first();
    if (first) {
      const { field, reason, line } = first;
      go(field);
      if (line) ({ html, text })[field].reveal(line);
      say(`${LABELS[field]}: ${reason}`);
    } else if (draft.undecided.size) conflicting.element.focus();
    return false;
  }

  // -- Preview, number of recipients and findings, for the draft as it is stored. --------------------------------------
  let refreshes = 0;
  async function refresh() {
    refreshes += 1;
    const mine = refreshes;
    const id = draft.id;
    frame.update(id, draft.stored.audience);
    const ask = async (path, use) => {
      const answer = await api("GET", `campaigns/${id}/${path}`, { signal });
      if (mine === refreshes) use(answer);
    };
    await Promise.all([
      isWaiting || isDraft ? ask("audience", people.count) : people.selected(campaign.launched_at), readonly ? null : ask("preflight", showFindings),
    ]).catch((problem) => { if (!signal.aborted && problem instanceof Problem) fill(findings, failure(problem, refresh)); });
  }

  function showFindings({ findings: found, proof }) {
    // Sending itself asks about what is not proven.
    preflightErrors = found.filter(({ severity, code: kind }) => severity === "error" && kind !== "not_proven").map(({ message }) => message);
    html.mark(found.filter(({ field }) => field === "html"));
    text.mark(found.filter(({ field }) => field === "text"));
    fill(findings, found.length ? h("ul", { class: "findings" }, found.map((each) => {
      const [tone, name] = SEVERITY[each.severity];
      const target = { html, text }[each.field];
      return h("li", {}, h("span", { class: `pill ${tone}` }, name),
        h("p", {}, each.message, each.count ? ` (${counted(each.count, "lead")})` : ""),
        each.line && target && button(`Line ${each.line}`, () => { pick(each.field); target.reveal(each.line); }, { class: "quiet" }));
    })) : h("p", {}, h("span", { class: "pill good" }, "No problems"), " Ready to send."),
    proof && h("p", { class: "note" }, proof.text));
  }

  // -- The HTML and the plain text of the email. -----------------------------------------------------------------------
  const bodies = { html, text };
  const tabs = toggles("Content format", { html: LABELS.html, text: LABELS.text }, pick);
  function pick(name) {
    for (const [each, body] of Object.entries(bodies)) body.element.hidden = each !== name;
    tabs.press(name);
  }

  const leave = () => { if (dirty && !readonly) save(); };
  signal.addEventListener("abort", leave);
  const whenSaved = (action) => async () => {
    alert.replaceChildren();
    try {
      if (readonly || await isReady()) await action();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      alert.replaceChildren(failure(problem));
    }
  };
  const title = heading(asked ? campaign.title || "Campaign" : "New campaign");
  const retitle = () => { title.textContent = fields.title.value || "New campaign"; };
  fields.title.addEventListener("input", retitle);
  const command = (label, action, kind = "") => button(label, whenSaved(action), { class: kind });
  const toStats = () => { location.hash = `#/campaigns/${draft.id}/stats`; };
  const offered = readonly ? [
    isWaiting && mayWrite() && command(campaign.status === "missed" ? "Back to draft" : "Unschedule", async () => { if (await act("unschedule", { id: asked })) location.reload(); }),
    mayWrite() && command("Send test…", () => testSend(asked, frame.lead())),
    mayWrite() && command("Duplicate", () => duplicate(asked)),
    !isWaiting && h("a", { class: "button primary", href: `#/campaigns/${asked}/stats` }, "Stats"),
  ] : [
    command("Send test…", () => testSend(draft.id, frame.lead())),
    command("Schedule…", async () => { if (await schedule(draft.stored)) { say("Scheduled."); location.hash = "#/campaigns"; } }),
    command("Send…", async () => { if (await sendNow(draft.stored, fields.title.value, preflightErrors)) toStats(); }, "primary"),
  ];

  place.append(
    crumbs("#/campaigns", "Campaigns", readonly ? "Email" : "Edit"),
    h("div", { class: "head" },
      h("div", {}, h("div", { class: "titled" }, title, campaign.status && pill(campaign.status)),
        campaign.status === "scheduled" && h("p", { class: "soft" }, `Scheduled for ${campaign.scheduled_local.replace("T", ", ")} (${campaign.scheduled_timezone}).`),
        campaign.status_reason && h("p", {}, campaign.status_reason),
        campaign.proof ? h("p", { class: "note" }, campaign.proof.text)
          : campaign.status === "scheduled" && campaign.proof_waived && h("p", { class: "note" }, "Scheduled without the check, at your request."), state),
      h("div", { class: "actions" }, offered)),
    alert, conflicting.element,
    h("div", { class: "desk" },
      h("div", { class: "view" },
        h("section", { class: "card", "aria-label": "Sender and subject" }, LINES.map(([name, label, help]) => h("div", { class: "field" },
          h("label", { for: name }, label), fields[name], h("p", { class: "note", id: `${name}-help` }, help),
          h("p", { class: "error", id: `${name}-error`, "data-error": name })))),
        card({ id: "audience-title", title: "Recipients" }, people.element)),
      h("div", { class: "view" },
        card({ id: "body-title", title: "Content", tools: tabs.element },
          html.element, text.element,
          h("p", { class: "error", id: "html-error", "data-error": "html" }), h("p", { class: "error", id: "text-error", "data-error": "text" }),
          h("p", { class: "note" }, "If there is no plain text, it is generated from the HTML.")),
        !readonly && card({ id: "check", title: "Pre-send check" }, findings))),
    frame.element);
  for (const name of ["html", "text"]) controls[name].setAttribute("aria-describedby", `${name}-error`);
  pick(shown.html || !shown.text ? "html" : "text");
  if (!draft.id) fill(findings, h("p", { class: "soft" }, "The draft is checked once it is saved."));
  showConflicts();
  if (dirty && !draft.undecided.size) {
    say("Your unsaved changes were restored.");
    save();
  } else if (draft.id) await refresh();
}
