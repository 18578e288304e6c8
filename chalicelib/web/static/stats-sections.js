/** What lies behind the five numbers: funnel, advice, course, links, failures, machines, comparison, recipients. */

import { counted, h, number, percent, style } from "./app.js";
import { chart } from "./chart.js";
import { comparison } from "./comparison.js";
import { links } from "./links.js";
import { reasonName } from "./reasons.js";
import { recipients } from "./recipients.js";

/** Fill the place; gives the function that brings it up to date. */
export async function sections(place, { campaign, stats, signal }) {
  await style("stats.css");
  const parts = {
    funnel: h("section", { class: "card", "aria-labelledby": "funnel" }),
    advice: h("section", { class: "card", "aria-labelledby": "advice" }),
    failures: h("section", { class: "card", "aria-labelledby": "failures" }),
    machines: h("section", { class: "card", "aria-labelledby": "machines" }),
  };
  const people = recipients(campaign, signal);
  const course = chart(campaign, signal);
  const mail = links(campaign, signal);
  const usual = comparison(campaign, signal);
  place.append(
    h("div", { class: "pair" }, parts.funnel, parts.advice), course.element, mail.element,
    h("div", { class: "pair" }, parts.failures, parts.machines), usual.element, people.element);

  const update = (newer, numbers) => {
    parts.funnel.replaceChildren(...funnel(numbers));
    parts.advice.replaceChildren(...advice(numbers));
    parts.failures.replaceChildren(...failures(numbers, people.filter));
    parts.machines.replaceChildren(...machines(numbers));
    for (const each of [course, mail, usual, people]) each.update(newer, numbers);
  };
  update(campaign, stats);
  return update;
}

const STEPS = { sent: "Sent", delivered: "Delivered", opened: "Opened", clicked: "Clicked" };

function funnel(stats) {
  const widest = Math.max(1, stats.sent);
  const rows = stats.funnel.map((step) => {
    const bar = h("span", { class: `funnel-bar ${step.step}` });
    bar.style.width = `${((step.count || 0) / widest) * 100}%`;
    const previous = step.of_previous && step.step !== "sent" ? `${percent(step.of_previous.value)} of the step before` : "";
    return h("li", {},
      h("span", { class: "funnel-name" }, STEPS[step.step]),
      h("span", { class: "funnel-track" }, bar),
      h("span", { class: "funnel-count" }, step.count === null ? "—" : number(step.count)),
      h("span", { class: "note" }, step.count === null ? "Not known: the mail service has reported no delivery." : previous));
  });
  return [h("h2", { id: "funnel" }, "From sent to clicked"), h("ol", { class: "funnel" }, rows), timeToOpen(stats)].filter(Boolean);
}

function timeToOpen({ time_to_open: time }) {
  if (!time) return null;
  return h("p", { class: "note" },
    `Half of those who opened did so within ${duration(time.median_seconds)} of sending, `,
    `a quarter within ${duration(time.lower_quartile_seconds)}, three quarters within ${duration(time.upper_quartile_seconds)}.`);
}

function duration(seconds) {
  if (seconds < 90) return counted(Math.round(seconds), "second");
  if (seconds < 90 * 60) return counted(Math.round(seconds / 60), "minute");
  if (seconds < 36 * 3600) return counted(Math.round(seconds / 3600), "hour");
  return counted(Math.round(seconds / 86400), "day");
}

const SEVERITY = { warning: ["bad", "Act on this"], notice: ["skipped", "Mind this"], info: ["", "Good to know"] };

function advice(stats) {
  const rows = stats.advice.map(({ severity, text }) => {
    const [tone, name] = SEVERITY[severity];
    return h("li", {}, h("span", { class: `pill ${tone}` }, name), h("p", {}, text));
  });
  return [
    h("h2", { id: "advice" }, "What to make of it"),
    rows.length ? h("ul", { class: "advice" }, rows) : h("p", { class: "soft" }, "Nothing to remark yet."),
  ];
}

function failures(stats, filter) {
  const title = h("h2", { id: "failures" }, "Why deliveries failed");
  if (!stats.failures.length) return [title, h("p", { class: "soft" }, stats.sent ? "None did." : "Nothing was sent yet.")];
  const most = Math.max(...stats.failures.map(({ count }) => count));
  return [title, h("ul", { class: "bars" }, stats.failures.map(({ reason, count }) => {
    const bar = h("span", { class: "bar-fill bad" });
    bar.style.width = `${(count / most) * 100}%`;
    return h("li", {},
      h("span", {}, reasonName(reason)), h("span", { class: "bar-track" }, bar), h("b", { class: "number" }, number(count)),
      h("button", { type: "button", class: "quiet", "aria-label": `Show the leads: ${reasonName(reason)}`,
        onclick: () => filter("failed", reason) }, "Show leads"));
  }))];
}

function machines(stats) {
  const share = (count, of) => (of ? ` (${percent(count / of)})` : "");
  const rows = [
    ["Opened by machines only", stats.opened_machine_only, `${share(stats.opened_machine_only, stats.opened)} of Opened`,
      "Privacy proxies load every pixel. They are in Opened, because nobody can tell what the person did."],
    ["Clicked by machines only", stats.clicked_machine_only, " leads, kept out of Clicked",
      "Security scanners follow links before anybody reads the mail."],
    ["Clicked without loading the pixel", stats.clicked_without_open, `${share(stats.clicked_without_open, stats.clicked)} of Clicked`,
      "Their mail client blocks images; they have read the mail and are missing from Opened."],
  ];
  const after = [["Delivered", stats.delivered], ["Bounced", stats.bounced], ["Complained", stats.complained],
    ["Unsubscribed", stats.unsubscribed], ["Skipped", stats.skipped]];
  return [
    h("h2", { id: "machines" }, "Machines, and what came back"),
    h("dl", { class: "facts" }, rows.map(([name, count, of, meaning]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, h("b", {}, number(count)), h("span", { class: "soft" }, of)),
        h("dd", { class: "note" }, meaning)))),
    h("dl", { class: "after" }, after.map(([name, count]) => {
      const known = stats.rates[name.toLowerCase()] !== null || !["Delivered", "Bounced", "Complained"].includes(name);
      return h("div", {}, h("dt", {}, name), h("dd", {}, known ? number(count) : "not known"));
    })),
  ];
}
