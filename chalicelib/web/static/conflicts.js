/** What was changed here and elsewhere: both texts, and a choice for each. */

import { fill, h, moment } from "./app.js";

/** { element, show(fields) }; a field has label, mine, theirs (texts), at, keep() and take(). No fields: nothing is shown. */
export function conflicts() {
  const list = h("div", { class: "stack" });
  const element = h("section", { class: "card conflicts", "aria-labelledby": "conflicts", tabindex: "-1", hidden: true },
    h("h2", { id: "conflicts" }, "Changed elsewhere meanwhile"),
    h("p", {}, "Somebody, or you in another window, saved other changes. Nothing was overwritten: choose what stays."), list);
  return {
    element,
    show(fields) {
      element.hidden = !fields.length;
      fill(list, fields.map(({ label, mine, theirs, at, keep, take }) => {
        const [ours, others] = differing(mine, theirs);
        return h("div", { class: "stack" }, h("h3", {}, label), h("div", { class: "pair" },
          side("Yours, not saved", ours, label, "Keep mine", keep),
          side(["Saved ", moment(at)], others, label, "Use the saved one", take)));
      }));
    },
  };
}

function side(title, text, label, choice, choose) {
  return h("div", { class: "side-text" }, h("p", { class: "note" }, title), h("pre", { tabindex: "0" }, text || h("i", {}, "empty")),
    h("button", { type: "button", "aria-label": `${choice}: ${label}`, onclick: choose }, choice));
}

/** Of two texts the lines in which they differ, with two lines around them. */
function differing(mine, theirs) {
  const texts = [mine.split("\n"), theirs.split("\n")];
  const [ours, others] = texts;
  const shorter = Math.min(ours.length, others.length);
  let head = 0;
  while (head < shorter && ours[head] === others[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && ours.at(-1 - tail) === others.at(-1 - tail)) tail += 1;
  const before = Math.max(0, head - 2);
  const after = Math.max(0, tail - 2);
  return texts.map((lines) => [
    ...(before ? ["…"] : []), ...lines.slice(before, lines.length - after), ...(after ? ["…"] : []),
  ].join("\n"));
}
