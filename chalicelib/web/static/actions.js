/** What can be done to a campaign. Each action asks first and says how many leads it concerns. Sending: send-dialogs.js. */

import { api, counted, h, percent, resumes, say } from "./app.js";
import { reactions, remaining } from "./campaign-words.js";
import { confirm, tell } from "./dialogs.js";
import { attempt } from "./parts.js";

export { schedule, sendNow } from "./send-dialogs.js";

const OUTCOMES = {
  sent: "sent", not_sent: "not sent", invalid_address: "invalid address", rejected: "rejected by the mail service",
  outcome_unknown: "may have been sent, but the mail service did not answer",
};
const TEST_ADDRESSES = "leadflip:test-addresses";
const RECOUNTED = {
  given_up: "Not recounted: opens and clicks kept coming in. The numbers are unchanged; try again at a quieter time.",
  repaired: "Recounted: the numbers were corrected.",
  correct: "Recounted: the numbers were correct.",
};

export async function testSend(id, lead) {
  const to = h("input", { id: "test-to", name: "to", required: true, value: localStorage.getItem(TEST_ADDRESSES) || "", placeholder: "you@example.com, colleague@example.com" });
  const answer = await confirm({
    title: "Send test",
    text: "Sends the real email, marked as a test. Its opens and clicks are not counted.",
    fields: [h("label", { for: "test-to" }, "To (up to 10 addresses)"), to],
    action: "Send test",
    run: (form) => {
      localStorage.setItem(TEST_ADDRESSES, form.get("to"));
      const addresses = form.get("to").split(/[\s,;]+/).filter(Boolean);
      return api("POST", `campaigns/${id}/test`, { body: { to: addresses, ...(lead ? { lead_id: lead } : {}) }, key: crypto.randomUUID() });
    },
  });
  if (answer) {
    tell("Test results", h("ul", { class: "plain" }, answer.results.map(({ email, outcome, detail, resumes_about: at }) =>
      h("li", {}, h("b", {}, email), `: ${OUTCOMES[outcome] || outcome}`, detail && h("p", { class: "note" }, detail, at && resumes(at))))));
  }
}

const ON_THEIR_WAY = "Emails that are on their way still go out.";
const QUESTIONS = {
  pause: ({ stats }) => ({
    title: "Pause sending?", text: `${remaining(stats, "will wait until you resume.")} ${ON_THEIR_WAY}`, action: "Pause",
  }),
  resume: ({ stats }) => ({
    title: "Resume sending?", text: remaining(stats, "will receive the email."), action: "Resume",
  }),
  cancel: ({ stats }) => ({
    title: "Cancel this campaign?", danger: true, action: "Cancel campaign", dismiss: "Keep campaign",
    text: `${remaining(stats, "will not receive the email.")} ${ON_THEIR_WAY} This cannot be undone.`,
  }),
  "retry-failed": ({ stats }) => {
    const count = (wanted) => stats.failures.find(({ reason }) => reason === wanted)?.count ?? 0;
    const [unknown, addressless] = [count("outcome_unknown"), count("missing_address")];
    const certain = stats.failed - unknown;
    const texts = [
      certain > addressless && `${counted(certain - addressless, "delivery", "deliveries")} will be sent again.`,
      addressless && `${counted(addressless, "lead")} had no email address, and will receive the email if there is one now.`,
      !certain && "It is not known whether these emails were sent.",
    ];
    return {
      title: "Retry failed deliveries?", action: "Retry",
      text: texts.filter(Boolean).join(" "),
      fields: unknown ? [h("label", {}, h("input", { type: "checkbox", name: "unknown", required: !certain }),
        ` Include ${counted(unknown, "delivery", "deliveries")} with an unknown outcome. These leads may receive the email twice.`)] : [],
      body: (form) => (form.has("unknown") ? { reasons: stats.failures.map(({ reason }) => reason) } : {}),
    };
  },
  unschedule: () => ({ title: "Unschedule this campaign?", text: "It becomes a draft again.", action: "Unschedule" }),
};

/** Ask, then change the campaign's status: the changed campaign, or null. */
export function act(verb, { id, ...known }) {
  const question = QUESTIONS[verb](known);
  return confirm({ ...question, run: (form) => api("POST", `campaigns/${id}/${verb}`, {
    key: crypto.randomUUID(), body: question.body?.(form),
  }) });
}

/** Open a draft with the same content and audience in the editor. */
export async function duplicate(id) {
  try {
    const copy = await api("POST", `campaigns/${id}/duplicate`, { key: crypto.randomUUID() });
    location.hash = `#/campaigns/${copy.campaign_id}/edit`;
  } catch (problem) {
    say(problem.message);
  }
}

/** Open a draft to those who did, or did not, open or click this campaign. */
export async function followUp({ campaign_id: id, title }) {
  const names = { not_opened: "Did not open", opened: "Opened", not_clicked: "Did not click", clicked: "Clicked" };
  const counts = Object.fromEntries(Object.keys(names).map((value) => [value, h("span", { class: "soft" })]));
  const about = h("p", { class: "note", hidden: true }, "“About”: of some who clicked, it is not known whether only a machine opened the email.");
  const draft = await confirm({
    title: `Follow up “${title}”`,
    text: "Creates a draft with the same content for you to edit. Its recipients are selected when you send it, whatever stage they are in by then. Machine opens and clicks are ignored; leads who clicked count as having opened.",
    fields: [h("fieldset", { class: "choices" }, h("legend", { class: "label" }, "Leads who"), Object.entries(names).map(([value, label]) =>
      h("label", {}, h("input", { type: "radio", name: "to", value, required: true, checked: value === "not_opened" }), label, " ", counts[value]))), about],
    action: "Create draft",
    prepare: async () => {
      for (const [value, count] of Object.entries(reactions(await api("GET", `campaigns/${id}/stats`)))) counts[value].textContent = count;
      about.hidden = !counts.opened.textContent.startsWith("about");
      return "Create draft";
    },
    run: (form) => api("POST", `campaigns/${id}/follow-up`, { body: { to: form.get("to") }, key: crypto.randomUUID() }),
  });
  if (draft) location.hash = `#/campaigns/${draft.campaign_id}/edit`;
}

/** Recount a campaign, with its progress in this place. */
export async function recount(id, place, signal) {
  const path = `campaigns/${id}/recount`;
  const note = (text) => place.replaceChildren(h("p", { class: "note" }, text));
  await attempt(place, signal, async () => {
    let job = await api("POST", path, { signal });
    while (job.state === "running") {
      note(`Recounting: ${percent(job.progress, 0)} done.`);
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
      job = await api("GET", path, { signal });
    }
    note(RECOUNTED[job.state] || RECOUNTED[job.repaired ? "repaired" : "correct"]);
  });
}
