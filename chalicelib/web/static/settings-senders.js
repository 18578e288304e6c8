/** Settings, Senders: the sending account, and the domains and addresses that may send, with their DNS records. */

import { api, button, counted, fill, h, mayWrite, moment, number, progress, say, style } from "./app.js";
import { confirm } from "./dialogs.js";
import { asSent, readable, senderIn } from "./idn.js";
import { attempt, card, copyable, table } from "./parts.js";
import { settingsHead } from "./settings.js";

const STATUS = {
  SUCCESS: ["Verified", "good"], PENDING: ["Waiting for verification", "paused"], FAILED: ["Verification failed", "bad"],
  TEMPORARY_FAILURE: ["Verification interrupted", "paused"], NOT_STARTED: ["Not verified", "paused"],
};
const STATES = { found: ["Found", "good"], missing: ["Not found yet", "paused"], wrong: ["Wrong value", "bad"], unknown: ["Not checked", ""] };
const PURPOSES = {
  dkim: ["DKIM", "Signs your emails"], mail_from: ["MAIL FROM", "Brings bounces back"],
  spf: ["SPF", "Allows Amazon SES to send"], dmarc: ["DMARC", "Ties both to your From address"],
};

/** A call that asks Amazon SES, with a message for people. */
const ask = (...call) => api(...call).catch((problem) => {
  if (problem.status === 503) problem.message = "Amazon SES does not answer right now. Try again in a moment.";
  throw problem;
});
const pathOf = ({ sender }) => `senders/${encodeURIComponent(sender)}`;
const pillOf = ([text, kind]) => h("span", { class: `pill ${kind}` }, text);

export async function show(place, { signal }) {
  await style("settings-senders.css");
  const account = h("div", { class: "view" }, h("p", { class: "loading" }, "Asking Amazon SES…"));
  const list = h("div", { class: "view" });
  place.append(...settingsHead("#/settings/senders"), account, list);
  await attempt(account, signal, async () => {
    const state = await ask("GET", "sending-account", { signal });
    fill(account, state.service === "smtp" ? ownServer() : accountCard(state));
    if (state.service === "ses") await senders(list, signal);
  });
}

const ownServer = () => card({ id: "account-title", title: "Your own mail server" },
  h("p", {}, "Emails leave by the SMTP server that this installation was set up with. It decides which addresses may send, and how many emails."),
  h("p", { class: "note" }, "Verified domains and DNS records cannot be shown here. Ask the administrator of that server."));

function accountCard({ sandbox, sending_enabled: enabled, enforcement_status: enforcement, quota, sent, rate }) {
  const stopped = !enabled || enforcement === "SHUTDOWN";
  const states = [[stopped, "Sending paused", "bad"], [enforcement === "PROBATION", "Under review", "bad"], [sandbox, "Sandbox", "paused"], [true, "Ready to send", "good"]];
  const [, ...state] = states.find(([applies]) => applies);
  const used = quota === null ? `${counted(sent, "email")} in the last 24 hours, no limit` : `${number(sent)} of ${counted(quota, "email")} in the last 24 hours`;
  return card({ id: "account-title", title: "Sending account", tools: pillOf(state) },
    quota !== null && progress("Emails in the last 24 hours", Math.min(1, sent / quota), used),
    h("p", {}, used, ". ", h("span", { class: "soft" }, `At most ${counted(rate, "email")} a second.`)),
    stopped && h("p", { class: "advice" }, "Amazon SES has paused sending for this AWS account. The account dashboard in the SES console says why and how to resume."),
    !stopped && enforcement === "PROBATION" && h("p", { class: "advice" }, "Amazon SES is reviewing this account because of bounces or complaints. More of them may end its sending."),
    sandbox && h("p", { class: "advice" }, h("strong", {}, "You can only write to verified addresses. "),
      "New accounts begin in the sandbox. To write to everybody, open the SES console, choose Account dashboard, then Request production access. AWS usually answers within a day."));
}

async function senders(place, signal) {
  const items = h("ul", { class: "senders" });
  const error = h("p", { class: "error", id: "add-error", role: "alert" });
  const more = h("p", { class: "more" });
  const none = h("p", { class: "soft" });

  async function page(cursor) {
    fill(more, h("span", { class: "loading" }, "Loading senders…"));
    await attempt(more, signal, async () => {
      const found = await ask("GET", `senders?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, { signal });
      // The first that waits for its records is shown with them. They are looked up before, so that nothing moves.
      const waiting = cursor ? null : found.items.find(({ verified }) => !verified);
      const looked = waiting && await api("GET", pathOf(waiting), { signal }).catch(() => null);
      for (const each of found.items) items.append(row(each, signal, count, each === waiting ? looked : null));
      fill(more, found.cursor && button("Show more", () => page(found.cursor)));
      count();
    });
  }

  const count = () => fill(none, !items.children.length && "No senders yet. Add the domain after the @ of your From address to send from it.");

  async function add(event) {
    event.preventDefault();
    const name = senderIn(input.value);
    error.textContent = "";
    input.setAttribute("aria-invalid", "false");
    submit.disabled = true;
    try {
      const sender = await ask("POST", "senders", { body: name.includes("@") ? { address: name } : { domain: name } });
      const known = [...items.children].find(({ dataset }) => dataset.sender === sender.sender);
      const element = row(sender, signal, count, sender);
      if (known) known.replaceWith(element);
      else items.prepend(element);
      count();
      input.value = "";
      say(sender.kind === "domain" ? `${readable(sender.sender)} was added. Publish its DNS records.` : `Amazon sent ${readable(sender.sender)} an email with a link.`);
      element.querySelector("summary").focus();
    } catch (problem) {
      if (!name) error.textContent = "Enter a domain, such as example.com.";
      else error.textContent = problem.errors?.length ? `“${name}” ${problem.errors[0].reason}.` : problem.message;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    } finally {
      submit.disabled = false;
    }
  }

  const input = h("input", { id: "add", autocomplete: "off", autocapitalize: "none", spellcheck: "false", placeholder: "example.com", "aria-describedby": "add-help add-error" });
  const submit = h("button", { class: "primary" }, "Add");
  const form = h("form", { class: "stack", onsubmit: add, novalidate: true }, h("label", { for: "add" }, "Add a domain or address"),
    h("div", { class: "bar" }, input, submit), error,
    h("p", { class: "note", id: "add-help" }, "A domain allows all its addresses. A single address, such as you@gmail.com, is for trying things out only: receivers distrust it."));
  fill(place, card({ id: "senders-title", title: "Senders" }, mayWrite() && form, none, items, more));
  await page(null);
}

/** One sender; what DNS has is looked up when it is opened. `known`: it was just looked up. */
function row(summary, signal, changed, known = null) {
  const state = h("span", {}, pillOf(STATUS[summary.status]));
  const body = h("div", { class: "sender-body" });
  const details = h("details", { class: "fold", open: Boolean(known) },
    h("summary", {}, h("span", { class: "sender-name", title: asSent(summary.sender) }, readable(summary.sender)), state), body);
  const item = h("li", { "data-sender": summary.sender }, details);
  const path = pathOf(summary);

  const load = () => attempt(body, signal, async () => draw(await ask("GET", path, { signal })));

  function draw(sender) {
    fill(state, pillOf(STATUS[sender.status]));
    const again = button("Check again", async () => {
      again.textContent = "Checking…";
      await load();
    });
    fill(body, todo(sender) && h("p", {}, todo(sender)), dmarcOf(sender), sender.records.length > 0 && recordsOf(sender),
      h("div", { class: "actions" }, again, mayWrite() && button("Remove…", () => remove(sender), { class: "danger" }),
        h("span", { class: "note" }, "Checked ", moment(sender.checked_at), sender.verified_at && [", verified ", moment(sender.verified_at)])));
  }

  async function remove({ sender, used_by: using }) {
    const gone = await confirm({
      title: `Remove ${readable(sender)}?`, action: "Remove", danger: true,
      text: `Emails can no longer be sent from it, also by others who use this AWS account. ${using.length
        ? `${counted(using.length, "campaign uses", "campaigns use")} it and would pause: ${using.slice(0, 3).map(({ title }) => `“${title}”`).join(", ")}${using.length > 3 ? ", …" : ""}.`
        : "No unsent campaign uses it."} Its DNS records stay.`,
      run: () => ask("DELETE", path),
    });
    if (!gone) return;
    item.remove();
    changed();
    say(`${readable(sender)} was removed.`);
  }

  let asked = Boolean(known);
  if (known) draw(known);
  details.addEventListener("toggle", () => {
    if (details.open && !asked) {
      asked = true;
      fill(body, h("p", { class: "loading", role: "status" }, "Looking up what DNS has…"));
      load();
    }
  });
  return item;
}

/** What there is to do. Empty: nothing. */
function todo({ sender, kind, verified, records }) {
  const open = records.some(({ state }) => state === "missing" || state === "wrong");
  if (kind === "address") return verified ? "" : `Open the email that Amazon sent to ${sender} and follow its link, within 24 hours.`;
  if (records.some(({ state }) => state === "unknown")) return "DNS did not answer, so some records could not be checked. Check again in a minute.";
  if (!verified && open) {
    return `Publish these records where the DNS of your domain is managed. It takes from minutes to a day until they are found. Many providers add “${sender}” to names by themselves: then leave it out.`;
  }
  if (!verified) return "All records are published. Amazon looks for them now and then; this can take an hour.";
  return open ? "You can send. Publish what is missing, so that more of your emails arrive." : "";
}

function dmarcOf({ kind, sender, verified, dmarc: { passes, reason } }) {
  if (!verified) return null;
  const emails = `Emails from ${kind === "domain" ? readable(sender) : "this address"}`;
  if (passes) return h("p", { class: "fine" }, `${emails} pass DMARC, as Gmail, Yahoo and Microsoft expect.`);
  if (passes === null) return h("p", { class: "soft" }, `It could not be checked whether ${emails.toLowerCase()} pass DMARC.`);
  return h("p", { class: "advice" }, `${emails} do not pass DMARC: ${reason}. Gmail, Yahoo and Microsoft refuse them above 5,000 a day.`);
}

const recordsOf = ({ sender, records }) => table(`DNS records of ${sender}`, ["Record", "Name", "Value", "In DNS"], records.map(({ purpose, type, name, value, state, seen }) => [
  [h("strong", {}, `${PURPOSES[purpose][0]} `), h("span", { class: "pill" }, type), h("p", { class: "note" }, PURPOSES[purpose][1])],
  copyable(name, `the name of this ${type} record: ${name}`), copyable(value, `the value of this ${type} record: ${value}`),
  [pillOf(STATES[state]), state === "wrong" && h("div", { class: "seen" }, h("p", { class: "note" }, "Found instead:"), seen.map((each) => h("code", {}, each)))],
]), { class: "records" });
