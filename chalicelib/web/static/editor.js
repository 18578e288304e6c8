/** Writing a campaign: saved as it is typed, previewed and checked beside it, tested, sent or scheduled. */

import { api, failure, h, heading, mayWrite, pill, Problem, query, rename, say, style } from "./app.js";
import { act, duplicate } from "./actions.js";
import { audience } from "./audience.js";
import { code } from "./code.js";
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
  ["from_name", "Sender’s name", ""],
  ["from_email", "Sender’s address", "Must be verified with the mail service", { type: "email", required: true }],
  ["reply_to", "Answers to", "Where answers go, if not to the sender", { type: "email" }],
];

export async function show(place, { id: asked, signal }) {
  await style("editor.css");
  let id = asked || null;
  let campaign = id ? await api("GET", `campaigns/${id}`, { signal }) : await blank(signal);
  const readonly = !mayWrite() || (campaign.status || "draft") !== "draft";
  const isWaiting = ["scheduled", "missed"].includes(campaign.status);
  const backup = () => `leadflip:unsaved:${id || "new"}`;
  const kept = readonly ? null : JSON.parse(localStorage.getItem(backup()) || "null");
  if (kept) campaign = { ...campaign, ...kept };

  const fields = Object.fromEntries(LINES.map(([name, , , properties]) => [name, h("input", {
    id: name, readonly, value: campaign[name] || "", "aria-describedby": `${name}-help ${name}-error`, autocomplete: "off", ...properties, oninput: changed,
  })]));
  const html = code({ label: "HTML", value: campaign.html || "", oninput: changed, readonly });
  const text = code({ label: "Plain text", value: campaign.text || "", oninput: changed, readonly });
  const people = audience(campaign.audience, { onchange: changed, signal, readonly });
  const frame = preview(signal);
  const state = h("p", { class: "note save-state", role: "status" });
  const trouble = h("div");
  const findings = h("div", { class: "stack" });
  const key = crypto.randomUUID();
  let errors = 0;

  const written = () => ({
    ...Object.fromEntries(LINES.map(([name]) => [name, fields[name].value.trim() || (["title", "subject", "from_email"].includes(name) ? "" : null)])),
    html: html.area.value || null, text: text.area.value || null, audience: people.value(),
  });

  // -- Saving: one at a time; what is typed meanwhile is saved next. ---------------------------------------------------
  let timer = null;
  let dirty = Boolean(kept);
  let saving = null;
  function changed() {
    if (readonly) return;
    dirty = true;
    state.textContent = "…";
    localStorage.setItem(backup(), JSON.stringify(written()));
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
    if (!dirty && id) return true;
    const body = written();
    const missing = missingIn(body);
    if (!id && missing.length) {
      state.textContent = `Kept in this browser. To be saved it needs ${missing.join(", ")}.`;
      return false;
    }
    dirty = false;
    state.textContent = "Saving…";
    try {
      const saved = id ? await api("PATCH", `campaigns/${id}`, { body }) : await api("POST", "campaigns", { body, key });
      const before = backup();
      if (!id) {
        id = saved.campaign_id;
        if (!signal.aborted) rename(`#/campaigns/${id}/edit`);
      }
      localStorage.removeItem(before);
      clear();
      state.textContent = `Saved ${new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
      if (!signal.aborted) refresh(body.audience);
      return true;
    } catch (problem) {
      dirty = true;
      if (!(problem instanceof Problem)) throw problem;
      report(problem);
      return false;
    }
  }

  const missingIn = (body) => [
    [body.title, "a title"], [body.subject, "a subject"], [body.from_email, "a sender’s address"],
    [body.audience.entity && body.audience.stages.length, "an audience"], [body.html || body.text, "a text"],
  ].filter(([there]) => !there).map(([, name]) => name);

  // -- Errors where they happen. ---------------------------------------------------------------------------------------
  function clear() {
    trouble.replaceChildren();
    for (const error of place.querySelectorAll("[data-error]")) error.textContent = "";
    for (const field of Object.values(fields)) field.removeAttribute("aria-invalid");
    html.mark([]);
    text.mark([]);
  }

  function report(problem) {
    clear();
    state.textContent = "Not saved. What you typed is kept in this browser.";
    const marks = { html: [], text: [] };
    let shown = 0;
    for (const { field, reason, line } of problem.errors) {
      const error = place.querySelector(`[data-error="${CSS.escape(field)}"]`);
      if (error) {
        error.textContent = [error.textContent, `${line ? `Line ${line}: ` : ""}${reason}`].filter(Boolean).join("; ");
        shown += 1;
      }
      fields[field]?.setAttribute("aria-invalid", "true");
      if (line && marks[field]) marks[field].push({ severity: "error", message: reason, line });
    }
    html.mark(marks.html);
    text.mark(marks.text);
    if (!shown) trouble.replaceChildren(failure(problem, save));
  }

  // -- What is known of the draft as it is stored. ---------------------------------------------------------------------
  let looks = 0;
  async function refresh(to) {
    const mine = ++looks;
    frame.update(id, to);
    await Promise.all([
      api("GET", `campaigns/${id}/audience`, { signal }).then(({ total }) => { if (mine === looks) people.count(total); }),
      readonly ? null : api("GET", `campaigns/${id}/preflight`, { signal }).then((looked) => { if (mine === looks) check(looked); }),
    ]).catch((problem) => { if (!signal.aborted && problem instanceof Problem) findings.replaceChildren(failure(problem, () => refresh(to))); });
  }

  function check({ findings: found }) {
    errors = found.filter(({ severity }) => severity === "error").length;
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
    const complete = !missingIn(written()).length;
    if (!readonly && !(await save())) {
      if (!complete) say(state.textContent);
      return;
    }
    try {
      await action();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      trouble.replaceChildren(failure(problem));
    }
  };
  const title = heading(id ? campaign.title || "Campaign" : "New campaign");
  fields.title.addEventListener("input", () => { title.textContent = fields.title.value || "New campaign"; });
  const button = (label, action, kind = "") => h("button", { type: "button", class: kind, onclick: whenSaved(action) }, label);
  const toStats = () => { location.hash = `#/campaigns/${id}/stats`; };
  const offered = readonly ? [
    isWaiting && mayWrite() && button(campaign.status === "missed" ? "Back to draft" : "Unschedule", async () => { if (await act("unschedule", { id })) location.reload(); }),
    mayWrite() && button("Test…", () => testSend(id, frame.lead())),
    mayWrite() && button("Duplicate", () => duplicate(id)),
    !isWaiting && h("a", { class: "button primary", href: `#/campaigns/${id}/stats` }, "Stats"),
  ] : [
    button("Test…", () => testSend(id, frame.lead())),
    button("Schedule…", async () => { if (await schedule(id)) { say("Scheduled."); location.hash = "#/campaigns"; } }),
    button("Send…", async () => { if (await sendNow(id, fields.title.value, errors)) toStats(); }, "primary"),
  ];

  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "#/campaigns" }, "Campaigns"), "/", h("span", {}, readonly ? "The mail" : "Write")),
    h("div", { class: "head" },
      h("div", {}, h("div", { class: "titled" }, title, campaign.status && pill(campaign.status)),
        campaign.status === "scheduled" && h("p", { class: "soft" }, `Goes out ${campaign.scheduled_local.replace("T", ", ")}, clocks of ${campaign.scheduled_timezone}.`),
        campaign.status_reason && h("p", {}, campaign.status_reason), state),
      h("div", { class: "actions" }, offered)),
    trouble,
    h("div", { class: "desk" },
      h("div", { class: "view" },
        h("section", { class: "card", "aria-label": "Sender and subject" }, LINES.map(([name, label, help]) => h("div", { class: "field" },
          h("label", { for: name }, label), fields[name], h("p", { class: "note", id: `${name}-help` }, help),
          h("p", { class: "error", id: `${name}-error`, "data-error": name })))),
        h("section", { class: "card", "aria-labelledby": "audience-title" }, h("h2", { id: "audience-title" }, "Audience"), people.element)),
      h("div", { class: "view" },
        h("section", { class: "card", "aria-labelledby": "body-title" },
          h("header", {}, h("h2", { id: "body-title" }, "Text"), h("div", { class: "switch", role: "group", "aria-label": "Which text" }, picks)),
          html.element, text.element,
          h("p", { class: "error", "data-error": "html" }), h("p", { class: "error", "data-error": "text" }),
          h("p", { class: "note" }, "Without a plain text one is made from the HTML.")),
        !readonly && h("section", { class: "card", "aria-labelledby": "check" }, h("h2", { id: "check" }, "Check before sending"), findings))),
    frame.element);
  pick(campaign.html || !campaign.text ? "html" : "text");
  if (!id) findings.replaceChildren(h("p", { class: "soft" }, "What recipients would stumble over will stand here once the draft is saved."));
  if (kept) {
    say("Restored what you had typed.");
    save();
  } else if (id) await refresh(campaign.audience);
}

/** A new campaign begins with the sender and audience of the last one. */
async function blank(signal) {
  const { items: [last] } = await api("GET", `campaigns${query({ limit: 1 })}`, { signal });
  return {
    title: "", subject: "", html: STARTING_HTML, text: "", reply_to: last?.reply_to, from_name: last?.from_name, from_email: last?.from_email || "",
    audience: last ? { ...last.audience, tags: [] } : { entity: "", stages: [], tags: [] },
  };
}
