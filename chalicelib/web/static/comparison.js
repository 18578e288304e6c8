/** This campaign beside what is usual for its sender, at the same age. */

import { api, counted, date, failure, h, number, percent } from "./app.js";

const VERDICT = {
  higher: "higher than usual", lower: "lower than usual", usual: "as usual: the difference may be chance",
};
const RATES = [["opened", "Opened"], ["clicked", "Clicked"], ["failed", "Failed"]];

export function comparison(campaign, signal) {
  const body = h("div", { class: "stack" });
  const element = h("section", { class: "card", "aria-labelledby": "usual" },
    h("h2", { id: "usual" }, `Beside the usual of ${campaign.from_email}`), body);

  async function load() {
    try {
      const compared = await api("GET", `campaigns/${campaign.campaign_id}/comparison`, { signal });
      body.replaceChildren(...draw(compared));
    } catch (problem) {
      if (!signal.aborted) body.replaceChildren(failure(problem, load));
    }
  }
  return { element, update: load };
}

function draw(compared) {
  if (compared.opened.median === null) {
    return [h("p", { class: "soft" },
      "There is no usual yet: it takes three earlier campaigns of this sender to thirty leads or more. ",
      compared.campaigns.length ? `${counted(compared.campaigns.length, "campaign")} so far.` : "")];
  }
  const age = compared.age_hours < 48 ? counted(Math.round(compared.age_hours), "hour") : counted(Math.round(compared.age_hours / 24), "day");
  return [
    h("ul", { class: "compared" }, RATES.map(([name, text]) => rate(text, compared[name], name))),
    h("p", { class: "note" }, `Each earlier campaign as it stood ${age} after its launch, as this one stands now.`),
    h("details", {}, h("summary", {}, `The ${counted(compared.campaigns.length, "campaign")} compared`),
      h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Campaigns compared" }, h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Campaign"), h("th", { scope: "col" }, "Sent on"),
          ["Sent", "Opened", "Clicked", "Failed"].map((each) => h("th", { scope: "col", class: "number" }, each)))),
        h("tbody", {}, compared.campaigns.map((each) => h("tr", {},
          h("td", {}, h("a", { href: `#/campaigns/${each.campaign_id}/stats` }, each.title)),
          h("td", { class: "nowrap" }, date(each.launched_at)), h("td", { class: "number" }, number(each.sent)),
          RATES.map(([name]) => h("td", { class: "number" }, percent(each[name]))))))))),
  ];
}

function rate(text, { value, median, verdict }, name) {
  const isGood = verdict === (name === "failed" ? "lower" : "higher");
  const tone = !verdict || verdict === "usual" ? "" : isGood ? "good" : "skipped";
  return h("li", {},
    h("span", { class: "note" }, text),
    h("span", { class: "compared-value" }, value ? percent(value.value) : "—", h("span", { class: "note" }, ` usually ${percent(median)}`)),
    h("span", { class: `pill ${tone}` }, VERDICT[verdict] || "too few leads to say"));
}
