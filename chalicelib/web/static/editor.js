/** Writing a campaign: saved as it is typed, previewed and checked beside it, tested, sent or scheduled. */

import { api, failure, fill, h, heading, mayWrite, moment, pill, Problem, query, rename, say, style } from "./app.js";
import { act, duplicate } from "./actions.js";
import { audience } from "./audience.js";
import { code } from "./code.js";
import { conflicts } from "./conflicts.js";
import { Draft } from "./draft.js";
import { faults } from "./faults.js";
import { preview } from "./preview.js";
import { schedule, sendNow, testSend } from "./send.js";

const SAVE_AFTER_MS = 900;
const SEVERITY = { error: ["bad", "Error"], warning: ["skipped", "Warning"], note: ["", "Note"] };
const STARTING_HTML = `<!doctype html>
<html lang="en">
<body style="margin:0; padding:24px; font-family:Helvetica,Arial,sans-serif; color:#1f2937">
<p>Hello {{ lead.first_name | default("there") }},</p>
<p></p>
<p style="font-size:12px; color:#6b7280"><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</body>
</html>
`;
const LINES = [
  ["title", "Title", "Seen by you alone", { required: true }],
  ["subject", "Subject", "May hold merge tags, such as {{ lead.first_name | default(\"there\") }}", { required: true }],
  ["from_name", "From name", ""],
  ["from_email", "From address", "Must be verified with the mail service", { type: "email", required: true }],
  ["reply_to", "Reply-to", "Where replies go, if not to the From address", { type: "email" }],
];
const LABELS = {
  ...Object.fromEntries(LINES), html: "HTML", text: "Plain text",
  audience: "Recipients", "audience.entity": "Business line", "audience.stages": "Stages",
};

export async function show(place, { id: asked, signal }) {
  await style("editor.css");
  const campaign = asked ? await api("GET", `campaigns/${asked}`, { signal }) : await blank(signal);
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
  const trouble = h("div");
  const findings = h("div", { class: "stack" });
  const both = conflicts();
  const wrong = faults(place, controls);
  const key = crypto.randomUUID();
  let errors = [];

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

  // -- Saving: one at a time, and what was changed here alone; what is typed meanwhile is saved next. -----------------
  let timer = null;
  let dirty = Object.keys(restored).length > 0;
  let saving = null;
  function changed(name) {
    if (readonly) return;
    dirty = true;
    state.textContent = "…";
    wrong.forgive(name);
    draft.keep(written());
    if (draft.undecided.size) ask();
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_AFTER_MS);
  }

  /** True when the draft is stored as it stands here. */
  function save() {
    clearTimeout(timer);
    saving ||= store().finally(() => { saving = null; });
    return saving.then((done) => (done && dirty ? save() : done));
  }

  async function store() {
    if (!dirty && draft.id) return !draft.undecided.size;
    const missing = missingIn(written());
    if (!draft.id && missing.length) {
      state.textContent = `Kept in this browser. To be saved it needs ${missing.map(({ name }) => name).join(", ")}.`;
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
          localStorage.removeItem(draft.place);
          if (!signal.aborted) rename(`#/campaigns/${saved.campaign_id}/edit`);
        }
        Object.assign(draft.stored, body);
        adopt(saved);
      }
      showFaults([]);
      const waiting = [...draft.undecided].map((name) => LABELS[name]).join(", ");
      fill(state, "Saved ", moment(draft.stored.updated_at), waiting && `, but for ${waiting}`);
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

  const missingIn = (body) => [
    ["title", body.title, "a title"], ["subject", body.subject, "a subject"], ["from_email", body.from_email, "a From address"],
    ["audience.entity", body.audience.entity, "a business line"], ["audience.stages", body.audience.stages.length, "a stage"],
    ["html", body.html || body.text, "a text"],
  ].filter(([, there]) => !there).map(([field, , name]) => ({ field, name, reason: "is needed" }));

  // -- Others who write the same draft, in another window or elsewhere. ------------------------------------------------
  function adopt(latest) {
    const news = draft.take(latest, written());
    for (const [name, value] of Object.entries(news)) put(name, value);
    draft.keep(written());
    ask();
  }

  /** True when something else was stored since: it is shown where nothing was changed here, else it is asked about. */
  async function catchUp() {
    const latest = await api("GET", `campaigns/${draft.id}`);
    if (latest.status !== "draft" || latest.version <= draft.stored.version) return false;
    adopt(latest);
    say("This draft was changed elsewhere meanwhile.");
    if (!signal.aborted) refresh();
    return true;
  }

  function ask() {
    const now = written();
    both.show([...draft.undecided].map((name) => ({
      label: LABELS[name], mine: inWords(now[name]), theirs: inWords(draft.stored[name]), at: draft.stored.updated_at,
      keep: () => decide(name),
      take: () => { put(name, draft.stored[name]); decide(name); },
    })));
  }

  function decide(name) {
    draft.undecided.delete(name);
    changed(name);
    ask();
    go(name);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && draft.id && !readonly && !saving) catchUp().catch(() => null);
  }, { signal });

  // -- Errors where they happen. ---------------------------------------------------------------------------------------
  function showFaults(errors) {
    trouble.replaceChildren();
    const shown = wrong.show(errors);
    for (const [name, body] of Object.entries({ html, text })) {
      body.mark(shown.filter(({ field, line }) => field === name && line).map(({ reason, line }) => ({ severity: "error", message: reason, line })));
    }
    return shown;
  }

  function report(problem) {
    state.textContent = "Not saved. What you typed is kept in this browser.";
    if (!showFaults(problem.errors).length) fill(trouble, failure(problem, save));
  }

  function go(name) {
    if (name in bodies) pick(name);
    controls[name].focus();
  }

  /** True when what is stored is what stands here; else the marketer is led to what is in the way. */
  async function isReady() {
    const missing = draft.id ? [] : missingIn(written());
    if (missing.length) showFaults(missing);
    else if (await save() && !(await catchUp())) return true;
    const first = wrong.first();
    if (first) {
      const { field, reason, line } = first;
      go(field);
      if (line) ({ html, text })[field].reveal(line);
      say(`${LABELS[field]}: ${reason}`);
    } else if (draft.undecided.size) both.element.focus();
    return false;
  }

  // -- What is known of the draft as it is stored. ---------------------------------------------------------------------
  let looks = 0;
  async function refresh() {
    const mine = ++looks;
    const id = draft.id;
    frame.update(id, draft.stored.audience);
    await Promise.all([
      isWaiting || isDraft
        ? api("GET", `campaigns/${id}/audience`, { signal }).then(({ total, at_least: atLeast }) => { if (mine === looks) people.count(total, atLeast); })
        : people.taken(campaign.launched_at),
      readonly ? null : api("GET", `campaigns/${id}/preflight`, { signal }).then((looked) => { if (mine === looks) check(looked); }),
    ]).catch((problem) => { if (!signal.aborted && problem instanceof Problem) fill(findings, failure(problem, refresh)); });
  }

  function check({ findings: found }) {
    errors = found.filter(({ severity }) => severity === "error").map(({ message }) => message);
    html.mark(found.filter(({ field }) => field === "html"));
    text.mark(found.filter(({ field }) => field === "text"));
    findings.replaceChildren(found.length ? h("ul", { class: "findings" }, found.map((each) => {
      const [tone, name] = SEVERITY[each.severity];
      const target = { html, text }[each.field];
      return h("li", {}, h("span", { class: `pill ${tone}` }, name),
        h("p", {}, each.message, each.count ? ` (${each.count} leads)` : ""),
        each.line && target && h("button", { type: "button", class: "quiet", onclick: () => { pick(each.field); target.reveal(each.line); } }, `Line ${each.line}`));
    })) : h("p", {}, h("span", { class: "pill good" }, "Nothing found"), " Ready to go."));
  }

  // -- The two bodies of a mail. ---------------------------------------------------------------------------------------
  const bodies = { html: ["HTML", html.element], text: ["Plain text", text.element] };
  const picks = Object.entries(bodies).map(([name, [label]]) => h("button", { type: "button", "aria-pressed": "false", onclick: () => pick(name) }, label));
  function pick(name) {
    Object.keys(bodies).forEach((each, order) => {
      bodies[each][1].hidden = each !== name;
      picks[order].setAttribute("aria-pressed", String(each === name));
    });
  }

  const leave = () => { if (dirty && !readonly) save(); };
  signal.addEventListener("abort", leave);
  const whenSaved = (action) => async () => {
    trouble.replaceChildren();
    try {
      if (readonly || await isReady()) await action();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      trouble.replaceChildren(failure(problem));
    }
  };
  const title = heading(asked ? campaign.title || "Campaign" : "New campaign");
  const retitle = () => { title.textContent = fields.title.value || "New campaign"; };
  fields.title.addEventListener("input", retitle);
  const button = (label, action, kind = "") => h("button", { type: "button", class: kind, onclick: whenSaved(action) }, label);
  const toStats = () => { location.hash = `#/campaigns/${draft.id}/stats`; };
  const offered = readonly ? [
    isWaiting && mayWrite() && button(campaign.status === "missed" ? "Back to draft" : "Unschedule", async () => { if (await act("unschedule", { id: asked })) location.reload(); }),
    mayWrite() && button("Send test…", () => testSend(asked, frame.lead())),
    mayWrite() && button("Duplicate", () => duplicate(asked)),
    !isWaiting && h("a", { class: "button primary", href: `#/campaigns/${asked}/stats` }, "Stats"),
  ] : [
    button("Send test…", () => testSend(draft.id, frame.lead())),
    button("Schedule…", async () => { if (await schedule(draft.id)) { say("Scheduled."); location.hash = "#/campaigns"; } }),
    button("Send…", async () => { if (await sendNow(draft.id, fields.title.value, errors)) toStats(); }, "primary"),
  ];

  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "#/campaigns" }, "Campaigns"), "/", h("span", {}, readonly ? "The mail" : "Write")),
    h("div", { class: "head" },
      h("div", {}, h("div", { class: "titled" }, title, campaign.status && pill(campaign.status)),
        campaign.status === "scheduled" && h("p", { class: "soft" }, `Goes out ${campaign.scheduled_local.replace("T", ", ")}, clocks of ${campaign.scheduled_timezone}.`),
        campaign.status_reason && h("p", {}, campaign.status_reason), state),
      h("div", { class: "actions" }, offered)),
    trouble, both.element,
    h("div", { class: "desk" },
      h("div", { class: "view" },
        h("section", { class: "card", "aria-label": "Sender and subject" }, LINES.map(([name, label, help]) => h("div", { class: "field" },
          h("label", { for: name }, label), fields[name], h("p", { class: "note", id: `${name}-help` }, help),
          h("p", { class: "error", id: `${name}-error`, "data-error": name })))),
        h("section", { class: "card", "aria-labelledby": "audience-title" }, h("h2", { id: "audience-title" }, "Recipients"), people.element)),
      h("div", { class: "view" },
        h("section", { class: "card", "aria-labelledby": "body-title" },
          h("header", {}, h("h2", { id: "body-title" }, "Text"), h("div", { class: "switch", role: "group", "aria-label": "Which text" }, picks)),
          html.element, text.element,
          h("p", { class: "error", id: "html-error", "data-error": "html" }), h("p", { class: "error", id: "text-error", "data-error": "text" }),
          h("p", { class: "note" }, "Without a plain text one is made from the HTML.")),
        !readonly && h("section", { class: "card", "aria-labelledby": "check" }, h("h2", { id: "check" }, "Check before sending"), findings))),
    frame.element);
  for (const name of ["html", "text"]) controls[name].setAttribute("aria-describedby", `${name}-error`);
  pick(shown.html || !shown.text ? "html" : "text");
  if (!draft.id) fill(findings, h("p", { class: "soft" }, "What recipients would stumble over will stand here once the draft is saved."));
  ask();
  if (dirty && !draft.undecided.size) {
    say("Restored what you had typed.");
    save();
  } else if (draft.id) await refresh();
}

/** A field's value as text. */
function inWords(value) {
  if (value === null || typeof value === "string") return value || "";
  const { entity, stages, tags, behavior } = value;
  return [
    `Business line: ${entity}`, `Stages: ${stages.join(", ")}`, `Tags: ${tags.join(", ")}`,
    ...behavior.map(({ did, campaign_id: id }) => `Only who ${did.replaceAll("_", " ")}: ${id}`),
  ].join("\n");
}

/** A new campaign begins with the sender and audience of the last one. */
async function blank(signal) {
  const { items: [last] } = await api("GET", `campaigns${query({ limit: 1 })}`, { signal });
  return {
    title: "", subject: "", html: STARTING_HTML, text: "", reply_to: last?.reply_to, from_name: last?.from_name, from_email: last?.from_email || "",
    audience: { entity: "", stages: [], ...last?.audience, tags: [], behavior: [] },
  };
}
