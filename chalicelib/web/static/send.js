/** Testing, sending now and sending later: each asks first, and names how many it concerns. */

import { api, counted, h } from "./app.js";
import { confirm, tell } from "./dialogs.js";

const OUTCOMES = {
  sent: "sent", not_sent: "not sent", invalid_address: "invalid address", rejected: "refused by the mail service",
  outcome_unknown: "perhaps sent: the mail service did not answer",
};
const KEPT = "leadflip:test-addresses";

/** Those chosen by what they did may be too many to be counted in time. */
const howMany = ({ total, at_least: atLeast }) => `${atLeast ? "at least " : ""}${counted(total, "lead")}`;

export async function testSend(id, lead) {
  const to = h("input", { id: "test-to", name: "to", required: true, value: localStorage.getItem(KEPT) || "", placeholder: "you@example.com, colleague@example.com" });
  const answer = await confirm({
    title: "Send a test",
    text: "The real mail, marked as a test. Opening and clicking it counts nowhere.",
    fields: [h("label", { for: "test-to" }, "To, up to ten addresses"), to],
    action: "Send test",
    run: (form) => {
      localStorage.setItem(KEPT, form.get("to"));
      const addresses = form.get("to").split(/[\s,;]+/).filter(Boolean);
      return api("POST", `campaigns/${id}/test`, { body: { to: addresses, ...(lead ? { lead_id: lead } : {}) }, key: crypto.randomUUID() });
    },
  });
  if (answer) {
    tell("Test", h("ul", { class: "plain" }, answer.results.map(({ email, outcome, detail }) =>
      h("li", {}, h("b", {}, email), `: ${OUTCOMES[outcome] || outcome}`, detail && h("p", { class: "note" }, detail)))));
  }
}

/** True once it is on its way. `errors`: in words, what the check found. */
export async function sendNow(id, title, errors) {
  const audience = await api("GET", `campaigns/${id}/audience`);
  if (!audience.total && !audience.at_least) {
    tell("Nobody to send to", h("p", {}, "There are no recipients: choose other stages or tags, or import leads first."));
    return false;
  }
  return confirm({
    title: `Send “${title}” now?`,
    text: `It goes to ${howMany(audience)}. Mails that have left cannot be called back.`,
    fields: errors.length ? [
      h("p", { class: "error" }, `The check found ${counted(errors.length, "error")} that you have not corrected:`),
      errors.slice(0, 3).map((message) => h("p", { class: "error" }, message)),
    ] : [],
    action: `Send to ${howMany(audience)}`,
    run: () => api("POST", `campaigns/${id}/send`, { key: crypto.randomUUID() }),
  });
}

/** The campaign once it is scheduled, or null. */
export async function schedule(id) {
  const audience = await api("GET", `campaigns/${id}/audience`);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [...new Set([here, "UTC", ...Intl.supportedValuesOf("timeZone")])];
  const tomorrow = new Date(Date.now() + 86_400_000);
  const at = `${tomorrow.getFullYear()}-${String(tomorrow.getMonth() + 1).padStart(2, "0")}-${String(tomorrow.getDate()).padStart(2, "0")}T09:00`;
  return confirm({
    title: "Send later",
    text: `Recipients are taken when the time has come; now it is ${howMany(audience)}.`,
    fields: [
      h("label", { for: "at" }, "Date and time"), h("input", { type: "datetime-local", id: "at", name: "at", required: true, value: at }),
      h("label", { for: "zone" }, "On the clocks of"), h("select", { id: "zone", name: "zone" }, zones.map((zone) => h("option", { value: zone }, zone))),
    ],
    action: "Schedule",
    run: (form) => api("POST", `campaigns/${id}/schedule`, {
      body: { at: form.get("at").slice(0, 16), timezone: form.get("zone") }, key: crypto.randomUUID(),
    }),
  });
}
