/** The focus is not lost when what has it is removed or drawn again. Loaded once, with the first focus. */

/** What has the focus and all that it is in, each with its place among its siblings; dialogs give it back themselves. */
let path = [];
let name = "";

function remember(target) {
  if (target.closest("dialog, [popover]")) return;
  path = [];
  name = nameOf(target);
  for (let each = target; each.parentElement; each = each.parentElement) path.push([each, [...each.parentElement.children].indexOf(each)]);
}

const nameOf = (element) => `${element.tagName} ${element.getAttribute("aria-label") || element.textContent}`;

/**
 * The same control drawn again gets the focus; else the row that is in its place, or the nearest title. No other
 * control does: somebody may be about to press Enter.
 */
function restore() {
  const [[gone] = []] = path;
  if (!gone || gone.isConnected || document.activeElement !== document.body) return;
  const depth = path.findIndex(([each]) => each.isConnected);
  if (depth < 0) return;
  const [around] = path[depth];
  let here = around;
  for (const [, at] of path.slice(0, depth).toReversed()) here = here.children[at] || here.lastElementChild || here;
  const again = nameOf(here) === name ? here : [...around.querySelectorAll(gone.tagName)].find((each) => nameOf(each) === name);
  const titleIn = (place) => place?.querySelector("h1, h2");
  const instead = again || here.closest("main li, main tr") || titleIn(around) || titleIn(around.closest("section")) || titleIn(document);
  if (!again) instead?.setAttribute("tabindex", "-1");
  instead?.focus({ preventScroll: !again });
}

remember(document.activeElement);
document.addEventListener("focusin", ({ target }) => remember(target));
new MutationObserver(restore).observe(document.body, { childList: true, subtree: true });
