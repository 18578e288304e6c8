/** Who received a campaign, and what happened: filtered, page by page, and the whole of it as a CSV file. */

import { api, failure, h, moment, query, say } from "./app.js";
import { reasonName } from "./reasons.js";

const FILTERS = [
  ["all", "Everybody", {}],
  ["opened", "Opened", { opened: true }],
  ["unopened", "Sent, not opened", { status: "sent", opened: false }],
  ["clicked", "Clicked", { clicked: true }],
  ["unclicked", "Opened, not clicked", { opened: true, clicked: false }],
  ["sent", "Sent", { status: "sent" }],
  ["failed", "Failed", { status: "failed" }],
  ["skipped", "Skipped", { status: "skipped" }],
  ["sending", "Being sent", { status: "sending" }],
];

export function recipients(campaign, signal) {
  const choice = h("select", { "aria-label": "Which recipients", onchange: () => { reason = null; restart(); } },
    FILTERS.map(([value, text]) => h("option", { value }, text)));
  const narrowed = h("span", { class: "bar" });
  const body = h("div");
  const download = h("button", { type: "button", onclick: () => save(campaign, parameters(), download, signal) }, "Download CSV");
  const element = h("section", { class: "card", "aria-labelledby": "recipients", tabindex: "-1" },
    h("header", {}, h("h2", { id: "recipients" }, "Recipients"), h("div", { class: "bar" }, narrowed, choice, download)), body);
  let reason = null;
  let cursors = [null];

  const parameters = () => ({ ...FILTERS.find(([value]) => value === choice.value)[2], reason });
  function restart() {
    cursors = [null];
    load();
  }

  async function load() {
    narrowed.replaceChildren(...(reason ? [h("span", { class: "pill" }, reasonName(reason)),
      h("button", { type: "button", class: "quiet", onclick: () => { reason = null; restart(); } }, "All reasons")] : []));
    try {
      const items = [];
      let cursor = cursors.at(-1);
      // Where few pass the filter a page may be empty and still not be the last.
      do {
        const page = await api("GET", `campaigns/${campaign.campaign_id}/deliveries${query({ ...parameters(), limit: 25, cursor })}`, { signal });
        items.push(...page.items);
        cursor = page.cursor;
      } while (cursor && !items.length);
      draw(items, cursor);
    } catch (problem) {
      if (!signal.aborted) body.replaceChildren(failure(problem, load));
    }
  }

  function draw(items, following) {
    if (!items.length) {
      body.replaceChildren(h("p", { class: "soft" }, choice.value === "all" ? "Nobody yet." : "Nobody, so far."));
      return;
    }
    const turn = (cursor) => { if (cursor === undefined) cursors.pop(); else cursors.push(cursor); load(); };
    body.replaceChildren(table(items), h("p", { class: "pages" },
      cursors.length > 1 && h("button", { type: "button", onclick: () => turn() }, "Back"),
      following && h("button", { type: "button", onclick: () => turn(following) }, "Next")));
  }

  return {
    element,
    update: () => { if (!element.contains(document.activeElement) || document.activeElement === element) load(); },
    /** Show those of one kind, and for one reason. */
    filter: (value, why) => {
      choice.value = value;
      reason = why;
      restart();
      element.focus({ preventScroll: true });
      element.scrollIntoView({ behavior: "smooth", block: "start" });
    },
  };
}

function table(items) {
  const head = ["Lead", "Status", "Sent", "Opened", "Clicked"];
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Recipients" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, items.map((each) => h("tr", {},
      h("td", { class: "link-url" }, h("a", { href: `#/leads/${each.lead_id}` }, each.email || "no address")),
      h("td", {}, h("span", { class: `pill ${each.status}` }, each.status),
        each.reason && h("p", { class: "note" }, reasonName(each.reason), each.detail ? `: ${each.detail}` : "")),
      h("td", { class: "nowrap" }, moment(each.sent_at)),
      h("td", { class: "nowrap" }, moment(each.opened_at), each.opened_machine && h("p", { class: "note" }, "by a machine")),
      h("td", { class: "nowrap" }, moment(each.clicked_at), each.clicked_machine && h("p", { class: "note" }, "by a machine only")))))));
}

/** The export comes in parts that make one file. */
async function save(campaign, parameters, button, signal) {
  const text = button.textContent;
  button.disabled = true;
  try {
    const parts = [];
    let address = `campaigns/${campaign.campaign_id}/deliveries.csv${query(parameters)}`;
    while (address) {
      const response = await api("GET", address, { whole: true, signal });
      parts.push(await response.arrayBuffer());
      const next = /<([^>]*)>; rel="next"/.exec(response.headers.get("Link") || "")?.[1];
      address = next ? `campaigns/${campaign.campaign_id}/deliveries.csv${next}` : null;
      button.textContent = `Part ${parts.length}…`;
    }
    const url = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    h("a", { href: url, download: `${campaign.title.replace(/[^\p{L}\p{N}]+/gu, "-")}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (problem) {
    if (!signal.aborted) say(problem.message);
  } finally {
    button.disabled = false;
    button.textContent = text;
  }
}
