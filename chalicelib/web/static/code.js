/** A text area for markup, with line numbers and findings beside their lines. */

import { h } from "./app.js";

const LINE = 20;
const PADDING = 10;

/** { element, area, set(value), mark(findings), reveal(line) }. A finding has severity, message and line (from 1). */
export function code({ label, value, oninput, readonly }) {
  const gutter = h("div", { class: "gutter", "aria-hidden": "true" });
  const marks = h("div", { class: "marks", "aria-hidden": "true" });
  const area = h("textarea", {
    "aria-label": label, spellcheck: "false", autocapitalize: "off", wrap: "off", value, readonly, oninput: () => { number(); oninput(); },
    onscroll: () => follow(),
  });
  const element = h("div", { class: "code" }, gutter, h("div", { class: "code-text" }, marks, area));
  let findings = [];

  function number() {
    const lines = area.value.split("\n").length;
    if (gutter.childElementCount !== lines) {
      gutter.replaceChildren(...Array.from({ length: lines }, (_, line) => h("span", {}, String(line + 1))));
    }
    show();
  }

  function show() {
    const lines = area.value.split("\n");
    marks.replaceChildren();
    for (const line of gutter.children) line.className = "";
    const byLine = new Map();
    for (const each of findings) {
      if (!each.line || each.line > lines.length) continue;
      byLine.set(each.line, [...(byLine.get(each.line) || []), each]);
    }
    for (const [line, several] of byLine) {
      const [worst] = several;
      gutter.children[line - 1].className = worst.severity;
      const note = h("span", {}, several.map(({ message }) => message).join(" "));
      const mark = h("div", { class: `mark ${worst.severity}` }, note);
      mark.style.top = `${PADDING + (line - 1) * LINE}px`;
      note.style.left = `calc(${columns(lines[line - 1])}ch + 34px)`;
      marks.append(mark);
    }
    follow();
  }

  function follow() {
    gutter.style.transform = `translateY(${-area.scrollTop}px)`;
    marks.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
  }

  queueMicrotask(number);
  return {
    element, area,
    set(other) { area.value = other; number(); },
    mark(newFindings) { findings = newFindings; number(); },
    reveal(line) {
      const start = area.value.split("\n").slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
      area.focus();
      area.setSelectionRange(start, start);
      area.scrollTop = Math.max(0, (line - 4) * LINE);
      area.scrollLeft = 0;
    },
  };
}

/** The width of a line in columns, with tabs four columns wide. */
function columns(line) {
  let at = 0;
  for (const character of line) at += character === "\t" ? 4 - (at % 4) : 1;
  return at;
}
