/** Conflicting changes of a draft: both versions of each field, and the choice between them. */

import { button, fill, h, moment } from "./app.js";
import { differing } from "./lines.js";
import { card } from "./parts.js";

/**
 * The choice between two versions of a field: { element, show(fields) }. A field has label, mine, theirs (texts), at,
 * keep() and take(). Without fields the element is hidden.
 */
export function conflicts() {
  const list = h("div", { class: "stack" });
  const element = card({ id: "conflicts", title: "Conflicting changes", class: "card conflicts", tabindex: "-1", hidden: true },
    h("p", {}, "Someone else, or you in another window, saved different changes. Nothing was overwritten. Choose which version to keep."), list);
  return {
    element,
    show(fields) {
      element.hidden = !fields.length;
      fill(list, fields.map(({ label, mine, theirs, at, keep, take }) => {
        const [ours, others] = differing(mine, theirs);
        return h("div", { class: "stack" }, h("h3", {}, label), h("div", { class: "pair" },
          side("Your version, not saved", ours, label, "Keep mine", keep),
          side(["Saved version, ", moment(at)], others, label, "Use saved version", take)));
      }));
    },
  };
}

function side(title, text, label, choice, choose) {
  return h("div", { class: "side-text" }, h("p", { class: "note" }, title), h("pre", { tabindex: "0" }, text || h("i", {}, "empty")),
    button(choice, choose, { "aria-label": `${choice}: ${label}` }));
}
