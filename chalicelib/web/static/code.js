/**
 * A text area with line numbers, and findings beside their lines. Behind the text lies the same text in one element per
 * line, which wraps in the same places: it has the numbers, the marks and the height.
 */

import { fill, h } from "./app.js";
import { sharedEnds } from "./lines.js";

/** { element, area, set(value), mark(findings), reveal(line) }. A finding has severity, message and line (from 1). */
export function code({ label, value, oninput, readonly, placeholder, describedby, class: kind = "" }) {
  const lines = h("div", { class: "code-lines", "aria-hidden": "true" });
  const below = h("p", { class: "line-below", "aria-hidden": "true" });
  const area = h("textarea", {
    "aria-label": label, dir: "auto", "aria-describedby": describedby, spellcheck: kind ? "true" : "false", autocapitalize: "off", rows: 1, value, readonly, placeholder,
    oninput: () => { draw(); oninput(); },
  });
  const element = h("div", { class: `code ${kind}` }, h("div", { class: "code-sheet" }, lines, area), below);
  let shown = [];

  /** Renew the lines that were changed. The others keep their findings. */
  function draw() {
    const texts = area.value.split("\n");
    const [head, tail] = sharedEnds(texts, shown);
    const changed = texts.slice(head, texts.length - tail).map((text) => h("div", { class: "line" }, text));
    const next = lines.children[shown.length - tail] || null;
    for (const line of [...lines.children].slice(head, shown.length - tail)) line.remove();
    for (const line of changed) lines.insertBefore(line, next);
    shown = texts;
    spread();
  }

  /** Move findings down that would cover the one above; the sheet ends below the last. */
  function spread() {
    let bottom = 0;
    for (const note of lines.querySelectorAll(".line-note")) {
      const top = Math.max(note.parentElement.offsetTop, bottom);
      note.style.top = `${top - note.parentElement.offsetTop}px`;
      bottom = top + note.offsetHeight + 8;
    }
    lines.style.minHeight = `${bottom}px`;
  }

  function mark(findings) {
    for (const line of lines.querySelectorAll(".marked")) {
      line.className = "line";
      line.querySelector(".line-note").remove();
    }
    const byLine = Map.groupBy(findings.filter(({ line }) => line && line <= shown.length), ({ line }) => line);
    for (const [line, several] of byLine) {
      const target = lines.children[line - 1];
      target.className = `line marked ${several[0].severity}`;
      target.append(h("span", { class: "line-note" }, several.map(({ message }) => h("span", {}, message))));
    }
    follow();
    spread();
  }

  /** Where there is no room beside the text, the findings of the line with the cursor are shown under it. */
  function follow() {
    const line = lines.children[area.value.slice(0, area.selectionStart).split("\n").length - 1];
    fill(below, [...line?.querySelectorAll(".line-note > span") || []].map(({ textContent }) => h("span", {}, textContent)));
  }

  for (const name of ["keyup", "click", "focus"]) area.addEventListener(name, follow);
  queueMicrotask(draw);
  new ResizeObserver(spread).observe(element);
  return {
    element, area, mark,
    set(other) { area.value = other; draw(); },
    /** Put the cursor on a line and show it. */
    reveal(line) {
      const start = shown.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
      area.focus({ preventScroll: true });
      area.setSelectionRange(start, start + (shown[line - 1] || "").length);
      follow();
      lines.children[line - 1]?.scrollIntoView({ block: "center" });
    },
  };
}
