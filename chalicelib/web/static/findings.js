/** The pre-send check: what the preview finds while writing, and what checking the stored draft finds besides. */

import { button, counted, fill, h, linked } from "./app.js";
import { isMissing } from "./campaign-words.js";
import { KINDS } from "./content.js";
import { finding } from "./parts.js";

const SEVERITY = { error: ["bad", "Error"], warning: ["skipped", "Warning"], note: ["", "Note"] };
const ORDER = Object.keys(SEVERITY);
const key = ({ code, field, message }) => `${code} ${field} ${message}`;

/** { element, live(findings), run(ask), found() }. `mark(findings)`: show them in the text; `go(finding)`: jump there. */
export function presendCheck({ mark, go, isOurs }) {
  const element = h("div", { class: "stack", role: "group", "aria-label": "Findings" }, h("p", { class: "soft" }, "Write something, and it is checked as you type."));
  let written = [];
  let others = [];
  let proof = null;
  let isWhole = false;
  let known = "";
  let asked = null;

  function draw() {
    const live = new Set(written.map(key));
    others = others.filter((each) => !live.has(key(each)));
    // The first text that is written is not stored while it is refused.
    const isRefused = written.some(({ field, severity }) => field in KINDS && severity === "error");
    const found = [...others.filter((each) => !(isRefused && isMissing(each) && each.field === "html")), ...written].toSorted((one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity));
    mark(found);
    // The same findings again: what has the focus in the list keeps it.
    const text = JSON.stringify([found, proof, isWhole]);
    if (text === known) return;
    known = text;
    fill(element, found.length ? h("ul", { class: "findings" }, found.map((each) => {
      const label = each.line && each.field !== "subject" ? `Line ${each.line}` : "Show";
      return finding(SEVERITY[each.severity], [linked(each.message), each.count ? ` (${counted(each.count, "lead")})` : ""], isOurs(each.field) && button(label, () => go(each), { class: "quiet" }));
    })) : h("p", {}, h("span", { class: "pill good" }, "No problems"), isWhole ? " Ready to send." : " Nothing to correct in the content."),
    proof && h("p", { class: "note" }, proof.text));
  }

  return {
    element,
    /** What the text as it is now has. */
    live(findings) { written = findings; draw(); },
    /** Show what `ask()` promises: what the check of the stored draft says, of the recipients and the sender too. */
    async run(ask) {
      const mine = ask();
      asked = mine;
      const found = await mine;
      if (asked !== mine) return;
      ({ findings: others, proof } = found);
      isWhole = true;
      draw();
    },
    /** A promise of what the last check says. */
    found: () => asked,
  };
}
