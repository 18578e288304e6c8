/**
 * The From address: offers verified senders, and says at once when an address may not send.
 *
 *   const sender = senderField(input, signal);
 *   form.append(sender.field, sender.note);       // the input with a button that lists senders; a word beside its label
 *   sender.check();                               // after the value was set by code, as when a draft is loaded
 *
 * Nothing is said, and nothing offered, where senders are not known (an SMTP server) or SES does not answer.
 */

import { api, button, fill, h } from "./app.js";
import { chevron, chooser } from "./chooser.js";
import { asStored, readable } from "./idn.js";
import { insert } from "./merge-tags.js";
import { debounced } from "./parts.js";

export function senderField(input, signal) {
  const note = h("p", { class: "error sender-note", role: "status" });
  const opener = button(chevron(), () => open(input), { class: "bare field-button", "aria-label": "Verified senders", title: "Verified senders", "aria-haspopup": "listbox" });
  const field = h("div", { class: "with-button" }, input, opener);
  const looked = new Map();
  const listed = api("GET", "senders?limit=200", { signal }).then(({ items }) => items, () => null);
  const verified = listed.then((senders) => (senders || []).filter((each) => each.verified));
  verified.then(({ length }) => { opener.hidden = !length; });
  const open = chooser({
    label: "Verified senders", placeholder: "Search senders", empty: "No verified sender has this name.",
    find: async (text) => (await verified).map(offer).filter(({ title, value }) => `${title} ${value}`.toLowerCase().includes(text)),
    onpick(address) {
      input.select();
      insert(input, readable(address));
    },
    onclose: () => input.focus(),
  });

  /** A domain is offered with what is written before the @. */
  function offer({ sender, kind }) {
    const address = kind === "address" ? sender : `${input.value.trim().split("@")[0] || "news"}@${sender}`;
    return { title: readable(address), note: `Verified ${kind}`, value: address };
  }

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
    const typed = input.value;
    const address = asStored(typed.trim().toLowerCase());
    const sender = /^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$/.test(address) ? await senderOf(address, senders) : { verified: true };
    if (signal.aborted || typed !== input.value) return;
    const why = `: ${sender ? `${readable(sender.sender)} is not verified yet` : `${readable(address.split("@")[1])} is not one of your senders`}. No emails can be sent from it.`;
    fill(note, !sender?.verified && h("a", { href: "#/settings/senders", title: `Not verified${why}` }, "Not verified", h("span", { class: "sr" }, why)));
  }

  input.addEventListener("input", debounced(check, signal));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || opener.hidden) return;
    event.preventDefault();
    open(input);
  });
  check();
  return { field, note, check };
}
