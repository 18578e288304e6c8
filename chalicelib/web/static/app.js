/**
 * What every view needs: elements, the API, formatting, and routing.
 *
 * One file, because the Stats view must show its numbers after six requests: the page, its style sheet, this file, the
 * view's own module, and two API calls. Everything else is loaded on demand.
 */

// -- Elements. Strings become text nodes: nothing from a lead or an email is ever parsed as markup. --------------------

/** h("p", { class: "note", onclick: go }, "text", element, [more]): an element. Null and false children are skipped. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** Replace an element's children; takes children as `h` does. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

const present = (children) => children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);

const asset = (name) => new URL(name, import.meta.url).href;

/** A button that is not a form's submit button. */
export const button = (label, onclick, properties = {}) => h("button", { type: "button", onclick, ...properties }, label);

export const crumbs = (list, parent, here) => h("p", { class: "crumbs" }, h("a", { href: lastAddress(list) }, parent), "/", h("span", {}, here));

/** A span filled to a share (0 to 1) of its parent's width. The page's policy forbids style attributes in markup. */
export function bar(share, properties = {}) {
  const element = h("span", properties);
  element.style.width = `${share * 100}%`;
  return element;
}

export function progress(label, share, text) {
  return h("div", {
    class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100,
    "aria-valuenow": Math.round(share * 100), "aria-valuetext": text,
  }, bar(share && Math.max(0.01, share)));
}

/** Load one of our style sheets, once. */
export function style(name) {
  if ([...document.styleSheets].some((sheet) => sheet.href === asset(name))) return Promise.resolve();
  return new Promise((loaded) => {
    document.head.append(h("link", { rel: "stylesheet", href: asset(name), onload: loaded, onerror: loaded }));
  });
}

/** Show a message for six seconds, also to screen readers. */
export function say(text) {
  const toast = h("p", { class: "toast" }, text);
  document.getElementById("messages").replaceChildren(toast);
  setTimeout(() => toast.remove(), 6000);
}

// -- The API. --------------------------------------------------------------------------------------------------------

/** The API's problem detail (RFC 9457). Status 0: no answer at all. */
export class Problem extends Error {
  constructor(status, body) {
    // Of the server's own failures, the API says what a program should do.
    super(status < 500 ? body.detail || body.title || "Something went wrong."
      : `The server could not do this. Try again in a few seconds.${body.request_id ? ` If it keeps failing, tell your operator this request id: ${body.request_id}` : ""}`);
    this.status = status;
    this.type = body.type;
    this.errors = body.errors || [];
  }

  /** Whether the same request may succeed later. */
  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.type === "urn:leadflip:problem:idempotency-key-running";
  }
}

/** Call the API: the JSON it answers, or with `whole` the response. If the session has ended, the user signs in first. */
export async function api(method, path, { body, type = "application/json", key, signal, whole } = {}) {
  const headers = body === undefined ? {} : { "Content-Type": type };
  if (key) headers["Idempotency-Key"] = key;
  const content = body === undefined || typeof body === "string" || body instanceof Blob ? body : JSON.stringify(body);
  const call = () => request(`v1/${path}`, { method, headers, body: content, signal });
  let response = await call();
  while (response.status === 401) {
    const { signInAgain } = await import("./sign-in.js");
    await signInAgain();
    response = await call();
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  if (whole) return response;
  return response.status === 204 ? null : response.json();
}

const unreachable = () => new Problem(0, { title: "The server cannot be reached. Check your connection." });

/** A request to our own server. Throws a Problem with status 0 if there is no answer. */
export async function request(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

/** A query string without empty values: query({ q: "", limit: 5, tag: ["a", "b"] }) is "?limit=5&tag=a&tag=b". */
export function query(values) {
  const parameters = Object.entries(values).flatMap(([name, value]) => [value].flat().map((each) => [name, each])).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return parameters.length ? `?${new URLSearchParams(parameters)}` : "";
}

/** An error message, with a button to try again, which is done by itself once the browser is online again. */
export function failure(problem, again) {
  const element = h("div", { class: "failure", role: "alert" }, h("p", {}, problem.message), again && button("Try again", again));
  if (again && problem.status === 0) addEventListener("online", () => { if (element.isConnected) again(); }, { once: true });
  return element;
}

/** A text with links to the views that it names. */
export const linked = (text) => text.split(/(Settings, Senders)/).map((part, at) => (at % 2 ? h("a", { href: "#/settings/senders" }, part) : part));

// -- Numbers, times and terms as the page shows them. ------------------------------------------------------------------

export const number = (value) => value.toLocaleString("en");
export const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)}%`;
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const minute = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});
export const date = (text) => day.format(new Date(text));

/** A text without code: each merge tag's default value in its place, or "…", and nothing for statements. */
export const withoutTags = (text) => text.replaceAll(/\{%.*?%\}/g, "").replaceAll(/\{\{(.*?)\}\}/g, (_, tag) => /default\(\s*(["'])(.*?)\1/.exec(tag)?.[2] ?? "…");

/** <time datetime="…">23 Nov 2026, 14:05</time>, with the exact time in its title. */
export function moment(text) {
  return text ? h("time", { datetime: text, title: new Date(text).toString() }, minute.format(new Date(text))) : "—";
}

/** When what waits goes on by itself. */
export const resumes = (at) => [" Resumes about ", moment(at), ", your time."];

/** The statuses of campaigns and deliveries. */
const STATUS = {
  draft: "Draft", scheduled: "Scheduled", missed: "Missed", planning: "Preparing", sending: "Sending",
  paused: "Paused", sent: "Sent", cancelled: "Cancelled", failed: "Failed", skipped: "Skipped",
};
export const pill = (status) => h("span", { class: `pill ${status}` }, STATUS[status] || status);

// -- Routing. Routes are fragments, so that the server need not know them. -------------------------------------------

/** Address, module, part of the navigation, and whether nothing of it is left without full access. */
const VIEWS = [
  [/^\/campaigns$/, "./campaigns.js", "campaigns"],
  [/^\/campaigns\/new$/, "./editor.js", "campaigns", true],
  [/^\/campaigns\/(cmp_[0-9a-f]+)\/edit$/, "./editor.js", "campaigns"],
  [/^\/campaigns\/(cmp_[0-9a-f]+)\/stats$/, "./stats.js", "campaigns"],
  [/^\/leads$/, "./leads.js", "leads"],
  [/^\/leads\/new$/, "./lead-form.js", "leads", true],
  [/^\/leads\/import$/, "./import.js", "leads", true],
  [/^\/leads\/(lead_[0-9a-f]+)$/, "./lead.js", "leads"],
  [/^\/automation$/, "./automation.js", "automation"],
  [/^\/automation\/new$/, "./rule-form.js", "automation", true],
  [/^\/automation\/(rule_[0-9a-f]+)$/, "./rule.js", "automation"],
  [/^\/automation\/(rule_[0-9a-f]+)\/edit$/, "./rule-form.js", "automation", true],
  [/^\/settings$/, "./settings.js", "settings"],
  [/^\/settings\/tokens$/, "./settings-tokens.js", "settings"],
  [/^\/sign-in$/, "./sign-in.js"],
  [/^\/settings\/senders$/, "./settings-senders.js", "settings"],
  [/^\/settings\/suppressions$/, "./suppressions.js", "settings"],
  [/^\/help$/, "./help.js", "help"],
];
let visit = new AbortController();
/** Where the shown address is in this tab's history: its entries are numbered, so that one can be returned to. */
let position = history.state?.position ?? 0;

/** A view is a module with show(place, { id, query, signal }): it fills the place, and stops when the signal aborts. */
async function enter() {
  visit.abort();
  visit = new AbortController();
  const { signal } = visit;
  const { y } = history.state;
  const [path, search] = (location.hash.slice(1) || "/campaigns").split("?");
  const [pattern, module, part, needsFull] = VIEWS.find(([known]) => known.test(path)) || [];
  for (const link of document.querySelectorAll("[data-part]")) {
    if (link.dataset.part === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const main = document.getElementById("main");
  main.ariaBusy = "false";
  if (!module) return main.replaceChildren(lost("There is no such page", "The address may be incomplete or misspelt."));
  if (needsFull && !mayWrite()) return main.replaceChildren(lost("This page needs full access", "You are signed in with a read-only token.", part));
  main.ariaBusy = "true";
  try {
    const { show } = await import(module);
    if (signal.aborted) return;
    const place = h("div", { class: "view" });
    main.replaceChildren(place);
    main.ariaBusy = "false";
    scrollTo(0, 0);
    if (y) import("./scroll.js").then(({ scrollBack }) => scrollBack(y, place, signal));
    sessionStorage.setItem(`#${path}`, location.hash);
    await show(place, { id: pattern.exec(path)?.[1], query: new URLSearchParams(search), signal });
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    main.ariaBusy = "false";
    const isKnown = error instanceof Problem;
    const isNew = navigator.onLine && { message: "This page could not be loaded. A new version may be available." };
    const problem = isKnown ? error : isNew || unreachable();
    main.replaceChildren(problem.status === 404 ? lost("Not found", `${problem.message} It may have been deleted.`, part)
      : h("div", { class: "view" }, failure(problem, isKnown ? enter : () => location.reload())));
    if (!isKnown) throw error;
  }
}

/** What is shown at an address that leads nowhere. */
function lost(title, text, part = "campaigns") {
  const { href, textContent } = document.querySelector(`[data-part=${part}]`);
  return h("div", { class: "view" }, h("div", { class: "card empty" }, heading(title), h("p", {}, text),
    h("a", { class: "button primary", href }, `Go to ${textContent}`)));
}

/** The view's title, also the window's. It gets the focus, so that screen readers start there. */
export function heading(text, properties = {}) {
  document.title = `${text} · Leadflip Campaigns`;
  const title = h("h1", { tabindex: "-1", ...properties }, text);
  if (entered) queueMicrotask(() => title.focus({ preventScroll: true }));
  entered = true;
  return title;
}
let entered = false;

/** Change the address without changing the view: a new draft has been given its id. */
export function rename(hash) {
  history.replaceState({ position }, "", hash);
  sessionStorage.setItem(hash.split("?")[0], hash);
}

/** Show another view in the place of this one, which Back does not return to. */
export function replace(hash) {
  rename(hash);
  enter();
}

/** Whether nothing holds back who leaves for another address. A view with unsaved changes does: it asks, and calls `go()`. */
const mayLeave = (go) => dispatchEvent(new CustomEvent("leave", { cancelable: true, detail: go }));

function follow(event) {
  const link = event.target.closest("a[href^='#/']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  // Where the page is, for coming back.
  history.replaceState({ position, y: scrollY }, "");
  if (link.hash !== location.hash && !mayLeave(() => { location.hash = link.hash; })) event.preventDefault();
}

/** The address has changed, also by Back and Forward. If it must not yet, return to the entry that was left. */
function move(event) {
  const next = history.state?.position ?? position + 1;
  const steps = next - position;
  if (event.isTrusted && !steps) return event.stopImmediatePropagation(); // returned; dialogs stay open
  const isFree = mayLeave(() => history.go(steps));
  if (!history.state) history.replaceState({ position: next }, "");
  if (!isFree) return history.go(-steps);
  position = next;
  enter();
}

/** The address of a list as it was last seen in this window. */
export const lastAddress = (list) => sessionStorage.getItem(list) || list;

// -- The session. ----------------------------------------------------------------------------------------------------

let session = JSON.parse(document.documentElement.dataset.session);

/** A token with the scope `read` changes nothing. */
export const mayWrite = () => session?.scope === "full";

export function signedIn(newSession) {
  session = newSession;
  document.getElementById("account").hidden = !session;
  document.getElementById("account-name").textContent = session?.name || "";
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
    entered = true;
  }
  if (!history.state) history.replaceState({ position }, "");
  document.addEventListener("click", follow, true);
  addEventListener("hashchange", move);
  // Not needed by who only looks, so that the stats' first paint does not wait for it.
  document.addEventListener("focusin", () => import("./focus.js"), { once: true });
  await enter();
}
start();
