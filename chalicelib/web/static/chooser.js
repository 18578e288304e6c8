/** A searched list in a popover: type to search, arrow keys and Enter to choose, Escape to leave. */

import { fill, h } from "./app.js";
import { svg } from "./parts.js";

const MARGIN = 8;

/** On what opens a list. */
export const chevron = () => svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: "M4.5 6.5 8 10l3.5-3.5" }));

/**
 * open(anchor). `find(text)`: the options to show, or a promise of them: { title, note, value }. `onpick(value)` may
 * return an element that is shown instead of the list; otherwise the popover closes.
 */
export function chooser({ label, placeholder, empty, find, onpick, onclose = () => null }) {
  const id = `list-${crypto.randomUUID()}`;
  const list = h("ul", { class: "options", role: "listbox", id, "aria-label": label });
  const search = h("input", {
    type: "search", role: "combobox", "aria-label": label, "aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list",
    placeholder, autocomplete: "off", oninput: () => load(), onkeydown: (event) => steer(event),
  });
  const popover = h("div", {
    class: "popover", popover: "auto",
    // At once: "toggle" comes later, when the focus may be elsewhere already.
    onbeforetoggle: ({ newState }) => { if (newState === "closed") onclose(); },
    ontoggle: ({ newState }) => { if (newState === "closed") popover.remove(); },
  });
  let options = [];
  let active = 0;
  let loads = 0;

  async function load() {
    loads += 1;
    const mine = loads;
    const found = await find(search.value.trim().toLowerCase());
    if (mine !== loads) return;
    options = found;
    fill(list, options.map(({ title, note, value }, at) => h("li", {
      role: "option", id: `${id}-${at}`, onclick: () => pick(value), onpointermove: () => { if (active !== at) point(at); },
    }, h("span", {}, title), note && h("span", { class: "note clip" }, note))), !options.length && h("li", { class: "note" }, empty));
    point(0);
  }

  function point(at) {
    active = at;
    [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === at)));
    search.setAttribute("aria-activedescendant", options.length ? `${id}-${at}` : "");
  }

  function steer(event) {
    if (event.key === "Tab") {
      event.preventDefault();
      return popover.hidePopover();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!options.length || (!step && event.key !== "Enter")) return;
    event.preventDefault();
    if (!step) return pick(options[active].value);
    point((active + step + options.length) % options.length);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  function pick(value) {
    const next = onpick(value, () => popover.hidePopover());
    if (!next) return popover.hidePopover();
    fill(popover, next);
    next.querySelector("input")?.select();
  }

  /** Show the popover under this element, or above it where there is more room. */
  return function open(anchor) {
    search.value = "";
    fill(popover, search, list);
    document.body.append(popover);
    popover.showPopover();
    const { left, top, bottom } = anchor.getBoundingClientRect();
    const below = innerHeight - bottom;
    popover.style.left = `${Math.max(MARGIN, Math.min(left, innerWidth - popover.offsetWidth - MARGIN))}px`;
    popover.style[below > 320 || below > top ? "top" : "bottom"] = `${below > 320 || below > top ? bottom + 4 : innerHeight - top + 4}px`;
    popover.style[below > 320 || below > top ? "bottom" : "top"] = "auto";
    search.focus();
    load();
  };
}
