/** The rows of the list of campaigns: what each says by its status, its numbers, and what can be done to it. */

import { api, date, h, mayWrite, number, percent, pill, progress, withoutTags } from "./app.js";
import { audienceOf, due, segmentOf, titleOf, UNSENT } from "./campaign-words.js";

/** What the buttons of a row do: true if the list has changed. The code behind them is loaded on demand. */
export const VERBS = {
  schedule: { label: "Schedule…", run: (campaign) => dialog("send-dialogs.js", ({ schedule }) => schedule(campaign)) },
  reschedule: { label: "Reschedule…", run: (campaign) => dialog("send-dialogs.js", ({ schedule }) => schedule(campaign)) },
  unschedule: { label: "Unschedule…", run: (campaign) => move("unschedule", campaign) },
  pause: { label: "Pause…", run: (campaign) => move("pause", campaign) },
  resume: { label: "Resume…", run: (campaign) => move("resume", campaign) },
  "follow-up": { label: "Follow up…", run: (campaign) => dialog("actions.js", ({ followUp }) => followUp(campaign)) },
  duplicate: { label: "Duplicate", run: ({ campaign_id: id }) => dialog("actions.js", ({ duplicate }) => duplicate(id)) },
  delete: { label: "Delete…", run: remove },
};
const OFFERED = {
  draft: ["duplicate", "delete"], scheduled: ["reschedule", "unschedule", "duplicate", "delete"], missed: ["schedule", "duplicate", "delete"],
  planning: ["pause", "duplicate"], sending: ["pause", "duplicate"], paused: ["resume", "duplicate"],
  sent: ["follow-up", "duplicate"], cancelled: ["follow-up", "duplicate"],
};
/** A follow-up is to people who got this campaign, and needs to know who of them reacted. */
const isOffered = (verb, { numbers, tracking }) => verb !== "follow-up" || (numbers?.sent > 0 && tracking === "full");

const dialog = async (name, run) => run(await import(`./${name}`));
const move = (verb, campaign) => dialog("actions.js", ({ act }) => act(verb, { id: campaign.campaign_id, stats: campaign.numbers || { pending: 0 } }));

async function remove(campaign) {
  const { confirm } = await import("./dialogs.js");
  return confirm({
    title: `Delete “${withoutTags(titleOf(campaign))}”?`,
    text: "It has not been sent to anyone. This cannot be undone.",
    action: campaign.status === "draft" ? "Delete draft" : "Delete campaign",
    danger: true,
    run: () => api("DELETE", `campaigns/${campaign.campaign_id}`),
  });
}

const NUMBERS = ["Total", "Sent", "Failed", "Opened", "Clicked"];

/** The table of these campaigns. `titles`: those that they name, by id. Its clicks are handled by the list, by `data-verb` and `data-sort`. */
export function rows(campaigns, { sort, order }, titles) {
  const [direction, arrow] = order === "asc" ? ["ascending", "↑"] : ["descending", "↓"];
  const sorted = (name, text) => h("th", { scope: "col", class: "sorted", "aria-sort": name === sort && direction },
    h("button", { type: "button", class: "quiet", "data-sort": name, "data-key": `sort-${name}` }, text,
      h("span", { "aria-hidden": "true" }, name === sort ? arrow : "↕")));
  return h("div", { class: "card", "data-key": "list" }, h("table", { class: "campaigns" },
    h("thead", {}, h("tr", {}, sorted("title", "Campaign"), sorted("date", "Date"),
      NUMBERS.map((name) => h("th", { scope: "col", class: "number" }, name)), mayWrite() && h("th", { scope: "col" }, h("span", { class: "sr" }, "Actions")))),
    h("tbody", {}, campaigns.map((campaign) => row(campaign, titles)))));
}

function row(campaign, titles) {
  const { campaign_id: id, audience, numbers, status, subject } = campaign;
  const title = withoutTags(titleOf(campaign));
  return h("tr", { class: "campaign", "data-key": id },
    h("td", { class: "campaign-name" },
      h("div", { class: "titled" }, h("a", { class: "name", href: `#/campaigns/${id}/${UNSENT.has(status) ? "edit" : "stats"}` }, title), pill(status)),
      subject && withoutTags(subject) !== title && h("p", { class: "campaign-subject" }, withoutTags(subject)),
      h("p", { class: "note" }, [audienceOf(audience), ...segmentOf(audience.behavior, titles)].filter(Boolean).join(" · ") || "No recipients yet")),
    h("td", { class: "campaign-date" }, when(campaign)),
    numbers ? figures(numbers) : h("td", { class: "note campaign-none", colspan: 5 }, status === "planning" ? "Preparing…" : ""),
    mayWrite() && h("td", { class: "campaign-actions" }, h("div", {}, OFFERED[status].filter((verb) => isOffered(verb, campaign)).map((verb) =>
      h("button", { type: "button", class: "quiet", "data-verb": verb, "data-key": verb, "aria-label": `${VERBS[verb].label}: ${title}` }, VERBS[verb].label)))));
}

/** What happened last, or will happen next, and when. */
function when(campaign) {
  const { status, numbers } = campaign;
  if (status === "scheduled" || status === "missed") {
    return [h("span", { class: "soft" }, status === "missed" ? "Was due " : "Sends "), due(campaign)];
  }
  if (status === "draft") return [h("span", { class: "soft" }, "Edited "), date(campaign.updated_at)];
  if (status === "planning" || status === "sending") return [h("span", { class: "soft" }, "Started "), date(campaign.launched_at), sending(campaign)];
  const left = numbers && numbers.pending ? `${number(numbers.pending)}${numbers.total_is_final ? "" : "+"} ${status === "paused" ? "waiting" : "not sent"}` : "";
  if (!campaign.launched_at) return [h("span", { class: "soft" }, "Edited "), date(campaign.updated_at)];
  return [h("span", { class: "soft" }, status === "sent" ? "Sent " : "Started "), date(campaign.launched_at), left && h("p", { class: "note" }, left)];
}

function sending({ status, title, numbers }) {
  const done = numbers ? numbers.total - numbers.pending : 0;
  return progress(`Progress of ${title}`, numbers?.total && numbers.total_is_final ? done / numbers.total : 0,
    status === "planning" ? "Collecting recipients" : `${number(done)} of ${number(numbers?.total || 0)}`);
}

const share = (count, of) => (of ? percent(count / of) : "");

function figures(numbers) {
  const all = [
    [numbers.total, numbers.total_is_final ? "" : "so far"], [numbers.sent, share(numbers.sent, numbers.total)], [numbers.failed, share(numbers.failed, numbers.sent + numbers.failed)],
    [numbers.opened, share(numbers.opened, numbers.sent)], [numbers.clicked, share(numbers.clicked, numbers.sent)],
  ];
  return all.map(([value, rate], at) => h("td", { class: "number campaign-number", "data-label": NUMBERS[at] },
    h("b", {}, number(value)), h("span", { class: "note" }, rate)));
}
