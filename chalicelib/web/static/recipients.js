/** The recipients of a campaign and how they reacted: filtered, page by page, and all of them as a CSV file. */

import { button, fill, h, moment, pill, query } from "./app.js";
import { reasonName } from "./campaign-words.js";
import { saveCsv } from "./download.js";
import { asSent, readable } from "./idn.js";
import { browse, card, choice, table } from "./parts.js";

const FILTERS = {
  "": ["All recipients", {}],
  opened: ["Opened", { opened: true }],
  unopened: ["Sent, not opened", { status: "sent", opened: false }],
  clicked: ["Clicked", { clicked: true }],
  unclicked: ["Opened, not clicked", { opened: true, clicked: false }],
  sent: ["Sent", { status: "sent" }],
  failed: ["Failed", { status: "failed" }],
  bounced: ["Bounced", { bounced: true }],
  complained: ["Complained", { complained: true }],
  unsubscribed: ["Unsubscribed", { unsubscribed: true }],
  skipped: ["Skipped", { status: "skipped" }],
  sending: ["Sending", { status: "sending" }],
};

/** { element, update(), filter(value, reason) }. `asked`: what the address says. */
export function recipients(campaign, asked, signal) {
  let reason = asked.get("reason");
  const labels = Object.fromEntries(Object.entries(FILTERS).map(([value, [text]]) => [value, text]));
  const filter = choice(labels, asked.get("recipients"), { "aria-label": "Filter recipients", onchange: () => narrow(null) });
  const narrowed = h("span", { class: "bar" });
  const body = h("div");
  const download = button("Download CSV", () => saveCsv(
    `campaigns/${campaign.campaign_id}/deliveries.csv${query(parameters())}`, campaign.title, download, signal));
  const element = card({ id: "recipients", title: "Recipients", tabindex: "-1", tools: h("div", { class: "bar" }, narrowed, filter, download) }, body);
  const parameters = () => ({ ...FILTERS[filter.value][1], reason });
  const list = browse(body, signal, {
    path: `campaigns/${campaign.campaign_id}/deliveries`,
    asked,
    filters: () => ({ recipients: filter.value, reason }),
    values: () => ({ ...parameters(), limit: innerWidth > 760 ? 25 : 10 }), // 170 pixels each on a phone
    draw: (items) => recipientsTable(items),
    empty: () => h("p", { class: "soft" }, filter.value ? "No recipients match this filter." : "Recipients appear here as their emails are sent."),
  });
  drawReason();

  function drawReason() {
    fill(narrowed, reason && [h("span", { class: "pill" }, reasonName(reason)), button("All reasons", () => { narrow(null); filter.focus(); }, { class: "quiet" })]);
  }

  function narrow(newReason) {
    reason = newReason;
    drawReason();
    list.restart();
  }

  return {
    element,
    /** Load again, unless somebody is using the list. */
    update: () => { if (!element.contains(document.activeElement) || document.activeElement === element) list.load({ isQuiet: true }); },
    /** Show the recipients that match a filter and have this reason, and scroll to them. */
    filter: (value, newReason) => {
      filter.value = value;
      narrow(newReason);
      element.focus({ preventScroll: true });
      element.scrollIntoView({ behavior: "smooth", block: "start" });
    },
  };
}

const COLUMNS = [["Lead", "link-url"], ["Status", "whole"], "Sent", "Opened", "Clicked"];

const bad = (text) => h("span", { class: "pill bad" }, text);

const recipientsTable = (items) => table("Recipients", COLUMNS, items.map((each) => [
  each.lead_deleted ? h("span", { class: "soft" }, "Deleted lead") : [
    h("a", { class: "name", href: `#/leads/${each.lead_id}`, title: asSent(each.email) }, readable(each.email) || "no email address"),
    h("p", { class: "note" }, [each.first_name, each.last_name].filter(Boolean).join(" "))],
  [h("div", { class: "bar" }, pill(each.status), each.bounced_at && bad("Bounced"), each.complained_at && bad("Complained")), each.reason && h("p", { class: "note" }, reasonName(each.reason), each.detail ? `: ${each.detail}` : "")],
  moment(each.sent_at),
  [moment(each.opened_at), each.opened_machine && h("p", { class: "note" }, "by a machine")],
  [moment(each.clicked_at), each.clicked_machine && h("p", { class: "note" }, "by a machine only")],
]), { class: "stacked" });
