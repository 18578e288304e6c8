/** The campaigns: how each stands, its five numbers, search; write a new one, copy or remove one. */

import { api, date, failure, h, heading, mayWrite, number, percent, pill, query, style } from "./app.js";

const RUNNING = new Set(["planning", "sending"]);
const DRAFTS = new Set(["draft", "scheduled", "missed"]);

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

  let shown = 1;
  let asked = 0;
  async function load() {
    const mine = ++asked;
    try {
      const items = [];
      let cursor = null;
      for (let page = 0; page < shown; page += 1) {
        const found = await api("GET", `campaigns${query({ q: search.value.trim(), limit: 25, cursor })}`, { signal });
        items.push(...found.items);
        cursor = found.cursor;
        if (!cursor) break;
      }
      if (mine === asked) draw(items, cursor);
    } catch (problem) {
      if (signal.aborted) return;
      if (mine === asked) list.replaceChildren(failure(problem, load));
    }
  }

  let timer = null;
  function draw(items, cursor) {
    list.removeAttribute("aria-busy");
    clearTimeout(timer);
    if (!items.length) {
      list.replaceChildren(search.value.trim() ? nothingFound(search.value.trim()) : nothingYet());
      return;
    }
    const more = h("button", { type: "button", onclick: () => { shown += 1; load(); } }, "Show more");
    list.replaceChildren(
      h("ul", { class: "campaigns card" }, items.map((campaign) => row(campaign, load))),
      h("p", { class: "more" }, cursor && more));
    if (items.some((campaign) => RUNNING.has(campaign.status))) {
      timer = setTimeout(() => { if (!document.hidden && !list.matches(":focus-within")) load(); else draw(items, cursor); }, 2000);
    }
  }

  let typing = null;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { shown = 1; load(); }, 250);
  });
  signal.addEventListener("abort", () => { clearTimeout(timer); clearTimeout(typing); });
  await load();
}

function row(campaign, reload) {
  const { campaign_id: id, numbers } = campaign;
  const isDraft = DRAFTS.has(campaign.status);
  return h("li", { class: "campaign" },
    h("div", { class: "campaign-name" },
      h("div", { class: "titled" },
        h("a", { href: `#/campaigns/${id}/${isDraft ? "edit" : "stats"}` }, campaign.title), pill(campaign.status)),
      h("p", { class: "note" },
        `${campaign.audience.entity} · ${campaign.audience.stages.join(", ")}`,
        campaign.audience.tags.length ? ` · tagged ${campaign.audience.tags.join(", ")}` : "", " · ",
        campaign.launched_at ? `sent ${date(campaign.launched_at)}` : campaign.status === "scheduled"
          ? `goes out ${campaign.scheduled_local.replace("T", ", ")} (${campaign.scheduled_timezone})`
          : `changed ${date(campaign.updated_at)}`),
      RUNNING.has(campaign.status) && progress(campaign)),
    numbers ? figures(numbers) : h("p", { class: "note campaign-numbers" }, isDraft ? "Not sent yet" : "Beginning…"),
    mayWrite() && h("div", { class: "campaign-actions" },
      h("button", { type: "button", class: "quiet", "aria-label": `Duplicate ${campaign.title}`, onclick: () => duplicate(id) },
        "Duplicate"),
      isDraft && h("button", {
        type: "button", class: "quiet", "aria-label": `Delete ${campaign.title}`, onclick: () => remove(campaign, reload),
      }, "Delete")));
}

function figures(numbers) {
  const share = (count, of) => (of ? percent(count / of) : "");
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

function progress({ status, title, numbers }) {
  const done = numbers ? numbers.total - numbers.pending : 0;
  const share = numbers?.total && numbers.total_is_final ? done / numbers.total : 0;
  const bar = h("span");
  bar.style.width = `${Math.max(2, share * 100)}%`;
  return h("div", {
    class: "progress", role: "progressbar", "aria-label": `Progress of ${title}`, "aria-valuemin": 0, "aria-valuemax": 100,
    "aria-valuenow": Math.round(share * 100), "aria-valuetext": status === "planning" ? "Collecting the audience" : `${number(done)} of ${number(numbers?.total || 0)}`,
  }, bar);
}

async function duplicate(id) {
  const { duplicate: copy } = await import("./actions.js");
  await copy(id);
}

async function remove(campaign, reload) {
  const { confirm } = await import("./dialogs.js");
  await confirm({
    title: `Delete “${campaign.title}”?`,
    text: "The draft is gone for good. Nobody has received it.",
    action: "Delete draft",
    danger: true,
    run: () => api("DELETE", `campaigns/${campaign.campaign_id}`),
  }) && reload();
}

const nothingFound = (text) => h("div", { class: "card empty" },
  h("h2", {}, "No campaign found"), h("p", {}, `No title or subject holds “${text}”.`));

const nothingYet = () => h("div", { class: "card empty" },
  h("h2", {}, "Your first campaign"),
  h("p", {}, "Import your leads, write an e-mail, look it over, and send it. Its numbers will stand here."),
  mayWrite() && h("div", { class: "actions" },
    h("a", { class: "button", href: "#/leads/import" }, "Import leads"),
    h("a", { class: "button primary", href: "#/campaigns/new" }, "Write a campaign")));
