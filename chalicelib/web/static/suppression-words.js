/** What the pages of leads and the suppression list say alike. */

import { h } from "./app.js";

/** Why a lead or an address is not emailed, in a word. */
export const REASONS = { unsubscribed: "Unsubscribed", hard_bounce: "Bounced", complaint: "Marked as spam", manual: "On the suppression list" };
export const pillsOf = (reasons) => [...new Set(reasons)].filter((each) => each in REASONS).map((each) => h("span", { class: "pill bad" }, REASONS[each]));

/** ... in a sentence. */
export function whyNot({ reason, source, by, note, entity }) {
  if (reason === "manual") return ["Put on the suppression list by ", h("bdi", {}, by), note && [": “", h("bdi", {}, note), "”"]];
  const texts = { unsubscribed: `Unsubscribed${entity ? ` from ${entity}` : ""}`, complaint: "Marked an email as spam", hard_bounce: "Address bounced" };
  const sources = { link: " with the link in an email", one_click: " with the mail app’s unsubscribe button", api: by ? [" by ", h("bdi", {}, by)] : " here or through the API" };
  return [texts[reason] || reason, sources[source]];
}

/** The field of a dialog that asks why. */
export const reasonField = (placeholder) => [
  h("label", { for: "reason" }, "Reason"),
  h("input", { id: "reason", name: "reason", required: true, maxlength: 500, autocomplete: "off", placeholder }),
];
