/** Saving a draft while it is written: one request at a time, with the changed fields only, and what others changed. */

import { api, button, failure, fill, h, moment, Problem, rename, say } from "./app.js";
import { conflicts } from "./conflicts.js";
import { KINDS } from "./content.js";
import { asText } from "./draft.js";
import { LABELS } from "./editor-form.js";
import { fieldErrors } from "./field-errors.js";

const SAVE_AFTER_MS = 900;

/** What is saved or refused together: a draft has one format at most. */
const group = (field) => {
  const [name] = field.split(/[.[]/);
  return name in KINDS ? "content" : name;
};

/**
 * { conflicting, changed(name), save(), catchUp(), showErrors(errors), goToFirst() }. `form`: see editor-form.js; `state` is
 * the line that says what is saved, and `alert` the place for what concerns no field; `set(name, value)` shows another
 * value; `go(name, line)` focuses a field; `isDirty`: something was restored. `onchange()` and `onsaved()` are called
 * when something was typed, or saved.
 */
export function saving({ draft, form, place, state, alert, set, go, isDirty, onchange, onsaved, signal }) {
  const conflicting = conflicts();
  const errors = fieldErrors(place, form.controls);
  const written = form.values;
  const key = crypto.randomUUID();
  /** The errors of fields that were refused. These are left out until they are changed, so that the others are saved. */
  const refused = new Map();
  let timer = null;
  let dirty = isDirty;
  let running = null;
  /** Why the last attempt failed. */
  let trouble = null;

  function changed(name) {
    dirty = true;
    errors.clear(name);
    refused.delete(group(name));
    state.textContent = "…";
    draft.keep(written());
    if (draft.undecided.size) showConflicts();
    onchange();
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_AFTER_MS);
  }

  /** True once the draft is stored as it is here. */
  function save() {
    clearTimeout(timer);
    running ||= store().finally(() => { running = null; });
    return running.then((done) => (done && dirty ? save() : done));
  }

  async function store() {
    const isDone = () => !draft.undecided.size && !refused.size;
    if (!dirty && draft.id) return isDone();
    const changes = Object.entries(draft.id ? draft.decided(written()) : written());
    const body = Object.fromEntries(changes.filter(([name]) => !refused.has(group(name))));
    dirty = false;
    state.textContent = "Saving…";
    try {
      if (Object.keys(body).length || !draft.id) {
        draft.sending(body);
        draft.keep(written());
        const saved = await (draft.id
          ? api("PATCH", `campaigns/${draft.id}`, { body: { version: draft.stored.version, ...body } })
          : api("POST", "campaigns", { body, key }));
        if (!draft.id) {
          localStorage.removeItem(draft.storageKey);
          if (!signal.aborted) rename(`#/campaigns/${saved.campaign_id}/edit`);
        }
        adopt(draft.saved(saved, body, written()));
      }
      const unsaved = [...draft.undecided].map((name) => LABELS[name]).join(", ");
      fill(state, h("span", {}, "Saved ", moment(draft.stored.updated_at), unsaved && `, except ${unsaved}`));
      report(refused.size ? Object.assign(trouble, { errors: [...refused.values()].flat() }) : null);
      if (!signal.aborted) onsaved();
      return isDone();
    } catch (problem) {
      const isOutdated = dirty; // something was typed meanwhile, and will be saved
      dirty = true;
      if (problem.status === 409 && await catchUp().catch(() => false)) return store();
      if (!(problem instanceof Problem)) throw problem;
      const named = problem.errors.filter(({ field }) => Object.keys(body).some((name) => group(name) === group(field)));
      if (named.length && !isOutdated) {
        for (const [name, several] of Map.groupBy(named, ({ field }) => group(field))) refused.set(name, several);
        trouble = problem;
        return store();
      }
      state.textContent = "Not saved. Your changes are kept in this browser.";
      report(problem);
      return false;
    }
  }

  /** Show why something is not saved: beside its field, and where the state is; or that nothing is. */
  function report(problem) {
    trouble = problem;
    showErrors(problem?.errors || []);
    const all = errors.all();
    const shown = all.flatMap((each) => [", ", button(all.length > 1 ? each.label : each.text, () => goTo(each), { class: "quiet" })]);
    if (all.length) {
      state.firstElementChild?.append(". ");
      state.append("Not saved: ", ...shown.slice(1));
    } else if (problem) fill(alert, failure(problem, save));
  }

  function showErrors(found) {
    alert.replaceChildren();
    errors.show(found);
  }

  function goToFirst() {
    const first = errors.first();
    if (first) goTo(first);
    else if (trouble) say(trouble.message);
  }

  function goTo({ field, line, text }) {
    go(field, line);
    say(text);
  }

  function adopt(news) {
    for (const [name, value] of Object.entries(news)) set(name, value);
    draft.keep(written());
    showConflicts();
  }

  /** True if the draft was changed elsewhere. Those changes are shown, or are conflicts where it was changed here too. */
  async function catchUp() {
    const latest = await api("GET", `campaigns/${draft.id}`);
    if (latest.status !== "draft" || latest.version <= draft.stored.version) return false;
    adopt(draft.take(latest, written()));
    say("This draft was changed elsewhere.");
    if (!signal.aborted) onsaved();
    return true;
  }

  function showConflicts() {
    const now = written();
    conflicting.show([...draft.undecided].map((name) => ({
      label: LABELS[name], mine: asText(now[name]), theirs: asText(draft.stored[name]), at: draft.stored.updated_at,
      keep: () => decide(name),
      take: () => { set(name, draft.stored[name]); decide(name); },
    })));
  }

  function decide(name) {
    draft.undecided.delete(name);
    changed(name);
    showConflicts();
    go(name);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && draft.id && !running) catchUp().catch(() => null);
  }, { signal });
  signal.addEventListener("abort", () => { if (dirty) save(); });
  showConflicts();
  return { conflicting: conflicting.element, changed, save, catchUp, showErrors, goToFirst };
}
