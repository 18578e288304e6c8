/** Campaigns > [Campaign] > Stats: the five numbers first, then the sections below them. All are kept up to date. */

import { api, button, counted, crumbs, failure, h, heading, mayWrite, moment, number, percent, pill, Problem, progress } from "./app.js";

const RUNNING = new Set(["planning", "sending"]);
const SOON_MS = 2000;
const LATER_MS = 5000;

const FIGURES = [
  ["total", "Total", "Recipients when the campaign was sent."],
  ["sent", "Sent", "Emails that the mail service accepted. They may still bounce."],
  ["failed", "Failed", "Emails that could not be sent. The reasons are listed below."],
  ["opened", "Opened", "Leads whose email loaded the tracking pixel, including machine opens."],
  ["clicked", "Clicked", "Leads who clicked at least one link, without machine clicks."],
];

export async function show(place, { id, signal }) {
  const head = h("div", { class: "view-head stack" });
  const figures = h("dl", { class: "card figures" });
  const trouble = h("div");
  const rest = h("div", { class: "view" });
  const recounting = h("div", { role: "status" });
  place.append(head, recounting, trouble, figures, rest);

  // Two API calls give the numbers. All others wait until these are shown.
  let [campaign, stats] = await Promise.all([
    api("GET", `campaigns/${id}`, { signal }), api("GET", `campaigns/${id}/stats`, { signal }),
  ]);
  const title = heading(campaign.title);
  const draw = () => {
    head.replaceChildren(...top(campaign, stats, title, { id, signal, changed: poll, recount }));
    figures.replaceChildren(...FIGURES.map((each) => figure(each, stats)));
  };
  async function recount() {
    const { recount: run } = await import("./actions.js");
    await run(id, recounting, signal);
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
    timer = setTimeout(poll, RUNNING.has(campaign.status) ? SOON_MS : LATER_MS);
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
  timer = setTimeout(poll, RUNNING.has(campaign.status) ? SOON_MS : LATER_MS);
}

function top(campaign, stats, title, { id, signal, changed, recount }) {
  const { audience } = campaign;
  const isRunning = RUNNING.has(campaign.status);
  return [
    crumbs("#/campaigns", "Campaigns", "Stats"),
    h("div", { class: "head" },
      h("div", {},
        h("div", { class: "titled" }, title, pill(campaign.status)),
        h("p", { class: "soft" },
          audience.entity, " · ", audience.stages.join(", "), audience.tags.length ? ` · tagged ${audience.tags.join(", ")}` : "",
          campaign.launched_at ? [" · started ", moment(campaign.launched_at)] : " · not sent yet")),
      h("div", { class: "actions" }, h("a", { class: "button", href: `#/campaigns/${id}/edit` }, "View email"),
        (stats.recount_due || !stats.kept_out) && mayWrite() && button("Recount", recount),
        followUp(campaign), actions(campaign, stats, { id, signal, changed }))),
    campaign.status_reason && h("p", {}, campaign.status_reason),
    stats.proof && h("p", { class: "note" }, stats.proof.text),
    isRunning && sending(stats),
    h("p", { class: "note", id: "as-of" }, isRunning ? "Live. " : "", "As of ", moment(stats.as_of),
      ". Updated within seconds. ", h("a", { href: "#/help" }, "What the numbers mean")),
  ].filter(Boolean);
}

/** A follow-up needs to know which lead reacted, so it needs full tracking. */
function followUp(campaign) {
  const ask = async () => (await import("./actions.js")).followUp(campaign);
  return mayWrite() && campaign.launched_at && campaign.tracking === "full" && button("Follow up…", ask);
}

/** The buttons that a campaign's status allows. The code behind them is loaded on demand. */
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
  return (offered[campaign.status] || []).map((verb) => button(names[verb], act(verb)));
}

function sending(stats) {
  const done = stats.total - stats.pending;
  let text = `Collecting recipients: ${counted(stats.total, "lead")} so far`;
  if (stats.waiting) text = stats.waiting.text;
  else if (stats.total_is_final) text = `${number(done)} of ${counted(stats.total, "lead")} done, ${number(stats.pending)} pending`;
  return h("div", { class: "stack" },
    progress("Sending", stats.total ? (done / stats.total) * stats.planned_share : 0, text), h("p", { class: "note" }, text));
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
    const parts = [[stats.pending, "pending"], [stats.skipped, "skipped"]].filter(([count]) => count);
    const text = parts.map(([count, what]) => `${number(count)} ${what}`).join(", ");
    return h("span", { class: "note" }, text || (stats.total ? "all processed" : ""));
  }
  if (name === "sent") return stats.total ? [percent(stats.sent / stats.total), h("span", { class: "note" }, " of Total")] : "";
  if (!rate) return h("span", { class: "note" }, "no rate yet");
  const interval = `${(rate.low * 100).toFixed(1)} to ${percent(rate.high)}`;
  return [percent(rate.value), h("span", { class: "note interval", title: `95% confidence interval, of ${number(rate.of)}` }, interval)];
}

/** The rate on a scale, with its confidence interval. */
function range(rate) {
  // Most rates are small: the scale ends at the first of these values above the whole interval.
  const end = [0.05, 0.1, 0.25, 0.5, 1].find((each) => rate.high <= each) || 1;
  const interval = h("i");
  interval.style.left = `${(rate.low / end) * 100}%`;
  interval.style.width = `${((rate.high - rate.low) / end) * 100}%`;
  const value = h("b");
  value.style.left = `${Math.min(99, (rate.value / end) * 100)}%`;
  return h("dd", { class: "range", "aria-hidden": "true", title: `Scale from 0 to ${end * 100}%` }, interval, value);
}
