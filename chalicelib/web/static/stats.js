/** Campaigns > [Campaign] > Stats: the five numbers at once, then what lies behind them; live while anything happens. */

import { api, counted, failure, h, heading, mayWrite, moment, number, percent, pill, Problem } from "./app.js";

const GOING = new Set(["planning", "sending"]);
const SOON_MS = 2000;
const LATER_MS = 5000;

const FIGURES = [
  ["total", "Total", "Leads in the audience at the moment of sending."],
  ["sent", "Sent", "Mails that the mail service accepted, which does not yet mean that they arrived."],
  ["failed", "Failed", "Deliveries that could not be sent; the reasons stand below."],
  ["opened", "Opened", "Leads whose mail loaded its pixel at least once, in the hands of a person or a machine."],
  ["clicked", "Clicked", "Leads who followed at least one link themselves; machines are kept out."],
];

export async function show(place, { id, signal }) {
  const head = h("div", { class: "view-head stack" });
  const figures = h("dl", { class: "card figures" });
  const trouble = h("div");
  const rest = h("div", { class: "view" });
  const recounting = h("div", { role: "status" });
  place.append(head, recounting, trouble, figures, rest);

  // The panel's first two questions; all others wait until its numbers are there.
  let [campaign, stats] = await Promise.all([
    api("GET", `campaigns/${id}`, { signal }), api("GET", `campaigns/${id}/stats`, { signal }),
  ]);
  const title = heading(campaign.title);
  const draw = () => {
    head.replaceChildren(...top(campaign, stats, title, { id, signal, changed: poll, recount }));
    figures.replaceChildren(...FIGURES.map((each) => figure(each, stats)));
  };
  async function recount() {
    const { recount: follow } = await import("./recount.js");
    await follow(`campaigns/${id}/recount`, recounting, signal);
    if (!signal.aborted) poll();
  }
  draw();
  performance.mark("stats-shown");

  const { sections } = await import("./stats-sections.js");
  if (signal.aborted) return;
  const update = await sections(rest, { campaign, stats, signal });

  let timer = null;
  let away = false;
  async function poll() {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        const before = JSON.stringify([campaign.status, { ...stats, as_of: null }]);
        [campaign, stats] = await Promise.all([
          api("GET", `campaigns/${id}`, { signal }), api("GET", `campaigns/${id}/stats`, { signal }),
        ]);
        trouble.replaceChildren();
        draw();
        const isIncomplete = away || rest.querySelector(".failure");
        if (isIncomplete || before !== JSON.stringify([campaign.status, { ...stats, as_of: null }])) update(campaign, stats);
        away = false;
      } catch (problem) {
        if (signal.aborted) return;
        if (!(problem instanceof Problem)) throw problem;
        away = true;
        const since = h("span", {}, " These numbers are as of ", moment(stats.as_of), ".");
        const shown = failure(problem, poll);
        shown.firstChild.append(since);
        trouble.replaceChildren(shown);
      }
    }
    timer = setTimeout(poll, GOING.has(campaign.status) ? SOON_MS : LATER_MS);
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
  timer = setTimeout(poll, GOING.has(campaign.status) ? SOON_MS : LATER_MS);
}

function top(campaign, stats, title, { id, signal, changed, recount }) {
  const { audience } = campaign;
  const going = GOING.has(campaign.status);
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/campaigns" }, "Campaigns"), "/", h("span", {}, "Stats")),
    h("div", { class: "head" },
      h("div", {},
        h("div", { class: "titled" }, title, pill(campaign.status)),
        h("p", { class: "soft" },
          audience.entity, " · ", audience.stages.join(", "), audience.tags.length ? ` · tagged ${audience.tags.join(", ")}` : "",
          campaign.launched_at ? [" · begun ", moment(campaign.launched_at)] : " · not sent yet")),
      h("div", { class: "actions" }, h("a", { class: "button", href: `#/campaigns/${id}/edit` }, "Look at the mail"),
        stats.recount_due && mayWrite() && h("button", { type: "button", onclick: recount }, "Recount"),
        followUp(campaign), actions(campaign, stats, { id, signal, changed }))),
    campaign.status_reason && h("p", {}, campaign.status_reason),
    going && progress(campaign, stats),
    h("p", { class: "note", id: "as-of" }, going ? "Live. " : "", "As of ", moment(stats.as_of),
      ". Numbers follow what happens within seconds. ", h("a", { href: "#/help" }, "How to read them")),
  ].filter(Boolean);
}

/** Writing to those who did or did not react, where it is known who did. */
function followUp(campaign) {
  const ask = async () => (await import("./behavior.js")).followUp(campaign);
  return mayWrite() && campaign.launched_at && campaign.tracking === "full"
    && h("button", { type: "button", onclick: ask }, "Follow up…");
}

/** What can be done to a campaign on its way; loaded with its dialogs when it is asked for. */
function actions(campaign, stats, { id, changed }) {
  const act = (verb) => async () => {
    const { act: run } = await import("./actions.js");
    if (await run(verb, { id, campaign, stats })) changed();
  };
  const offered = {
    planning: ["pause", "cancel"], sending: ["pause", "cancel"], paused: ["resume", "cancel"],
    sent: stats.failed ? ["retry-failed"] : [],
  };
  const names = { pause: "Pause", resume: "Resume", cancel: "Cancel", "retry-failed": "Retry failed" };
  return (offered[campaign.status] || []).map((verb) => h("button", { type: "button", onclick: act(verb) }, names[verb]));
}

function progress(campaign, stats) {
  const done = stats.total - stats.pending;
  const share = stats.total ? (done / stats.total) * stats.planned_share : 0;
  const bar = h("span");
  bar.style.width = `${Math.max(1, share * 100)}%`;
  const text = stats.waiting ? stats.waiting.text : stats.total_is_final
    ? `${number(done)} of ${counted(stats.total, "lead")} done, ${number(stats.pending)} waiting`
    : `Collecting the audience: ${counted(stats.total, "lead")} so far`;
  return h("div", { class: "stack" },
    h("div", {
      class: "progress", role: "progressbar", "aria-label": "Sending", "aria-valuemin": 0, "aria-valuemax": 100,
      "aria-valuenow": Math.round(share * 100), "aria-valuetext": text,
    }, bar),
    h("p", { class: "note" }, text));
}

function figure([name, label, definition], stats) {
  const rate = stats.rates[name];
  return h("div", { class: `figure ${name}` },
    h("dt", {}, label),
    h("dd", { class: "big", "data-figure": name }, number(stats[name])),
    h("dd", { class: "rate" }, rateLine(name, rate, stats)),
    rate ? range(rate) : null,
    h("dd", { class: "note" }, definition));
}

function rateLine(name, rate, stats) {
  if (name === "total") {
    const parts = [[stats.pending, "waiting"], [stats.skipped, "skipped"]].filter(([count]) => count);
    const text = parts.map(([count, what]) => `${number(count)} ${what}`).join(", ");
    return h("span", { class: "note" }, text || (stats.total ? "all accounted for" : ""));
  }
  if (name === "sent") return stats.total ? [percent(stats.sent / stats.total), h("span", { class: "note" }, " of Total")] : "";
  if (!rate) return h("span", { class: "note" }, "no rate yet");
  const interval = `${(rate.low * 100).toFixed(1)} to ${(rate.high * 100).toFixed(1)} %`;
  return [percent(rate.value), h("span", { class: "note interval", title: `95 % interval, of ${number(rate.of)}` }, interval)];
}

/** Where the rate lies, and how far chance alone may have moved it. */
function range(rate) {
  // Rates are small: the scale ends at the first of these that holds the whole interval.
  const end = [0.05, 0.1, 0.25, 0.5, 1].find((each) => rate.high <= each) || 1;
  const interval = h("i");
  interval.style.left = `${(rate.low / end) * 100}%`;
  interval.style.width = `${((rate.high - rate.low) / end) * 100}%`;
  const value = h("b");
  value.style.left = `${Math.min(99, (rate.value / end) * 100)}%`;
  return h("dd", { class: "range", "aria-hidden": "true", title: `Scale from 0 to ${end * 100} %` }, interval, value);
}
