/**
 * What every view stands on: elements, the API, numbers and times in words, and the way from view to view.
 *
 * One file, because a panel of numbers must be there after six requests: the page, its style, this, the view's own
 * module, and the view's two questions to the API. Everything else is loaded when it is needed.
 */

// -- Elements. Texts become text nodes: nothing from a lead or a mail is ever read as markup. -------------------------

/** h("p", { class: "note", onclick: go }, "text", element, [more]): an element; null and false children are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...given(children));
  return element;
}

/** Put these children in place of an element's own, as `h` takes them. */
export function fill(element, ...children) {
  element.replaceChildren(...given(children));
}

const given = (children) => children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);

const asset = (name) => new URL(name, import.meta.url).href;

/** Make sure that a style sheet of ours is there. */
export function style(name) {
  if ([...document.styleSheets].some((sheet) => sheet.href === asset(name))) return Promise.resolve();
  return new Promise((loaded) => {
    document.head.append(h("link", { rel: "stylesheet", href: asset(name), onload: loaded, onerror: loaded }));
  });
}

/** Say something in passing, to eyes and to screen readers. */
export function say(text) {
  const place = document.getElementById("said");
  const toast = h("p", { class: "toast" }, text);
  place.replaceChildren(toast);
  setTimeout(() => toast.remove(), 6000);
}

// -- The API. --------------------------------------------------------------------------------------------------------

/** What the API answered instead: its problem detail (RFC 9457), or status 0 when it did not answer at all. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || "Something went wrong.");
    this.status = status;
    this.type = body.type;
    this.errors = body.errors || [];
  }

  /** Worth trying again by itself: nobody answered, or whoever did could not. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Ask the API; the JSON of its answer, or with `whole` the response. A session that has ended is begun anew first. */
export async function api(method, path, { body, type = "application/json", key, signal, whole } = {}) {
  const headers = body === undefined ? {} : { "Content-Type": type };
  if (key) headers["Idempotency-Key"] = key;
  const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const ask = () => request(`v1/${path}`, { method, headers, body: sent, signal });
  let response = await ask();
  while (response.status === 401) {
    const { signInAgain } = await import("./sign-in.js");
    await signInAgain();
    response = await ask();
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  if (whole) return response;
  return response.status === 204 ? null : response.json();
}

/** A request to our own address; status 0 when nobody is there. */
export async function request(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "The server cannot be reached. What you typed is still here." });
  }
}

/** Query parameters of what is there: query({ q: "", limit: 5 }) is "?limit=5". */
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** An error where it happens, with a way to try again. */
export function failure(problem, again) {
  return h("div", { class: "failure", role: "alert" },
    h("p", {}, problem.message),
    again && h("button", { type: "button", onclick: again }, "Try again"));
}

// -- Numbers and times in words. -------------------------------------------------------------------------------------

export const number = (value) => value.toLocaleString("en");
export const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)} %`;
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const minute = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});
export const date = (text) => day.format(new Date(text));

/** A moment for people, with the exact one for machines: <time datetime="…">23 Nov 2026, 14:05</time>. */
export function moment(text) {
  return text ? h("time", { datetime: text, title: new Date(text).toString() }, minute.format(new Date(text))) : "—";
}

export const STATUS = {
  draft: "Draft", scheduled: "Scheduled", missed: "Missed", planning: "Planning", sending: "Sending",
  paused: "Paused", sent: "Sent", cancelled: "Cancelled",
};
export const pill = (status) => h("span", { class: `pill ${status}` }, STATUS[status] || status);

// -- From view to view. Addresses are fragments, so that the server need not know them. ------------------------------

const VIEWS = [
  [/^\/campaigns$/, "./campaigns.js", "campaigns"],
  [/^\/campaigns\/new$/, "./editor.js", "campaigns"],
  [/^\/campaigns\/(cmp_[0-9a-f]+)\/edit$/, "./editor.js", "campaigns"],
  [/^\/campaigns\/(cmp_[0-9a-f]+)\/stats$/, "./stats.js", "campaigns"],
  [/^\/leads$/, "./leads.js", "leads"],
  [/^\/leads\/import$/, "./import.js", "leads"],
  [/^\/leads\/(lead_[0-9a-f]+)$/, "./lead.js", "leads"],
  [/^\/automation$/, "./automation.js", "automation"],
  [/^\/automation\/new$/, "./rule-form.js", "automation"],
  [/^\/automation\/(rule_[0-9a-f]+)$/, "./rule.js", "automation"],
  [/^\/automation\/(rule_[0-9a-f]+)\/edit$/, "./rule-form.js", "automation"],
  [/^\/help$/, "./help.js", "help"],
];
let visit = new AbortController();

/** A view is a module with show(place, { id, query, signal }): it fills the place, and stops when the signal says so. */
async function enter() {
  visit.abort();
  visit = new AbortController();
  const { signal } = visit;
  const [path, search] = (location.hash.slice(1) || "/campaigns").split("?");
  const [pattern, module, part] = VIEWS.find(([known]) => known.test(path)) || VIEWS[0];
  for (const link of document.querySelectorAll("[data-part]")) {
    if (link.dataset.part === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const main = document.getElementById("main");
  try {
    const { show } = await import(module);
    if (signal.aborted) return;
    const place = h("div", { class: "view" });
    main.replaceChildren(place);
    scrollTo(0, 0);
    await show(place, { id: pattern.exec(path)?.[1], query: new URLSearchParams(search), signal });
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    const isOurs = error instanceof Problem;
    const problem = isOurs ? error : { message: "This page could not be loaded; it may have been updated meanwhile." };
    main.replaceChildren(h("div", { class: "view" }, failure(problem, isOurs ? enter : () => location.reload())));
    if (!isOurs) throw error;
  }
}

/** The view's title, in the window as well; focus goes there, so that a screen reader begins with it. */
export function heading(text, properties = {}) {
  document.title = `${text} · Leadflip Campaigns`;
  const title = h("h1", { tabindex: "-1", ...properties }, text);
  if (entered) queueMicrotask(() => title.focus({ preventScroll: true }));
  entered = true;
  return title;
}
let entered = false;

/** Another address without another view: a draft has got its id. */
export function rename(hash) {
  history.replaceState(null, "", hash);
}

// -- Who is signed in. -----------------------------------------------------------------------------------------------

export let session = JSON.parse(document.documentElement.dataset.session);

/** A `read` token only looks. */
export const mayWrite = () => session?.scope === "full";

export function signedIn(told) {
  session = told;
  document.getElementById("account").hidden = !told;
  document.getElementById("account-name").textContent = told?.name || "";
}

document.getElementById("sign-out").addEventListener("click", async () => {
  await request("session", { method: "DELETE" }).catch(() => null);
  location.hash = "";
  location.reload();
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

async function start() {
  signedIn(session);
  if (!session) {
    const { signIn } = await import("./sign-in.js");
    await signIn(document.getElementById("main"));
  }
  addEventListener("hashchange", enter);
  await enter();
}
start();
