/** What several views are built from: cards, tables, switches, and lists in pages. */

import { api, button, failure, fill, h, Problem, query, rename, say } from "./app.js";

const SEARCH_MS = 10_000;

/** A card with a heading. `tools` stand beside the heading; other properties go to the element. */
export function card({ id, title, tools, ...properties }, ...children) {
  const name = h("h2", { id }, title);
  return h("section", { class: "card", "aria-labelledby": id, ...properties }, tools ? h("header", {}, name, tools) : name, children);
}

/**
 * A table that scrolls sideways, or with the class `stacked` puts its cells below one another on a phone. A column is a
 * title or [title, class of its cells]; a row is a list of cells.
 */
export function table(label, columns, rows, properties = {}) {
  const titled = columns.map((column) => [column].flat());
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label }, h("table", properties,
    h("thead", {}, h("tr", {}, titled.map(([title, kind]) => h("th", { scope: "col", class: kind }, title)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, at) => h("td", { class: titled[at][1], "data-label": titled[at][0] }, cell)))))));
}

/** One of a list of findings: a pill with its tone and name, the text, and what can be done. */
export const finding = ([tone, name], text, tool) => h("li", {}, h("span", { class: `pill ${tone}` }, name), h("p", {}, text), tool);

/** What a view shows instead of an empty list. */
export const nothing = (title, text, ...actions) =>
  h("div", { class: "card empty" }, h("h2", {}, title), h("p", {}, text), actions.some(Boolean) && h("div", { class: "actions" }, actions));

/** A select of these options, labels by their values; a value that is none of them is ignored. */
export function choice(options, value, properties = {}) {
  const element = h("select", properties, Object.entries(options).map(([each, text]) => h("option", { value: each }, text)));
  if (Object.hasOwn(options, value)) element.value = value;
  return element;
}

/** Buttons of which one is pressed: { element, press(value) }. `options`: the labels by their values. */
export function toggles(label, options, onpick) {
  const buttons = new Map(Object.entries(options).map(([value, text]) => [value, button(text, () => onpick(value), { "aria-pressed": "false" })]));
  return {
    element: h("div", { class: "switch", role: "group", "aria-label": label }, [...buttons.values()]),
    press: (value) => { for (const [each, element] of buttons) element.setAttribute("aria-pressed", String(each === value)); },
  };
}

/** A text for programs, with a button that copies it. */
export function copyable(text, what) {
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
      copy.ariaLabel = `Copied ${what}`;
    } catch {
      getSelection().selectAllChildren(value);
      say("Press Ctrl+C to copy.");
    }
  }, { class: "quiet", "aria-label": `Copy ${what}` });
  const value = h("code", {}, text);
  return h("div", { class: "copyable" }, value, copy);
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A function that calls `run` once it has not been called for a while. */
export function debounced(run, signal, ms = 300) {
  let timer = null;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  };
}

/** Run it with this control disabled, and labelled so. That takes the focus from it, which it gets back unless it was moved on. */
export async function disabledDuring(control, run, words) {
  const { textContent: label } = control;
  control.disabled = true;
  if (words) control.textContent = words;
  try {
    return await run();
  } finally {
    control.disabled = false;
    if (words) control.textContent = label;
    if (document.activeElement === document.body) control.focus();
  }
}

/** What `ask()` promises. After an error that may pass by itself it is asked again, up to so many times, after growing pauses. */
export async function patiently(times, ask) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (problem) {
      if (!problem.isTemporary || tries === times) throw problem;
      await new Promise((resolve) => { setTimeout(resolve, tries * 1000); });
    }
  }
}

/**
 * The function that runs `task` at once, and again `pause()` milliseconds after each end while the page is in sight.
 * `task(isLatest)` can tell whether it was run again since: then its answer must not replace a newer one. `fail(problem)`
 * is called if the API refused the latest, or did not answer.
 */
export function regularly(signal, pause, task, fail) {
  let timer = null;
  let runs = 0;
  const run = async () => {
    clearTimeout(timer);
    runs += 1;
    const mine = runs;
    const isLatest = () => mine === runs && !signal.aborted;
    try {
      if (mine === 1 || !document.hidden) await task(isLatest);
    } catch (problem) {
      if (!isLatest()) return;
      if (!(problem instanceof Problem)) throw problem;
      fail(problem);
    }
    if (isLatest()) timer = setTimeout(run, pause());
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", run, { signal });
  return run;
}

/** Run it. If that fails, show the error in this place, with a button to try again. */
export async function attempt(place, signal, run) {
  try {
    await run();
  } catch (problem) {
    if (!signal.aborted) fill(place, failure(problem, () => attempt(place, signal, run)));
  }
}

/** The first `count` pages of a list as one: { items, cursor, ... }. The cursor is null at the end of the list. */
export async function firstPages(count, path, values, signal) {
  const all = { items: [], cursor: null };
  for (let page = 0; page < count; page += 1) {
    const found = await api("GET", `${path}${query({ ...values, cursor: all.cursor })}`, { signal });
    Object.assign(all, found, { items: [...all.items, ...found.items], cursor: found.cursor });
    if (!found.cursor) break;
  }
  return all;
}

/**
 * One page of a list at a time, with buttons to the previous and the next: { load(), restart() }. The address keeps
 * `filters()` and the page, and `asked` is what it says at first; `values()`: the filters as the API's parameters;
 * `draw(items)`: an element; `empty()`: what to show when nothing was found.
 */
export function browse(place, signal, { path, asked, filters, values = filters, draw, empty }) {
  let cursors = [null, ...asked.getAll("after")];
  let running = new AbortController();
  async function load({ turned, isQuiet } = {}) {
    running.abort(); // an older answer must not replace a newer one
    running = new AbortController();
    const latest = AbortSignal.any([signal, running.signal]);
    if (!isQuiet) place.ariaBusy = "true";
    await attempt(place, latest, async () => {
      const items = [];
      let cursor = cursors.at(-1);
      const stopAt = Date.now() + SEARCH_MS;
      // With a filter, a page may be short or empty although others follow: the API looks through a part of a long list.
      do {
        const page = await api("GET", `${path}${query({ ...values(), cursor })}`, { signal: latest });
        items.push(...page.items);
        cursor = page.cursor;
      } while (cursor && !items.length && Date.now() < stopAt);
      const isPart = cursor && items.length < values().limit;
      const turn = (all) => { cursors = all; remember({ after: all.slice(1) }); load({ turned: true }); };
      fill(place, items.length ? draw(items) : !isPart && empty(), h("p", { class: "pages" },
        isPart && h("span", { class: "soft" }, `${items.length ? "" : "Nothing found yet. "}Only part of this long list has been searched.`),
        cursors.length > 1 && button("Previous", () => turn(cursors.slice(0, -1))),
        cursor && button(isPart ? "Continue search" : "Next", () => turn([...cursors, cursor]))));
      if (!turned) return;
      place.tabIndex = -1;
      place.focus({ preventScroll: true });
      place.scrollIntoView({ block: "start" });
    });
    if (!latest.aborted) place.ariaBusy = "false";
  }
  return { load, restart: () => { cursors = [null]; remember({ ...filters(), after: [] }); return load(); } };
}

/**
 * A log, newest first, read again every five seconds: the function that loads it. `draw(items)` runs at every change;
 * `asked` is what the address says of how much of it is shown.
 */
export function follow(more, signal, { path, asked, draw }) {
  let known = "";
  let pages = Number(asked.get("pages")) || 1;
  const load = regularly(signal, () => 5000, async (isLatest) => {
    const { items, cursor } = await firstPages(pages, path, { limit: 20 }, signal);
    if (!isLatest()) return;
    const text = JSON.stringify(items);
    if (known !== text) await draw(items);
    known = text;
    fill(more, cursor && button("Show older", () => { pages += 1; remember({ pages }); load(); }));
  }, (problem) => fill(more, failure(problem, load)));
  return load;
}

/** Titles of campaigns by id, also of deleted ones. */
export async function titlesOf(ids, signal) {
  const title = (id) => api("GET", `campaigns/${id}`, { signal })
    .then((found) => found.title, ({ status }) => (status === 404 ? "Deleted campaign" : "Campaign with unknown title"));
  return new Map(await Promise.all([...new Set(ids)].map(async (id) => [id, await title(id)])));
}

/** Keep in the address what a list is narrowed to and where it is, so that Back, a reload and a shared link show the same. */
export function remember(changes) {
  const [path, search] = location.hash.split("?");
  const known = new URLSearchParams(search);
  const kept = Object.fromEntries([...known.keys()].map((name) => [name, known.getAll(name)]));
  rename(`${path || "#/campaigns"}${query({ ...kept, ...changes })}`);
}
