/** Campaigns > [Campaign] > Stats: the five numbers first, then the sections below them. All are kept up to date. */

import { api, button, counted, crumbs, failure, h, heading, linked, mayWrite, moment, number, percent, pill, progress, resumes, withoutTags } from "./app.js";

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

export async function show(place, { id, query: asked, signal }) {
  const head = h("div", { class: "view-head stack" }, h("p", { class: "loading" }, "Loading the numbers…"));
  const figures = h("dl", { class: "card figures", hidden: true });
  const trouble = h("div");
  const rest = h("div", { class: "view" });
  const recounting = h("div", { role: "status" });
  place.append(head, recounting, trouble, figures, rest);

  // Two API calls give the numbers. All others wait until these are shown.
  const ask = () => Promise.all([api("GET", `campaigns/${id}`, { signal }), api("GET", `campaigns/${id}/stats`, { signal })]);
  const [campaign, stats] = await ask();
  /** What is shown now. Buttons outlive the refresh that made them, so they look here. */
  const now = { campaign, stats, away: false, outlook: "", sender: campaign.from_email, segment: "", retried: null, recount, changed(answer) { now.campaign = answer; draw(); poll(); } };
  head.replaceChildren(...top(now, heading(campaign.title)));
  figures.hidden = false;
  figures.append(...FIGURES.map((each) => figure(each, now)));

  async function recount() {
    const { recount: run } = await import("./actions.js");
    await run(id, recounting, signal);
    if (!signal.aborted) poll();
  }

  const { outlook, pace, readable, refill, regularly, sections, segment } = await import("./stats-sections.js");
  if (signal.aborted) return;
  const update = await sections(rest, { campaign, stats, asked, signal });
  const speed = pace();
  now.sender = readable(campaign.from_email);
  const draw = () => {
    refill(head, ...top(now, h("h1", { tabindex: "-1" }, now.campaign.title)));
    refill(figures, ...FIGURES.map((each) => figure(each, now)));
  };

  const pause = () => (RUNNING.has(now.campaign.status) ? SOON_MS : LATER_MS);
  const poll = regularly(signal, pause, async (isLatest) => {
    const state = () => JSON.stringify([now.campaign.status, { ...now.stats, as_of: null }]);
    const before = state();
    const answers = await ask();
    if (!isLatest()) return;
    [now.campaign, now.stats] = answers;
    const { total, pending, total_is_final: isAll, as_of: asOf } = now.stats;
    speed.note(Date.parse(asOf), total - pending);
    now.outlook = outlook(speed.perMinute(), pending, isAll);
    trouble.replaceChildren();
    const isIncomplete = now.away || rest.querySelector(".failure");
    now.away = false;
    draw();
    if (isIncomplete || before !== state()) update(now.campaign, now.stats);
  }, (problem) => {
    now.away = true;
    trouble.replaceChildren(failure(problem, poll));
    draw();
  });
  setTimeout(poll, pause());
  now.segment = await segment(campaign.audience.behavior, signal);
  draw();
}

function top(now, title) {
  const { campaign, stats, away, sender } = now;
  const isRunning = RUNNING.has(campaign.status);
  const { subject, from_name: name } = campaign;
  return [
    crumbs("#/campaigns", "Campaigns", "Stats"),
    h("div", { class: "head" },
      h("div", { class: "titled" }, title, pill(campaign.status)), h("div", { class: "actions" }, offered(now))),
    h("dl", { class: "mail-head", "data-key": "mail" },
      h("div", {}, h("dt", {}, "Subject"), h("dd", {}, withoutTags(subject) || "—")),
      h("div", {}, h("dt", {}, "From"), h("dd", {}, [name, sender].filter(Boolean).join(" · ") || "—")),
      h("div", {}, h("dt", {}, "To"), h("dd", {}, campaign.audience.entity, campaign.audience.stages.length ? ` · ${campaign.audience.stages.join(", ")}` : "", now.segment)),
      h("div", {}, h("dt", {}, "Started"), h("dd", {}, moment(campaign.launched_at)))),
    campaign.status_reason && h("p", { "data-key": "reason" }, linked(campaign.status_reason)),
    stats.proof && h("p", { class: "note", "data-key": "proof" }, stats.proof.text),
    isRunning && sending(now),
    campaign.status === "paused" && stats.pending > 0 && h("p", { class: "note", "data-key": "paused" }, "Emails that were on their way when it was paused still go out."),
    now.retried && !isRunning && !stats.pending && h("p", { "data-key": "retried", role: "status" },
      `Retried: ${counted(Math.max(0, stats.sent - now.retried.sent), "email")} sent, ${counted(stats.failed, "delivery", "deliveries")} still failed.`),
    h("p", { class: "note", id: "as-of", "data-key": "as-of" }, away && "Not up to date. ", !away && isRunning && "Live. ", "As of ", moment(stats.as_of), ". ",
      !away && "Updated within seconds. ", h("a", { href: "#/help" }, "What the numbers mean")),
  ].filter(Boolean);
}

/** The buttons that a campaign's status allows. The code behind them is loaded on demand. */
function offered(now) {
  const { campaign, stats } = now;
  const make = (label, key, run) => button(label, ({ currentTarget: pressed }) => {
    pressed.ariaBusy = "true";
    return run().finally(() => { pressed.ariaBusy = "false"; });
  }, { "data-key": key });
  const act = (verb) => async () => {
    const { act: run } = await import("./actions.js");
    const before = now.stats;
    const changed = await run(verb, { id: now.campaign.campaign_id, stats: before });
    if (!changed) return;
    now.retried = verb === "retry-failed" && before;
    now.changed(changed);
  };
  const verbs = {
    planning: ["pause", "cancel"], sending: ["pause", "cancel"], paused: ["resume", "cancel"],
    sent: stats.failed ? ["retry-failed"] : [],
  };
  const names = { pause: "Pause…", resume: "Resume…", cancel: "Cancel…", "retry-failed": "Retry failed…" };
  return [
    make("View email", "view", async () => (await import("./view-email.js")).viewEmail(now.campaign)),
    ...(mayWrite() ? [
      (stats.recount_due || !stats.kept_out) && make("Recount", "recount", now.recount),
      make("Duplicate", "duplicate", async () => (await import("./actions.js")).duplicate(now.campaign.campaign_id)),
      // A follow-up needs to know which lead reacted, so it needs full tracking.
      stats.sent > 0 && campaign.tracking === "full" && make("Follow up…", "follow-up", async () => (await import("./actions.js")).followUp(now.campaign)),
    ] : []),
    ...(verbs[campaign.status] || []).map((verb) => make(names[verb], verb, act(verb))),
  ];
}

function sending({ stats, outlook }) {
  const done = stats.total - stats.pending;
  let text = `Collecting recipients: ${counted(stats.total, "lead")} so far`;
  if (stats.total_is_final) text = `${number(done)} of ${counted(stats.total, "lead")} done, ${number(stats.pending)} pending`;
  const wait = stats.waiting && [stats.waiting.text, resumes(stats.waiting.resumes_about)];
  return h("div", { class: "stack", "data-key": "sending" },
    progress("Sending", stats.total ? (done / stats.total) * stats.planned_share : 0, text),
    h("p", { class: "note" }, text, !wait && outlook ? ` · ${outlook}` : ""), wait && h("p", { class: "note" }, wait));
}

function figure([name, label, definition], { campaign, stats }) {
  const rate = stats.rates[name];
  return h("div", { class: `figure ${name}` },
    h("dt", {}, label),
    h("dd", { class: "big", "data-figure": name }, number(stats[name])),
    h("dd", { class: "rate" }, rateLine(name, rate, stats, campaign.status)),
    rate ? range(rate) : null,
    h("dd", { class: "note" }, name === "total" && !stats.total_is_final ? soFar(campaign.status) : definition));
}

const soFar = (status) => (status === "cancelled" ? "Recipients collected until it was cancelled." : "Recipients collected so far. There may be more.");

function rateLine(name, rate, stats, status) {
  if (name === "total") {
    const parts = [[stats.pending, status === "cancelled" ? "not sent" : "pending"], [stats.skipped, "skipped"]].filter(([count]) => count);
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
