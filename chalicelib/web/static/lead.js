/** One lead: who it is, whether it may be mailed, and its activity timeline. */

import { api, failure, fill, h, heading, mayWrite, moment, query, say, style } from "./app.js";
import { confirm } from "./dialogs.js";
import { machineName, reasonName } from "./reasons.js";

export async function show(place, { id, signal }) {
  await style("lists.css");
  let [lead, marks] = await Promise.all([
    api("GET", `leads/${id}`, { signal }), api("GET", `leads/${id}/suppressions`, { signal }),
  ]);
  const aside = h("aside", { class: "view" });
  const events = h("ol", { class: "timeline" });
  const more = h("div", { class: "more" });
  const timeline = h("section", { class: "card", "aria-labelledby": "activity" }, h("h2", { id: "activity" }, "Activity"), events, more);
  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "#/leads" }, "Leads"), "/", h("span", {}, "Lead")),
    h("div", { class: "titled" }, heading(nameOf(lead)), h("span", { class: "pill" }, lead.stage)),
    h("div", { class: "person" }, aside, timeline));
  aside.append(details(lead), standing());

  function standing() {
    const card = h("section", { class: "card", "aria-labelledby": "standing" });
    const change = async (ask, said) => {
      try {
        const changed = await ask();
        if (!changed) return;
        lead = changed;
        marks = await api("GET", `leads/${id}/suppressions`);
        draw();
        card.querySelector("button").focus();
        say(said);
        await load();
      } catch (problem) {
        card.append(failure(problem));
      }
    };
    const unsubscribe = () => api("POST", `leads/${id}/unsubscribe`, { key: crypto.randomUUID() });
    const resubscribe = () => confirm({
      title: `Resubscribe ${nameOf(lead)}?`,
      text: "Mail somebody again only when they have asked for it. The reason and your token’s name stay on the timeline.",
      fields: [
        h("label", { for: "reason" }, "Reason"),
        h("input", { id: "reason", name: "reason", required: true, maxlength: 500, autocomplete: "off", placeholder: "Asked for it by phone" }),
      ],
      action: "Resubscribe",
      run: (form) => api("POST", `leads/${id}/resubscribe`, { body: { reason: form.get("reason") }, key: crypto.randomUUID() }),
    });
    const draw = () => fill(card,
      h("h2", { id: "standing" }, "E-mail"),
      lead.unsubscribed || marks.items.length
        ? h("p", {}, h("span", { class: "pill bad" }, lead.unsubscribed ? "Unsubscribed" : "Not mailed"))
        : h("p", {}, h("span", { class: "pill good" }, lead.email ? "May be mailed" : "No address")),
      marks.items.map((mark) => h("p", { class: "note" }, markText(mark), " ", moment(mark.at))),
      mayWrite() && (lead.unsubscribed || marks.items.length
        ? h("button", { type: "button", onclick: () => change(resubscribe, "This lead will be mailed again.") }, "Resubscribe…")
        : h("button", { type: "button", onclick: () => change(unsubscribe, "This lead will not be mailed any more.") }, "Unsubscribe")));
    draw();
    return card;
  }

  let timer = null;
  let known = "";
  let pages = 1;
  async function load() {
    clearTimeout(timer);
    try {
      const items = [];
      let cursor = null;
      for (let page = 0; page < pages; page += 1) {
        const found = await api("GET", `leads/${id}/timeline${query({ limit: 20, cursor })}`, { signal });
        items.push(...found.items);
        cursor = found.cursor;
        if (!cursor) break;
      }
      if (known !== JSON.stringify(items)) {
        known = JSON.stringify(items);
        events.replaceChildren(...(items.length ? items.map(event) : [h("li", { class: "soft" },
          "Nothing yet. What campaigns send to this lead, and what comes of it, will stand here.")]));
      }
      more.replaceChildren(...(cursor ? [h("button", { type: "button", onclick: () => { pages += 1; load(); } }, "Show earlier")] : []));
    } catch (problem) {
      if (signal.aborted) return;
      more.replaceChildren(failure(problem, load));
    }
    if (!signal.aborted) timer = setTimeout(load, 5000);
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
  await load();
}

export const nameOf = (lead) => [lead.first_name, lead.last_name].filter(Boolean).join(" ") || lead.email || "Lead without a name";

function markText({ reason, source }) {
  const texts = { unsubscribed: "Unsubscribed", complaint: "Called a mail spam", hard_bounce: "The address bounced" };
  const sources = { link: " by the link in a mail,", one_click: " by the mail client's button,", api: " by the API or this page," };
  return (texts[reason] || reason) + (sources[source] || "");
}

function details(lead) {
  const rows = [
    ["Address", lead.email], ["Business line", lead.entity], ["Stage", lead.stage], ["External id", lead.external_id],
    ["Tags", lead.tags.length ? lead.tags.map((tag) => h("span", { class: "tag" }, tag)) : null],
    ...Object.entries(lead.fields).map(([name, value]) => [name.replaceAll("_", " "), String(value)]),
    ["Known since", moment(lead.created_at)],
  ];
  return h("section", { class: "card", "aria-labelledby": "details" }, h("h2", { id: "details" }, "Details"),
    h("dl", { class: "details" }, rows.filter(([, value]) => value).map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

const ICONS = {
  megaphone: "M3 11V8l11-4v11L3 11zm0 0 2 5m12-9v5", envelope: "M3 5h14v10H3zm0 1 7 5 7-5", bolt: "M11 2 4 11h5l-1 7 7-9h-5z",
};

function icon(name, bad) {
  const make = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const drawing = make("svg", { viewBox: "0 0 20 20" });
  drawing.append(make("path", { d: ICONS[name] }));
  return h("span", { class: `event-icon${bad ? " bad" : ""}`, "aria-hidden": "true" }, drawing);
}

function event(item) {
  if (item.type === "resubscribed") return resubscribed(item);
  if (item.type === "automation") return automated(item);
  const failed = item.status === "failed" || item.status === "skipped";
  return h("li", { class: "event" }, icon(item.icon, failed),
    h("div", { class: "event-body" },
      h("a", { href: `#/campaigns/${item.campaign_id}/stats` }, item.title),
      item.subject && h("p", { class: "soft" }, item.subject),
      h("p", { class: "note" }, moment(item.sent_at || item.at)),
      h("div", { class: "badges" }, badges(item)),
      item.links.length ? h("ul", { class: "note clicked-links" }, item.links.map(followed)) : null));
}

function resubscribed({ icon: name, title, reason, by, at }) {
  return h("li", { class: "event" }, icon(name),
    h("div", { class: "event-body" }, h("b", {}, title), h("p", {}, reason), h("p", { class: "note" }, "by ", by, ", ", moment(at))));
}

function automated(item) {
  return h("li", { class: "event" }, icon(item.icon),
    h("div", { class: "event-body" },
      h("a", { href: `#/automation/${item.rule_id}` }, item.title),
      h("p", {}, item.detail),
      h("p", { class: "note" }, moment(item.at), ", in ", h("a", { href: `#/campaigns/${item.campaign_id}/stats` }, item.campaign_title))));
}

function badges(item) {
  const all = [];
  if (item.status === "sending") all.push(h("span", { class: "badge" }, "Being sent"));
  if (item.status === "failed") all.push(h("span", { class: "badge bad" }, `Failed: ${reasonName(item.reason)}`));
  if (item.status === "skipped") all.push(h("span", { class: "badge" }, `Skipped: ${reasonName(item.reason)}`));
  if (item.status === "sent" && !item.opened && !item.clicked && !item.bounced) {
    all.push(h("span", { class: "badge" }, item.delivered_at ? "Delivered" : "Sent"));
  };
  if (item.bounced) {
    const { hard, detail, at } = item.bounced;
    all.push(h("span", { class: "badge bad" }, hard ? "Bounced" : "Bounced for now"), h("span", { class: "note" }, moment(at), detail && `: ${detail}`));
  }
  if (item.complained_at) all.push(h("span", { class: "badge bad" }, "Called spam"), h("span", { class: "note" }, moment(item.complained_at)));
  if (item.opened) {
    const { machine, machine_reason: reason, at } = item.opened;
    all.push(h("span", { class: `badge ${machine ? "" : "opened"}`, title: machine ? `Loaded by ${machineName(reason)}` : "" },
      machine ? "Opened automatically" : "Opened"), h("span", { class: "note" }, moment(at)));
  }
  if (item.clicked) all.push(h("span", { class: "badge clicked" }, "Clicked"), h("span", { class: "note" }, moment(item.clicked.at)));
  if (item.unsubscribed_at) all.push(h("span", { class: "badge bad" }, "Unsubscribed"), h("span", { class: "note" }, moment(item.unsubscribed_at)));
  return all;
}

/** Addresses of links are shown and never made into links: they are the author's and the lead's, not ours. */
function followed(link) {
  return h("li", {}, link.url, link.machine ? ` (by ${machineName(link.machine_reason)})` : "", ", ", moment(link.at));
}
