/** One lead: details, email status, and timeline. */

import { api, button, crumbs, fill, h, heading, lastAddress, mayWrite, moment, say, style } from "./app.js";
import { reasonName } from "./campaign-words.js";
import { asSent, readable } from "./idn.js";
import { deleteLead, nameOf, stageChoice, tagList } from "./lead-controls.js";
import { leadForm, leadGroups, namesIn } from "./lead-form.js";
import { privacyCard } from "./lead-privacy.js";
import { card, follow, svg } from "./parts.js";

export async function show(place, { id, query: asked, signal }) {
  let groups = [];
  const lookup = leadGroups(signal).then((found) => { groups = found; return found; });
  let [lead] = await Promise.all([api("GET", `leads/${id}`, { signal }), style("leads.css")]);
  const title = heading(nameOf(lead));
  const stage = h("span");
  const details = h("div");
  const aside = h("aside", { class: "view" });
  const events = h("ol", { class: "timeline" });
  const more = h("div", { class: "more" });
  const timeline = card({ id: "timeline", title: "Timeline" }, events, more);
  const load = follow(more, signal, {
    path: `leads/${id}/timeline`,
    asked,
    draw: (items) => fill(events, items.length ? items.map(event) : h("li", { class: "soft" },
      "Nothing yet. Campaigns sent to this lead, and how the lead reacts, appear here.")),
  });
  place.append(
    crumbs("#/leads", "Leads", "Lead"),
    h("div", { class: "head" }, h("div", { class: "titled" }, title, stage), mayWrite() && button("Delete…", remove, { class: "danger" })),
    h("div", { class: "person" }, details, timeline, aside));
  const status = privacyCard(lead, { signal, onchange: (other) => { lead = other; return load(); } });
  aside.append(status.element);
  changed(lead);
  await load();

  /** Show the lead as it is now. */
  function changed(other) {
    lead = other;
    title.textContent = nameOf(lead);
    fill(stage, stageChoice(lead, () => namesIn(groups, "stages"), changed));
    fill(details, detailsCard(lead, tagList(lead, () => namesIn(groups, "tags", lead.entity), (tagged) => { lead = tagged; }),
      mayWrite() && button("Edit", edit, { "aria-label": "Edit details" })));
  }

  function edit() {
    const close = (other) => { changed(other); details.querySelector("button").focus(); };
    fill(details, card({ id: "details", title: "Details" }, leadForm(lead, {
      lookup,
      oncancel: () => close(lead),
      onsaved: async (saved) => {
        close(saved);
        say("Saved.");
        await status.update(saved);
      },
    })));
    details.querySelector("input").focus();
  }

  async function remove() {
    if (!await deleteLead(lead)) return;
    say(`${nameOf(lead)} was deleted.`);
    location.hash = lastAddress("#/leads");
  }
}

function detailsCard(lead, tags, tools) {
  const rows = [
    ["Email", lead.email ? h("span", { title: asSent(lead.email) }, readable(lead.email)) : "None"], ["Business line", lead.entity], ["External ID", lead.external_id], ["Tags", tags],
    ...Object.entries(lead.fields).map(([name, value]) => [name.replaceAll("_", " "), String(value)]),
    ["Tracking", lead.tracking_opt_out && "Opens and clicks are never tracked"], ["Created", moment(lead.created_at)],
  ];
  return card({ id: "details", title: "Details", tools }, h("dl", { class: "details" }, rows.filter(([, value]) => value).map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

const ICONS = {
  megaphone: "M3 11V8l11-4v11L3 11zm0 0 2 5m12-9v5", envelope: "M3 5h14v10H3zm0 1 7 5 7-5", bolt: "M11 2 4 11h5l-1 7 7-9h-5z",
};

const icon = (name, bad) => h("span", { class: `event-icon${bad ? " bad" : ""}`, "aria-hidden": "true" },
  svg("svg", { viewBox: "0 0 20 20" }, svg("path", { d: ICONS[name] })));

const event = (item) => h("li", { class: "event" }, icon(item.icon, item.status === "failed" || item.status === "skipped"),
  h("div", { class: "event-body" }, (EVENTS[item.type] || delivery)(item)));

const EVENTS = {
  unsubscribed: ({ title, by, at }) => [h("b", {}, title), h("p", { class: "note" }, by && ["by ", by, ", "], moment(at))],
  resubscribed: ({ title, reason, by, at }) => [h("b", {}, title), h("p", {}, reason), h("p", { class: "note" }, "by ", by, ", ", moment(at))],
  automation: (item) => [
    h("a", { class: "name", href: `#/automation/${item.rule_id}` }, item.title),
    h("p", {}, item.detail),
    h("p", { class: "note" }, moment(item.at), ", in ", h("a", { href: `#/campaigns/${item.campaign_id}/stats` }, item.campaign_title))],
};
const delivery = (item) => [
  h("a", { class: "name", href: `#/campaigns/${item.campaign_id}/stats` }, item.title),
  item.subject && h("p", { class: "soft" }, item.subject),
  h("p", { class: "note" }, moment(item.sent_at || item.at)),
  h("div", { class: "badges" }, badges(item)),
  h("ul", { class: "note evidence" }, item.evidence.filter(({ kind, reason }) => reason || kind === "click").map(why))];

function badges(item) {
  const all = [];
  const badge = (kind, text, at) => all.push(h("span", { class: "badge" }, h("span", { class: `pill ${kind}` }, text), at && h("span", { class: "note" }, at)));
  const { bounced, opened, clicked } = item;
  if (item.status === "sending") badge("", "Sending");
  if (item.status === "failed") badge("bad", `Failed: ${reasonName(item.reason)}`);
  if (item.status === "skipped") badge("", `Skipped: ${reasonName(item.reason)}`);
  if (item.status === "sent" && !opened && !clicked && !bounced) badge("", item.delivered_at ? "Delivered" : "Sent");
  if (bounced) badge("bad", bounced.hard ? "Hard bounce" : "Soft bounce", [moment(bounced.at), bounced.detail && `: ${bounced.detail}`]);
  if (item.complained_at) badge("bad", "Marked as spam", moment(item.complained_at));
  if (opened?.machine) badge("", "Machine open", moment(opened.at));
  else if (opened) badge("opened", "Opened", moment(opened.at));
  if (clicked) badge("clicked", "Clicked", moment(clicked.at));
  if (item.unsubscribed_at) badge("bad", "Unsubscribed", moment(item.unsubscribed_at));
  return all;
}

/**
 * What was clicked, and what a machine did. A person's open is among the badges already. Link addresses are shown as text: they come from the author and the lead, so the page
 * does not link to them.
 */
function why({ at, reason, text, links }) {
  const urls = Object.entries(links).map(([link, url]) => url || link);
  return h("li", {},
    h("p", {}, reason ? text : "Clicked", " ", moment(at)),
    urls.length > 1
      ? h("details", {}, h("summary", {}, `Show the ${urls.length} links`), h("ul", {}, urls.map((url) => h("li", {}, url))))
      : urls.map((url) => h("p", {}, url)));
}
