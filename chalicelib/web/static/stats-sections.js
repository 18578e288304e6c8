/** The sections below the five numbers: funnel, insights, chart, links, failures, machines, comparison, recipients. */

import { api, bar, button, counted, date, fill, h, number, percent, style, withoutTags } from "./app.js";
import { openTimes, reasonName, segmentOf } from "./campaign-words.js";
import { chart } from "./chart.js";
import { readable } from "./idn.js";
import { attempt, card, finding, regularly, table, titlesOf } from "./parts.js";
import { recipients } from "./recipients.js";
import { refill } from "./update.js";

export { outlook, pace } from "./campaign-words.js";
export { readable };
export { refill, regularly };

/** What a follow-up's recipients did before, behind the rest of its audience. */
export async function segment(behaviors, signal) {
  const titles = await titlesOf(behaviors.map((each) => each.campaign_id), signal);
  return segmentOf(behaviors, titles).map((text) => ` · ${text}`).join("");
}

/** Fill the place. Returns the function that updates all sections. */
export async function sections(place, { campaign, stats, asked, signal }) {
  await style("stats.css");
  const [funnelBody, notes, failures, machines] = Array.from({ length: 4 }, () => h("div", { class: "stack" }));
  const people = recipients(campaign, asked, signal);
  const scanners = linkScanners(campaign, signal);
  const live = [chart(campaign, signal), links(campaign, signal), comparison(campaign, signal), people];
  const [course, linked, compared] = live;
  place.append(
    h("div", { class: "pair" },
      h("div", { class: "view" }, card({ id: "funnel", title: "Funnel" }, funnelBody), card({ id: "failures", title: "Failure reasons" }, failures)),
      card({ id: "advice", title: "Insights" }, notes, scanners.element)),
    course.element, linked.element, compared.element,
    card({ id: "machines", title: "Machine activity and deliverability" }, machines), people.element);

  const update = (newCampaign, numbers) => {
    refill(funnelBody, funnel(numbers));
    refill(notes, insights(numbers.advice) || h("p", { class: "soft" }, "No insights yet."));
    scanners.update(numbers);
    refill(failures, failed(numbers, people.filter));
    refill(machines, automatic(numbers, people.filter));
    for (const each of live) each.update(newCampaign);
  };
  update(campaign, stats);
  return update;
}

const STEPS = { sent: "Sent", delivered: "Delivered", opened: "Opened", clicked: "Clicked" };

function funnel(stats) {
  const widest = Math.max(1, stats.sent);
  // Of Sent, all of them: who clicked need not have opened, so a step's share of the one before is not what the counts say.
  const note = ({ step, count, of_sent: ofSent, of_previous: ofPrevious }) => {
    if (count === null) return stats.sent ? "Unknown: the mail service has not reported any deliveries." : "";
    const part = ofSent || ofPrevious;
    return part && step !== "sent" ? `${percent(part.value)} of ${part.of === stats.sent ? "Sent" : "those sent with tracking"}` : "";
  };
  return [
    h("ol", { class: "funnel" }, stats.funnel.map((step) => h("li", {},
      h("span", { class: "funnel-name" }, STEPS[step.step]),
      h("span", { class: "funnel-track" }, step.count > 0 && bar(step.count / widest, { class: `funnel-bar ${step.step}` })),
      h("span", { class: "funnel-count" }, step.count === null ? "—" : number(step.count)),
      h("span", { class: "note" }, note(step))))),
    timeToOpen(stats)];
}

const timeToOpen = ({ time_to_open: time }) => time && h("p", { class: "note" }, openTimes(time));

const SEVERITY = { warning: ["bad", "Warning"], notice: ["skipped", "Notice"], info: ["", "Info"] };

function insights(advice) {
  return advice.length ? h("ul", { class: "findings" }, advice.map(({ severity, text }) => finding(SEVERITY[severity], text))) : null;
}

/** Advice on link scanners. The server reads the deliveries for it, so it is asked every ten minutes, if clicks have grown. */
function linkScanners(campaign, signal) {
  const element = h("div", { hidden: true });
  const few = 9; // Domains with fewer than ten clicks are not judged.
  let [clicked, known, timer] = [0, few, null];
  const ask = () => {
    timer = null;
    if (signal.aborted || clicked <= known) return;
    known = clicked;
    timer = setTimeout(ask, 600_000);
    element.hidden = false;
    attempt(element, signal, async () => {
      const { items } = await api("GET", `campaigns/${campaign.campaign_id}/link-scanners`, { signal });
      if (items.some(({ code }) => code === "link_scanners_too_early")) known = few;
      fill(element, insights(items));
      element.hidden = !items.length;
    });
  };
  return { element, update: (stats) => { clicked = stats.clicked; if (!timer) ask(); } };
}

function failed(stats, filter) {
  if (!stats.failures.length) return h("p", { class: "soft" }, stats.sent ? "No failures." : "Nothing sent yet.");
  const most = Math.max(...stats.failures.map(({ count }) => count));
  return h("ul", { class: "bars" }, stats.failures.map(({ reason, count }) => h("li", { "data-key": reason },
    h("span", {}, reasonName(reason)), h("span", { class: "bar-track" }, bar(count / most, { class: "bar-fill bad" })), h("b", { class: "number" }, number(count)),
    button("Show recipients", () => filter("failed", reason), { class: "quiet", "data-key": reason, "aria-label": `Show recipients: ${reasonName(reason)}` }))));
}

const share = (count, of) => (of ? ` (${percent(count / of)})` : "");

function automatic(stats, filter) {
  const rows = [
    ["Opened by machines only", stats.opened_machine_only, `${share(stats.opened_machine_only, stats.opened)} of Opened`,
      "Mail privacy services load every tracking pixel. These leads are included in Opened, because they may have read the email."],
    ["Clicked by machines only", stats.clicked_machine_only, " leads, not included in Clicked",
      "Security scanners follow links before anyone reads the email."],
    ...(stats.kept_out || []).map(({ name, clicks, meaning }) => [`Clicks by ${name}`, clicks, ", not counted", meaning]),
    ["Clicked without an open", stats.clicked_without_open, `${share(stats.clicked_without_open, stats.clicked)} of Clicked`,
      "Usually their mail app blocks images: they read the email but are missing from Opened."],
  ];
  const reported = [["Delivered", stats.delivered], ["Bounced", stats.bounced], ["Complained", stats.complained],
    ["Unsubscribed", stats.unsubscribed], ["Skipped", stats.skipped]];
  return [
    h("dl", { class: "facts" }, rows.map(([name, count, of, meaning]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, h("b", {}, number(count)), h("span", { class: "soft" }, of)),
        h("dd", { class: "note" }, meaning)))),
    !stats.kept_out && h("p", { class: "note" },
      "Why clicks were not counted is unknown for this campaign until it is recounted: some were counted by an earlier release or another rule."),
    h("dl", { class: "after" }, reported.map(([name, count]) => {
      const key = name.toLowerCase();
      const isKnown = stats.rates[key] !== null || !["Delivered", "Bounced", "Complained"].includes(name);
      const told = isKnown ? number(count) : "unknown";
      return h("div", {}, h("dt", {}, name), h("dd", {}, count > 0 && name !== "Delivered"
        ? button(told, () => filter(key), { class: "quiet", "data-key": key, "aria-label": `${name}: ${told}. Show recipients` }) : told));
    })),
  ];
}

/** The links with their clicks, as a table and on the email itself. */
function links(campaign, signal) {
  const body = h("div");
  const frame = h("iframe", { class: "framed overlay", title: "Click map of the email", sandbox: "", hidden: true });
  // As its src, Back would go through all that it has shown.
  const refresh = () => { if (!frame.hidden) frame.contentWindow.location.replace(`v1/campaigns/${campaign.campaign_id}/preview.html?clicks=true`); };
  const toggle = button("Show click map", () => {
    frame.hidden = !frame.hidden;
    toggle.textContent = `${frame.hidden ? "Show" : "Hide"} click map`;
    refresh();
  });
  let known = "";
  const update = () => attempt(body, signal, async () => {
    const { items } = await api("GET", `campaigns/${campaign.campaign_id}/links`, { signal });
    const isNew = JSON.stringify(items) !== known;
    known = JSON.stringify(items);
    toggle.hidden = !items.length;
    refill(body, items.length ? linksTable(items) : h("p", { class: "soft" }, "This email has no tracked links."));
    if (isNew) refresh();
  });
  return { element: card({ id: "links", title: "Links", tools: toggle }, body, frame), update };
}

function linksTable(items) {
  const most = Math.max(1, ...items.map(({ clicked }) => clicked));
  const columns = [
    "Link", [h("span", { class: "sr" }, "Compared with the most clicked link"), "link-bar"],
    ["Clicked", "number"], ["Rate", "number nowrap"], ["Machine clicks", "number"],
  ];
  return table("Links with their clicks", columns, items.map((each) => [
    [h("p", { class: "link-text" }, withoutTags(each.text) || "(image)"), h("p", { class: "note link-url clip", title: each.url }, withoutTags(each.url))],
    h("span", { class: "bar-track" }, bar(each.clicked / most, { class: "bar-fill clicked" })),
    h("b", {}, number(each.clicked)),
    each.rate ? percent(each.rate.value) : "—",
    number(each.clicked_machine_only),
  ]), { class: "links stacked" });
}

const VERDICT = { higher: "higher than usual", lower: "lower than usual", usual: "about as usual" };
const RATES = [["opened", "Opened"], ["clicked", "Clicked"], ["failed", "Failed"]];

/** This campaign compared with the sender's earlier ones at the same age. */
function comparison(campaign, signal) {
  const body = h("div", { class: "stack" });
  const update = () => attempt(body, signal, async () => {
    refill(body, compare(await api("GET", `campaigns/${campaign.campaign_id}/comparison`, { signal })));
  });
  return { element: card({ id: "usual", title: `Compared with earlier campaigns from ${readable(campaign.from_email)}` }, body), update };
}

function compare(compared) {
  const { campaigns, age_hours: hours } = compared;
  if (compared.opened.median === null) {
    return h("p", { class: "soft" },
      "A comparison needs three earlier campaigns from this sender, each to at least 30 leads. ",
      campaigns.length ? `${counted(campaigns.length, "campaign")} so far.` : "");
  }
  const age = hours < 48 ? counted(Math.round(hours), "hour") : counted(Math.round(hours / 24), "day");
  const columns = ["Campaign", ["Sent on", "nowrap"], ...["Sent", "Opened", "Clicked", "Failed"].map((each) => [each, "number"])];
  return [
    h("ul", { class: "compared" }, RATES.map(([name, text]) => rate(text, compared[name], name))),
    h("p", { class: "note" }, `All campaigns are compared at the same age: ${age} after sending started.`),
    h("details", { class: "as-table" }, h("summary", {}, `Show the ${counted(campaigns.length, "earlier campaign")}`),
      table("Earlier campaigns", columns, campaigns.map((each) => [
        h("a", { class: "name", href: `#/campaigns/${each.campaign_id}/stats` }, each.title), date(each.launched_at), number(each.sent),
        ...RATES.map(([name]) => percent(each[name])),
      ]), { class: "stacked" })),
  ];
}

function rate(text, { value, median, verdict }, name) {
  const isGood = verdict === (name === "failed" ? "lower" : "higher");
  const tone = isGood ? "good" : "skipped";
  return h("li", {},
    h("span", { class: "note" }, text),
    h("span", { class: "compared-value" }, value ? percent(value.value) : "—", h("span", { class: "note" }, ` usually ${percent(median)}`)),
    h("span", { class: `pill ${!verdict || verdict === "usual" ? "" : tone}` }, VERDICT[verdict] || "too few leads to compare"));
}
