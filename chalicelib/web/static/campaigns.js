/** The list of campaigns: status, the five numbers, search; new, duplicate, delete. */

import { api, button, date, h, heading, mayWrite, number, percent, pill, progress, style } from "./app.js";
import { attempt, debounced, firstPages, nothing } from "./parts.js";

const RUNNING = new Set(["planning", "sending"]);
const DRAFTS = new Set(["draft", "scheduled", "missed"]);
const REFRESH_MS = 2000;

export async function show(place, { signal }) {
  await style("lists.css");
  const search = h("input", {
    type: "search", placeholder: "Search titles and subjects", "aria-label": "Search campaigns",
  });
  const list = h("div", { "aria-busy": "true" }, h("p", { class: "loading" }, "Loading campaigns…"));
  place.append(
    h("div", { class: "head" },
      h("div", {}, heading("Campaigns")),
      mayWrite() && h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign")),
    h("div", { class: "bar" }, search), list);

  let pages = 1;
  let running = new AbortController();
  async function load() {
    running.abort();
    running = new AbortController();
    const latest = AbortSignal.any([signal, running.signal]);
    await attempt(list, latest, async () => {
      const { items, cursor } = await firstPages(pages, "campaigns", { q: search.value.trim(), limit: 25 }, latest);
      draw(items, cursor);
    });
  }

  let timer = null;
  function draw(items, cursor) {
    list.removeAttribute("aria-busy");
    clearTimeout(timer);
    if (!items.length) {
      list.replaceChildren(search.value.trim() ? nothing("No campaigns found", `No title or subject contains “${search.value.trim()}”.`) : welcome());
      return;
    }
    list.replaceChildren(
      h("ul", { class: "campaigns card" }, items.map((campaign) => row(campaign, load))),
      h("p", { class: "more" }, cursor && button("Show more", () => { pages += 1; load(); })));
    if (items.some((campaign) => RUNNING.has(campaign.status))) {
      timer = setTimeout(() => { if (!document.hidden && !list.matches(":focus-within")) load(); else draw(items, cursor); }, REFRESH_MS);
    }
  }

  search.addEventListener("input", debounced(() => { pages = 1; load(); }, signal));
  signal.addEventListener("abort", () => clearTimeout(timer));
  await load();
}

function row(campaign, reload) {
  const { campaign_id: id, numbers, status, title } = campaign;
  const isDraft = DRAFTS.has(status);
  return h("li", { class: "campaign" },
    h("div", { class: "campaign-name" },
      h("div", { class: "titled" },
        h("a", { href: `#/campaigns/${id}/${isDraft ? "edit" : "stats"}` }, title), pill(status)),
      h("p", { class: "note" },
        `${campaign.audience.entity} · ${campaign.audience.stages.join(", ")}`,
        campaign.audience.tags.length ? ` · tagged ${campaign.audience.tags.join(", ")}` : "", " · ", when(campaign)),
      RUNNING.has(status) && sending(campaign)),
    numbers ? figures(numbers) : h("p", { class: "note campaign-numbers" }, isDraft ? "Not sent yet" : "Starting…"),
    mayWrite() && h("div", { class: "campaign-actions" },
      button("Duplicate", () => duplicate(id), { class: "quiet", "aria-label": `Duplicate ${title}` }),
      isDraft && button("Delete", () => remove(campaign, reload), { class: "quiet", "aria-label": `Delete ${title}` })));
}

function when(campaign) {
  if (campaign.launched_at) return `sent ${date(campaign.launched_at)}`;
  if (campaign.status !== "scheduled") return `edited ${date(campaign.updated_at)}`;
  return `scheduled for ${campaign.scheduled_local.replace("T", ", ")} (${campaign.scheduled_timezone})`;
}

const share = (count, of) => (of ? percent(count / of) : "");

function figures(numbers) {
  const all = [
    ["Total", numbers.total, ""],
    ["Sent", numbers.sent, share(numbers.sent, numbers.total)],
    ["Failed", numbers.failed, share(numbers.failed, numbers.sent + numbers.failed)],
    ["Opened", numbers.opened, share(numbers.opened, numbers.sent)],
    ["Clicked", numbers.clicked, share(numbers.clicked, numbers.sent)],
  ];
  return h("dl", { class: "campaign-numbers" }, all.map(([name, value, rate]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, number(value), " ", h("span", { class: "note" }, rate)))));
}

function sending({ status, title, numbers }) {
  const done = numbers ? numbers.total - numbers.pending : 0;
  return progress(`Progress of ${title}`, numbers?.total && numbers.total_is_final ? done / numbers.total : 0,
    status === "planning" ? "Collecting recipients" : `${number(done)} of ${number(numbers?.total || 0)}`);
}

async function duplicate(id) {
  const { duplicate: copy } = await import("./actions.js");
  await copy(id);
}

async function remove(campaign, reload) {
  const { confirm } = await import("./dialogs.js");
  const isGone = await confirm({
    title: `Delete “${campaign.title}”?`,
    text: "It has not been sent to anyone. This cannot be undone.",
    action: "Delete draft",
    danger: true,
    run: () => api("DELETE", `campaigns/${campaign.campaign_id}`),
  });
  if (isGone) reload();
}

const welcome = () => nothing("Create your first campaign",
  "Import your leads, write an email, preview it, and send it. Its numbers appear here.",
  mayWrite() && [
    h("a", { class: "button", href: "#/leads/import" }, "Import leads"),
    h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign"),
  ]);
