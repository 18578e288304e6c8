/** Markdown by buttons and shortcuts: each changes the selected text so that the browser can undo it. */

import { button, h } from "./app.js";
import { braces, insert } from "./merge-tags.js";
import { svg } from "./parts.js";

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
const ICONS = {
  bold: "M4.5 3h4a2.5 2.5 0 0 1 0 5h-4zM4.5 8h4.800a2.5 2.5 0 0 1 0 5H4.500z",
  italic: "M6.5 3h5M4.5 13h5M9.5 3l-3 10",
  heading: "M3.5 3v10M12.5 3v10M3.5 8h9",
  link: "M6.8 9.200a2.6 2.6 0 0 0 3.7 0l2-2a2.6 2.6 0 0 0-3.7-3.700l-.8.8M9.2 6.800a2.6 2.6 0 0 0-3.7 0l-2 2a2.6 2.6 0 0 0 3.7 3.700l.8-.8",
  button: "M2 5h12v6H2zM5 8h6",
  image: "M2 3h12v10H2zM2 11l3.5-3.5 3 3L11 8l3 3M10.5 5.800h.01",
  list: "M6 4h8M6 8h8M6 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
  quote: "M3 3v10M6.5 5h7M6.5 8h7M6.5 11h4",
  rule: "M2 8h12",
};

/** A command has a label, a shortcut (Control, or Command on a Mac, and Shift if the letter is upper case), and run(area). */
const COMMANDS = {
  bold: ["Bold", "b", (area) => surround(area, "**", "bold text")],
  italic: ["Italic", "i", (area) => surround(area, "*", "italic text")],
  heading: ["Heading", "H", (area) => prefix(area, "## ")],
  link: ["Link", "k", (area) => link(area, "", "")],
  button: ["Button", "B", (area) => link(area, "", " {button}", "Button text", true)],
  image: ["Image", "", (area) => link(area, "!", "", "What the image shows", true)],
  list: ["List", "L", (area) => prefix(area, "- ")],
  quote: ["Quote", "", (area) => prefix(area, "> ")],
  rule: ["Divider", "", (area) => replace(area, lineEnd(area), lineEnd(area), `${gapBefore(area, lineEnd(area))}---\n\n`)],
};

function replace(area, start, end, text, from = text.length, to = from) {
  area.focus();
  area.setSelectionRange(start, end);
  insert(area, text);
  area.setSelectionRange(start + from, start + to);
}

/** Put a mark on both sides of the selection, or take it away. */
function surround(area, mark, sample) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  const size = mark.length;
  if (value.slice(start - size, start) === mark && value.slice(end, end + size) === mark && value[end + size] !== "*") {
    return replace(area, start - size, end + size, chosen, 0, chosen.length);
  }
  const text = chosen || sample;
  return replace(area, start, end, `${mark}${text}${mark}`, size, size + text.length);
}

/** Begin each selected line with this, or no longer. */
function prefix(area, mark) {
  const { selectionStart, value } = area;
  const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const end = lineEnd(area);
  const lines = value.slice(start, end).split("\n");
  const isDone = lines.every((line) => !line || line.startsWith(mark)) && lines.some(Boolean);
  const text = lines.map((line) => {
    if (isDone) return line.slice(line ? mark.length : 0);
    return line || lines.length === 1 ? mark + line.replace(/^(#+|[-*>]) /, "") : line;
  }).join("\n");
  replace(area, start, end, text, lines.length > 1 ? 0 : text.length, text.length);
}

/** A link, button or image of the selected text, address, or other kind of link; what is left to write is selected. */
function link(area, before, after, sample = "link text", isOwnParagraph = false) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end).trim();
  const known = LINK.exec(chosen)?.groups || (ADDRESS.test(chosen) ? { address: chosen } : { text: chosen });
  const text = known.text || sample;
  const address = known.address || "https://";
  const gap = isOwnParagraph ? gapBefore(area, start) : "";
  const opening = `${gap}${before}[${text}](`;
  const whole = `${opening}${address})${after}${isOwnParagraph && !value.startsWith("\n\n", end) ? "\n\n" : ""}`;
  const [from, size] = known.text ? [opening.length, address.length] : [gap.length + before.length + 1, text.length];
  replace(area, start, end, whole, from, from + size);
}

const ADDRESS = /^(https?:\/\/|mailto:)\S+$/;
const LINK = /^!?\[(?<text>[^\]]*)\]\((?<address>[^()\s]*)\)(\s*\{button\})?$/;

/** Where the line ends in which the selection ends. */
function lineEnd({ value, selectionEnd }) {
  const end = value.indexOf("\n", selectionEnd);
  return end < 0 ? value.length : end;
}

/** The line feeds that make what follows a paragraph of its own. */
function gapBefore(area, at) {
  const before = area.value.slice(0, at);
  if (!before || before.endsWith("\n\n")) return "";
  return before.endsWith("\n") ? "\n" : "\n\n";
}

const keysOf = (letter) => [isApple ? "Meta" : "Control", ...(letter !== letter.toLowerCase() ? ["Shift"] : []), letter.toUpperCase()].join("+");
const spoken = (keys) => keys.replace("Control", "Ctrl").replace("Meta", "⌘").replace("Shift", isApple ? "⇧" : "Shift");

/** The toolbar of a text area. `pickTag(area, anchor)` inserts a merge tag. One stop for Tab; arrow keys move inside. */
export function toolbar(area, pickTag) {
  const commands = Object.entries({ ...COMMANDS, tag: ["Merge tag", "M", () => pickTag(area, buttons.at(-1))] });
  const buttons = commands.map(([name, [label, letter, run]]) => {
    const keys = letter && keysOf(letter);
    return button(name === "tag" ? [braces(), h("span", {}, label)] : svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] })), () => run(area), {
      "aria-label": label, title: keys ? `${label} (${spoken(keys)})` : label, "aria-keyshortcuts": keys || null, tabindex: "-1", class: `bare tool${name === "tag" ? " tool-tag" : ""}`,
    });
  });
  buttons[0].tabIndex = 0;
  area.addEventListener("keydown", (event) => {
    if (!(isApple ? event.metaKey : event.ctrlKey) || event.altKey) return;
    const command = commands.find(([, [, letter]]) => letter && event.key.toLowerCase() === letter.toLowerCase() && event.shiftKey === (letter !== letter.toLowerCase()));
    if (!command) return;
    event.preventDefault();
    command[1][2](area);
  });
  return h("div", { class: "toolbar", role: "toolbar", "aria-label": "Formatting", onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = buttons[(buttons.indexOf(event.target) + step + buttons.length) % buttons.length];
    for (const each of buttons) each.tabIndex = each === next ? 0 : -1;
    next.focus();
  } }, buttons);
}
