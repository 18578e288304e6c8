/**
 * The From address: offers verified senders, and says at once when an address may not send.
 *
 *   const sender = senderField(input, signal);   // input: the field, already on the page or not
 *   form.append(input, sender.element);           // the element stands below the field, empty while there is nothing to say
 *   sender.check();                               // after the value was set by code, as when a draft is loaded
 *
 * Nothing is said, and nothing offered, where senders are not known (an SMTP server) or SES does not answer.
 */

import { api, h } from "./app.js";
import { debounced } from "./parts.js";

export function senderField(input, signal) {
  const offers = h("datalist", { id: `${input.id}-senders` });
  const note = h("p", { class: "error", role: "status" });
  const element = h("div", {}, offers, note);
  const looked = new Map();
  const listed = api("GET", "senders?limit=200", { signal }).then(({ items }) => items, () => null);
  input.setAttribute("list", offers.id);

  /** The sender that decides about an address: the address itself, its domain or one above; null: none is known. */
  async function senderOf(address, senders) {
    const domain = address.split("@")[1];
    const fits = ({ sender }) => sender === address || `.${domain}`.endsWith(`.${sender}`);
    const found = senders.filter(fits).toSorted((one, other) => other.verified - one.verified)[0];
    if (found) return found;
    if (!looked.has(domain)) {
      // The list may have more pages, and SES may know the domain since it was read.
      looked.set(domain, api("GET", `senders/${encodeURIComponent(domain)}`, { signal }).catch((problem) => (problem.status === 404 ? null : { verified: true })));
    }
    return looked.get(domain);
  }

  async function check() {
    const senders = await listed;
    if (!senders) return;
    const address = input.value.trim().toLowerCase();
    const [local, domain] = address.split("@");
    const verified = senders.filter((each) => each.verified).map(({ sender, kind }) => (kind === "address" ? sender : `${local || "news"}@${sender}`));
    offers.replaceChildren(...verified.filter((each) => each !== address).map((value) => h("option", { value })));
    const sender = /^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$/.test(address) ? await senderOf(address, senders) : { verified: true };
    if (signal.aborted || address !== input.value.trim().toLowerCase()) return;
    const where = h("a", { href: "#/settings/senders" }, "Settings, Senders");
    note.replaceChildren(...(sender?.verified ? []
      : [sender ? `${sender.sender} is not verified yet. ` : `${domain} is not one of your senders. `, "No emails can be sent from it. See ", where, "."]));
  }

  input.addEventListener("input", debounced(check, signal));
  check();
  return { element, check };
}
