/** Updating a view in place, so that focus, a click that is held and what somebody has opened survive a refresh. */

import { fill, h } from "./app.js";

/**
 * Give an element these children (as `fill` does), and keep those that it has already: same tag, same `data-key`. A kept
 * element keeps its listeners, so these must look up what they need when they are called.
 */
export function refill(element, ...children) {
  const fresh = h(element.tagName);
  fill(fresh, ...children);
  matchChildren(element, fresh);
}

function matchChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  const keys = new Set(wanted.map((each) => each.dataset?.key));
  const keyed = new Map();
  for (const each of old.querySelectorAll(":scope > [data-key]")) {
    if (keys.has(each.dataset.key)) keyed.set(each.dataset.key, each);
    else each.remove();
  }
  let next = old.firstChild;
  for (const node of wanted) {
    const known = node.dataset?.key ? keyed.get(node.dataset.key) : next;
    if (!known || !isSame(known, node)) {
      old.insertBefore(node, next);
      continue;
    }
    if (known === next) next = next.nextSibling;
    else old.insertBefore(known, next);
    match(known, node);
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

const isSame = (one, other) => one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;

function match(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (name === "style") old.style.cssText = fresh.style.cssText;
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  matchChildren(old, fresh);
}
