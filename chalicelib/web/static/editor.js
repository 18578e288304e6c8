/** The campaign editor: fields and content on the left, the email beside them, what can be done with it on top. */

import { api, crumbs, failure, fill, h, heading, linked, mayWrite, moment, pill, Problem, query, replace, say, style } from "./app.js";
import { due, UNSENT } from "./campaign-words.js";
import { Draft } from "./draft.js";
import { offered, UNSCHEDULE } from "./editor-actions.js";
import { draftForm } from "./editor-form.js";
import { presendCheck } from "./findings.js";
import { card, toggles } from "./parts.js";
import { preview } from "./preview.js";
import { saving } from "./saving.js";

export async function show(place, { id: asked, signal }) {
  await style("editor.css");
  const campaign = asked ? await api("GET", `campaigns/${asked}`, { signal }) : await newDraft(signal);
  const { status = "draft" } = campaign;
  if (!UNSENT.has(status)) return replace(`#/campaigns/${asked}/stats`);
  const lookup = api("GET", "lead-groups", { signal });
  if (!campaign.audience.stages.length) await lookup.catch(() => null); // what is offered is shown at once, so that nothing moves
  const draft = new Draft(campaign);
  const readonly = !mayWrite() || status !== "draft";
  const restored = readonly ? {} : draft.restore();
  const isRestored = Object.keys(restored).length > 0;
  let refreshes = 0;

  const form = draftForm({
    shown: { ...draft.stored, ...restored }, readonly, isNew: !asked, lookup, signal,
    onchange: (name) => saved.changed(name),
    html: async () => (await saved.save()) && draft.made,
  });
  const state = h("p", { class: "note save-state", role: "status" }, stateOf(campaign));
  const alert = h("div");
  const check = presendCheck({ values: form.values, mark: form.email.mark, go: ({ field, line }) => go(field, line), isOurs: (field) => field in form.controls });
  const frame = preview(signal);
  const saved = saving({ draft, form, place, state, alert, set, go, isDirty: isRestored, onchange: look, onsaved: refresh, signal });

  const title = heading(asked ? campaign.title || "Untitled campaign" : "New campaign", { class: "clip" });
  const panes = toggles("Write or preview", { write: "Write", look: "Preview" }, showPane);
  const actions = h("div", { class: "actions editor-actions", role: "group", "aria-label": "Actions" },
    offered({ campaign, draft, form, saved, check, alert, lead: frame.lead }));
  // For the keyboard, Send comes behind what is to be sent, and before the email's own links.
  const desk = h("div", { class: "desk" },
    h("div", { class: "notices" },
      campaign.status_reason && h("p", {}, linked(campaign.status_reason)),
      status === "scheduled" && campaign.proof_waived && h("p", { class: "note" }, "Scheduled without the check, at your request."),
      alert, saved.conflicting),
    h("div", { class: "write" }, form.elements, !readonly && card({ id: "check", title: "Pre-send check" }, check.element)),
    actions, frame.element);
  new ResizeObserver(() => place.style.setProperty("--actions", `${actions.offsetWidth}px`)).observe(actions);
  place.classList.add("editor");
  place.append(
    h("div", { class: "editor-head" },
      h("div", { class: "titled" }, crumbs("#/campaigns", "Campaigns", ""), title, pill(status)), state, panes.element),
    desk);
  showPane("write");
  check.draw();
  look();
  if (isRestored && !draft.undecided.size) {
    say("Your unsaved changes were restored.");
    saved.save();
  } else if (draft.id) await refresh();

  function showPane(name) {
    desk.dataset.pane = name;
    panes.press(name);
  }

  function go(name, line) {
    showPane("write");
    form.go(name, line);
  }

  /** Show a value that was saved elsewhere. */
  function set(name, value) {
    form.set(name, value);
    look();
  }

  /** Show the title and the email as they are written now. */
  function look() {
    const values = form.values();
    title.textContent = values.title || (draft.id ? "Untitled campaign" : "New campaign");
    frame.update(readonly ? sent : rendered, values.audience);
  }

  /** The email as it will be sent to a lead. */
  async function sent(lead) {
    return { ...campaign, ...await api("GET", `campaigns/${asked}/preview${query({ lead_id: lead })}`, { signal }) };
  }

  /** The email as it is written now, whose findings are shown. */
  async function rendered(lead) {
    const values = form.values();
    try {
      const answer = await api("POST", "previews", { body: { ...values, lead_id: lead }, signal });
      check.live(answer.findings, values);
      return answer;
    } catch (problem) {
      check.draw();
      throw problem;
    }
  }

  /** Count the recipients and check the draft, as it is stored. */
  async function refresh() {
    refreshes += 1;
    const mine = refreshes;
    const ask = (path) => api("GET", `campaigns/${draft.id}/${path}`, { signal });
    frame.retry();
    // Recipients that were chosen meanwhile are counted once they are stored.
    const isStored = !("audience" in draft.changes(form.values()));
    await Promise.all([isStored && form.people.count(() => ask("audience")), !readonly && check.run(() => ask("preflight"), draft.stored)])
      .catch((problem) => {
        if (mine !== refreshes || signal.aborted) return;
        if (!(problem instanceof Problem)) throw problem;
        fill(alert, failure(problem, refresh));
      });
  }
}

/** What the line under the title says at first. */
function stateOf(campaign) {
  const { status = "draft", updated_at: at } = campaign;
  if (status === "draft") return at ? ["Saved ", moment(at)] : "Saved as you write";
  return [status === "scheduled" ? "Scheduled for " : "Was due ", due(campaign), mayWrite() && `. ${UNSCHEDULE[status]} to edit.`];
}

/** A new campaign has the sender and business line of the last one. Stages must be chosen, so that nothing is sent to them by accident. */
async function newDraft(signal) {
  const { items: [last] } = await api("GET", `campaigns${query({ limit: 1 })}`, { signal });
  return {
    title: "", subject: "", reply_to: last?.reply_to, from_name: last?.from_name, from_email: last?.from_email || "",
    audience: { entity: last?.audience.entity || "", stages: [], tags: [], behavior: [] },
  };
}
