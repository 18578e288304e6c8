/** Sending now and scheduling: what will be sent, to whom, and what the pre-send check says, before anything happens. */

import { api, counted, fill, h, linked, number, Problem, style } from "./app.js";
import { audienceOf, HERE, isMissing, likelyZones, placeOf, thereAndHere, titleOf } from "./campaign-words.js";
import { confirm } from "./dialogs.js";
import { labelled } from "./field-errors.js";
import { asSent, readable } from "./idn.js";
import { finding } from "./parts.js";

const SEVERITY = { error: ["bad", "Error"], warning: ["skipped", "Warning"] };
/** Codes of findings with which nothing is sent. */
const UNSENDABLE = new Set(["content_invalid", "sender_not_verified"]);
const LAST_ZONE = "leadflip:time-zone";
/** By problem type, what a marketer may have sent all the same: the request's member for that, and the words. */
const WAIVABLE = {
  "not-proven": {
    member: "proof", what: "The check could not confirm that recipients get what you wrote:",
    risk: "Links may be broken or not counted, and it may look different from the preview.", remedy: "Correct the content",
  },
  "bulk-sender-rules-not-met": {
    member: "bulk_sender_rules", what: "From senders of more than 5,000 emails a day, large mail services refuse emails with these errors.",
    risk: "Many recipients may not get it, or find it in their spam folder.", remedy: "Correct the errors",
  },
};

/** True once sending has started. `campaign`: as the API gives it. */
export async function sendNow(campaign) {
  const { check, element, says } = await presend(campaign);
  const waivers = waiving("Send", "sent", campaign.version, says);
  return confirm({
    title: `Send “${titleOf(campaign)}” now?`,
    fields: [element, waivers.element],
    action: "Send",
    prepare: async () => {
      const { isComplete, mails, words } = await check();
      return isComplete && mails ? `Send ${words}` : "";
    },
    run: (form) => waivers.send(`campaigns/${campaign.campaign_id}/send`, form),
  });
}

/** The scheduled campaign, or null if it was not scheduled. A schedule that there is already is replaced. */
export async function schedule(campaign) {
  const { check, element, says } = await presend(campaign, "Recipients are selected when it is sent. Right now: ");
  const waivers = waiving("Schedule", "scheduled", campaign.version, says);
  const action = campaign.status === "scheduled" ? "Reschedule" : "Schedule";
  const when = moment(campaign);
  return confirm({
    title: `${action} “${titleOf(campaign)}”`,
    fields: [when.element, element, waivers.element],
    action,
    controls: when.controls,
    prepare: async () => ((await check()).isComplete ? action : ""),
    run: async (form) => {
      const answer = await waivers.send(`campaigns/${campaign.campaign_id}/schedule`, form, { at: form.get("at").slice(0, 16), timezone: form.get("zone") });
      localStorage.setItem(LAST_ZONE, form.get("zone"));
      return answer;
    },
  });
}

/** The fields for a time, and what it means there and here. */
function moment({ scheduled_local: local, scheduled_timezone: zone }) {
  const last = localStorage.getItem(LAST_ZONE);
  const likely = likelyZones(HERE, zone, last);
  const others = Intl.supportedValuesOf("timeZone").filter((each) => !likely.includes(each));
  const tomorrow = new Date(Date.now() + 86_400_000);
  const day = `${tomorrow.getFullYear()}-${String(tomorrow.getMonth() + 1).padStart(2, "0")}-${String(tomorrow.getDate()).padStart(2, "0")}`;
  const told = h("p", { class: "told", role: "status" });
  const tell = () => { told.textContent = at.value ? thereAndHere(at.value.slice(0, 16), zones.value) : ""; };
  const at = h("input", { type: "datetime-local", id: "at", name: "at", required: true, value: local?.slice(0, 16) || `${day}T09:00`, oninput: tell });
  const option = (each) => h("option", { value: each }, each === HERE ? `${placeOf(each)} (your time)` : each.replaceAll("_", " "));
  const zones = h("select", { id: "zone", name: "zone", onchange: tell },
    h("optgroup", { label: "Suggested" }, likely.map(option)), h("optgroup", { label: "All time zones" }, others.map(option)));
  zones.value = zone || last || HERE;
  tell();
  return { controls: { at, timezone: zones }, element: h("div", { class: "stack" },
    labelled("Date and time", at, "at"), labelled("Time zone", zones, "timezone"), told) };
}

/** What is sent, by whom and to whom, with the errors and warnings of the pre-send check: { element, check(), says(reason) }. */
async function presend(campaign, before = "") {
  await style("send-dialogs.css");
  const element = h("div", { class: "stack presend" });
  let shown = [];
  async function check() {
    const path = `campaigns/${campaign.campaign_id}`;
    const found = await api("GET", `${path}/preflight`);
    // The check counts what it has looked at. Only where that is not everybody, somebody else has to count.
    const audience = found.audience_is_whole ? { total: found.audience_looked_at } : await api("GET", `${path}/audience`);
    const problems = found.findings.filter(({ severity }) => severity in SEVERITY);
    // What was not proven is told in full, with its lines, when it is refused.
    shown = problems.filter(({ code }) => code !== "not_proven");
    if (shown.length < problems.length) shown.unshift({ severity: "error", message: "The check could not confirm that recipients get what you wrote." });
    const isComplete = !shown.some((each) => isMissing(each) || UNSENDABLE.has(each.code));
    const mails = Math.max(0, audience.total - found.without_email);
    const all = audience.at_least ? "at least " : "";
    fill(element, summary(campaign, found, audience, before),
      !isComplete && h("p", { class: "error" }, "It cannot be sent yet:"),
      shown.length > 0 && h("ul", { class: "findings" }, shown.map((each) => finding(
        isMissing(each) ? ["skipped", "Missing"] : SEVERITY[each.severity], [linked(each.message), each.count ? ` (${counted(each.count, "lead")})` : ""]))),
      isComplete && !shown.length && h("p", {}, h("span", { class: "pill good" }, "No problems"), " The pre-send check found no errors or warnings."));
    return { isComplete, mails: mails || audience.at_least, words: `${all}${counted(mails, "email")}` };
  }
  return { element, check, says: (reason) => shown.some(({ message }) => message === reason) };
}

function summary({ subject, audience, from_name: name, from_email: address, reply_to: replyTo }, { sample, without_email: without, ...found }, { total, at_least: atLeast }, before) {
  const leads = `${atLeast ? "At least " : ""}${counted(total, "lead")}`;
  let people = [leads];
  if (without && found.audience_is_whole) people = [`${leads}, ${number(without)} without an address: `, h("b", {}, counted(total - without, "email"))];
  else if (without) people = [`${leads}. Of the first ${number(found.audience_looked_at)}, ${number(without)} have no address.`];
  const rows = [
    ["Subject", [h("b", {}, sample?.subject || subject || "—"), sample && sample.subject !== subject && h("span", { class: "note" }, ` for ${sample.name}`)]],
    ["From", address ? [name && h("b", {}, name), " ", h(name ? "span" : "b", { title: asSent(address) }, readable(address))] : "—"],
    replyTo && ["Reply-to", h("span", { title: asSent(replyTo) }, readable(replyTo))],
    ["Recipients", audience.entity ? [h("p", {}, audienceOf(audience)), h("p", {}, before, people)] : "—"],
  ];
  return h("dl", { class: "send-summary" }, rows.filter(Boolean).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

/**
 * What a dialog shows when an email is refused that may be sent all the same: { element, send(path, form, body) }. It
 * lists the reasons that the dialog does not show already (`isShown(reason)`), with a box to tick for going on anyway,
 * which `send` then says in the request. `version`: the one that the page shows.
 */
function waiving(verb, done, version, isShown) {
  const element = h("div", { class: "stack" });
  const ask = ({ member, what, risk }, errors) => {
    const box = h("input", { type: "checkbox", name: "waived", value: member, required: true });
    element.append(h("div", { class: "stack" },
      h("p", {}, what),
      errors.length > 0 && h("ul", { class: "plain" }, errors.slice(0, 5).map(({ reason, line }) => h("li", {}, line ? `Line ${line}: ` : "", reason))),
      errors.length > 5 && h("p", { class: "note" }, `And ${counted(errors.length - 5, "more place")}.`),
      h("div", { class: "choices" }, h("label", {}, box, `${verb} it anyway. ${risk}`))));
    box.focus();
  };
  async function send(path, form, body = {}) {
    const waived = form.getAll("waived").map((member) => [member, "waived"]);
    try {
      return await api("POST", path, { body: waived.length ? { ...body, ...Object.fromEntries(waived), version } : body, key: crypto.randomUUID() });
    } catch (problem) {
      const waivable = WAIVABLE[problem.type?.split(":").at(-1)];
      if (!waivable) throw problem;
      ask(waivable, problem.errors.filter(({ reason }) => !isShown(reason)));
      throw new Problem(problem.status, { detail: `Nothing was ${done}. ${waivable.remedy}, or tick the box.` });
    }
  }
  return { element, send };
}
