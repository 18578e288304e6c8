/** The list of campaigns: tabs by status, search and order, all in the address; it keeps itself up to date. */

import { failure, fill, h, heading, mayWrite, query, style } from "./app.js";
import { rows, VERBS } from "./campaign-rows.js";
import { titleOf } from "./campaign-words.js";
import { debounced, firstPages, nothing, regularly, remember, titlesOf } from "./parts.js";
import { refill } from "./update.js";

const TABS = [
  ["", "All", []], ["draft", "Drafts", ["draft"]], ["scheduled", "Scheduled", ["scheduled", "missed"]],
  ["sending", "Sending", ["planning", "sending", "paused"]], ["sent", "Sent", ["sent"]], ["cancelled", "Cancelled", ["cancelled"]],
];
const RUNNING = new Set(["planning", "sending"]);
const SOON_MS = 2000;
const LATER_MS = 30_000;

export async function show(place, { query: address, signal }) {
  await style("campaigns.css");
  const view = Object.fromEntries(["status", "q", "sort", "order"].map((name) => [name, address.get(name) || ""]));
  const search = h("input", { type: "search", placeholder: "Search titles and subjects", "aria-label": "Search campaigns", value: view.q });
  const tabs = h("div", { class: "tabs", role: "navigation", "aria-label": "Campaigns by status" });
  const trouble = h("div");
  const list = h("div", { class: "stack", "aria-busy": "true" }, h("p", { class: "loading" }, "Loading campaigns…"));
  place.append(
    h("div", { class: "head" },
      h("div", {}, heading("Campaigns")),
      mayWrite() && h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign")),
    tabs, h("div", { class: "bar" }, search), trouble, list);

  let pages = Number(address.get("pages")) || 1;
  let shown = new Map();
  const titles = new Map();
  const tab = () => TABS.find(([name]) => name === view.status) || TABS[0];
  const at = (changes) => `#/campaigns${query({ ...view, ...changes })}`;

  const load = regularly(signal, pause, async (isLatest) => {
    const values = { q: view.q, status: tab()[2], sort: view.sort, order: view.order, limit: 25, counts: true };
    const { items, cursor, counts } = await firstPages(pages, "campaigns", values, signal);
    for (const each of items) titles.set(each.campaign_id, titleOf(each));
    const followed = items.flatMap(({ audience }) => audience.behavior.map((each) => each.campaign_id)).filter((id) => !titles.has(id));
    for (const [id, title] of await titlesOf(followed, signal)) titles.set(id, title);
    if (!isLatest()) return;
    trouble.replaceChildren();
    draw(items, cursor, counts);
  }, (problem) => {
    fill(trouble, failure(problem, load));
    if (!shown.size) list.replaceChildren();
  });

  /** Campaigns that are being sent change all the time, scheduled ones when their time has come. */
  function pause() {
    const campaigns = [...shown.values()];
    if (campaigns.some(({ status }) => RUNNING.has(status))) return SOON_MS;
    const due = campaigns.filter(({ status }) => status === "scheduled").map((each) => Date.parse(each.scheduled_at) - Date.now());
    return Math.max(SOON_MS, Math.min(LATER_MS, ...due));
  }

  function draw(items, cursor, counts) {
    list.removeAttribute("aria-busy");
    shown = new Map(items.map((campaign) => [campaign.campaign_id, campaign]));
    drawTabs(counts);
    if (items.length) {
      refill(list, rows(items, view, titles), h("p", { class: "more", "data-key": "more" }, cursor && h("button", { type: "button", "data-verb": "more" }, "Show more")));
    } else refill(list, view.q || view.status ? nothing("No campaigns found", reason()) : welcome());
  }

  function drawTabs(counts) {
    tabs.classList.toggle("counting", !counts);
    refill(tabs, TABS.map(([name, text, statuses]) => {
      const count = counts && (statuses.length ? statuses.reduce((sum, status) => sum + counts.by_status[status], 0) : counts.total);
      return h("a", { href: at({ status: name }), "data-key": `tab-${name}`, "data-tab": name, "aria-current": name === tab()[0] && "true" },
        `${text} `, counts && h("span", { class: "tab-count" }, `${count.toLocaleString("en")}${counts.is_whole ? "" : "+"}`));
    }));
  }

  const reason = () => [
    view.q ? `No title or subject contains “${view.q}”` : "There are no campaigns", tab()[0] ? ` under “${tab()[1]}”.` : ".",
  ].join("");

  /** Change what is listed, and the address with it. */
  function narrow(changes) {
    Object.assign(view, changes);
    pages = 1;
    remember({ ...view, pages: null });
    load();
  }

  const onClick = (event) => {
    const { tab: status, verb, sort } = event.target.closest("[data-tab], [data-verb], [data-sort]")?.dataset || {};
    if (status !== undefined && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      narrow({ status });
    } else if (sort) narrow(nextOrder(view, sort));
    else if (verb === "more") {
      pages += 1;
      remember({ pages });
      load();
    } else if (verb) {
      VERBS[verb].run(shown.get(event.target.closest("[data-key^=cmp_]").dataset.key)).then((isDone) => isDone && load());
    }
  };
  tabs.addEventListener("click", onClick);
  list.addEventListener("click", onClick);
  const typed = debounced(() => narrow({ q: search.value.trim() }), signal);
  search.addEventListener("input", typed);
  drawTabs();
  await load();
}

/** A column sorts one way, then the other, then no more: the newest come first again. */
function nextOrder({ sort, order }, column) {
  const first = column === "title" ? "asc" : "desc";
  if (sort !== column) return { sort: column, order: first };
  return order === first ? { order: first === "asc" ? "desc" : "asc" } : { sort: "", order: "" };
}

const welcome = () => nothing("Create your first campaign",
  "Import your leads, write an email, preview it, and send it. Its numbers appear here.",
  mayWrite() && [
    h("a", { class: "button", href: "#/leads/import" }, "Import leads"),
    h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign"),
  ]);
