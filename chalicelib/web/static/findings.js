/** The pre-send check: what the preview finds while writing, and what checking the stored draft finds besides. */

import { button, counted, fill, h, linked } from "./app.js";
import { sentence } from "./campaign-words.js";
import { readable } from "./idn.js";
import { isOf, stillFound } from "./lines.js";
import { finding } from "./parts.js";
import { examplesLeft } from "./starting-points.js";

const SEVERITY = { error: ["bad", "Error"], warning: ["skipped", "Warning"], note: ["", "Note"] };
const ORDER = Object.keys(SEVERITY);
/** The fields of which one must be written before "No problems" says anything. */
const CONTENT = ["subject", "preview_text", "markdown", "html", "mjml", "text"];
const ENCODED = /[\w.@+-]*xn--[\w.-]*\w/g;
const key = ({ code, field, message }) => `${code} ${field} ${message}`;

/**
 * { element, draw(), live(findings, of), run(ask, of), found() }, where `of` is what was checked. `values()`: what is written
 * now; `mark(findings)`: show them in the text; `go(finding)`: jump there.
 */
export function presendCheck({ values, mark, go, isOurs }) {
  const element = h("div", { class: "stack", role: "group", "aria-label": "Findings" });
  let written = { findings: [], of: null };
  let stored = { findings: [], of: null, proof: null };
  let known = "";
  let asked = null;

  function draw() {
    const now = values();
    const live = new Set(written.findings.map(key));
    stored.findings = stored.findings.filter((each) => !live.has(key(each)));
    const found = [stored, written].flatMap(({ findings, of }) => stillFound(findings, of, now)).concat(examplesLeft(now)).map((each) => ({ ...each, message: sentence("", each.message.replaceAll(ENCODED, (name) => readable(name))) }))
      .toSorted((one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity));
    mark(found);
    const proof = stored.of && isOf(stored.of, now) ? stored.proof : null;
    const praise = found.length ? "" : whyNothing(now);
    // The same findings again: what has the focus in the list keeps it.
    const text = JSON.stringify([found, proof, praise]);
    if (text === known) return;
    known = text;
    fill(element, praise ? h("p", {}, praise.isGood && h("span", { class: "pill good" }, "No problems"), " ", praise.text) : h("ul", { class: "findings" }, found.map((each) => {
      const label = each.line && each.field !== "subject" ? `Line ${each.line}` : "Show";
      return finding(SEVERITY[each.severity], [linked(each.message), each.count ? ` (${counted(each.count, "lead")})` : ""], isOurs(each.field) && button(label, () => go(each), { class: "quiet" }));
    })), proof && h("p", { class: "note" }, proof.text));
  }

  /** What is said where nothing is found. */
  function whyNothing(now) {
    if (CONTENT.every((name) => !now[name])) return { text: "Write something, and it is checked as you type." };
    if (stored.of && isOf(stored.of, now)) return { isGood: true, text: "Ready to send." };
    return written.of ? { isGood: true, text: "Nothing to correct in the content." } : { text: "Checking…" };
  }

  return {
    element, draw,
    /** What the preview found. */
    live(findings, of) { written = { findings, of }; draw(); },
    /** Show what `ask()` promises: what the check of the stored draft says, of the recipients and the sender too. */
    async run(ask, of) {
      const mine = ask();
      asked = mine;
      const { findings, proof } = await mine;
      if (asked !== mine) return;
      stored = { findings, proof, of };
      draw();
    },
    /** A promise of what the last check says. */
    found: () => asked,
  };
}
