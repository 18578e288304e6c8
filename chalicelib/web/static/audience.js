/** Choosing leads: a business line, any of its stages, all of some tags, and what they did with earlier campaigns. */

import { api, button, counted, fill, h } from "./app.js";
import { segmentOf } from "./campaign-words.js";
import { titlesOf } from "./parts.js";

/** Counting reads the whole audience. */
const COUNTED_FOR_MS = 30_000;

/**
 * { element, card, line, stages, value(), set(value), count(ask), open() }; `onchange` is called at every change.
 * `card` shows the choice in a line, and unfolds to the same element; `isOpen`: from the start.
 * `any`: the label for no business line, where that is allowed. `lookup`: a promise of the API's lead groups.
 */
export function audience(value, { onchange: told, signal, readonly, any, isOpen, lookup = api("GET", "lead-groups", { signal }) }) {
  let groups = [];
  let chosen = withSets(value);
  let counting = null;
  let countedAt = 0;
  const onchange = () => { forget(); told(); };
  const line = h("select", { id: "entity", disabled: readonly, "aria-describedby": "entity-error", onchange: () => {
    chosen = withSets({ ...chosen, entity: line.value, stages: [], tags: [] });
    draw();
    onchange();
  } });
  const stageList = h("div", { class: "chips", role: "group", "aria-labelledby": "stages-label", "aria-describedby": "stages-error" });
  const tagList = h("div", { class: "chips", role: "group", "aria-labelledby": "tags-label" });
  const segment = behaviors({
    signal, readonly, onshow: summarize,
    onchange(behavior) {
      chosen = { ...chosen, behavior };
      draw();
      onchange();
    },
  });
  const total = h("p", { class: "count", role: "status" });
  const element = h("div", { class: "stack" },
    h("label", { for: "entity" }, "Business line"), line, h("p", { class: "error", id: "entity-error", "data-error": "audience.entity" }),
    h("p", { class: "label", id: "stages-label" }, "Stages (any of)"), stageList, h("p", { class: "error", id: "stages-error", "data-error": "audience.stages" }),
    h("p", { class: "label", id: "tags-label" }, "Tags (all of)"), tagList, segment.element, h("p", { class: "error", "data-error": "audience" }));
  const summary = h("span", { class: "soft clip" });
  const details = h("details", { class: "fold", open: isOpen || !chosen.entity || !chosen.stages.size },
    h("summary", {}, h("h2", { id: "audience-title" }, "Recipients"), summary, total), element);

  function draw() {
    const all = (what) => groups.flatMap((each) => each[what]);
    const group = any && !chosen.entity ? { stages: all("stages"), tags: all("tags") } : groups.find((each) => each.entity === chosen.entity);
    const names = [...new Set([...groups.map((each) => each.entity), ...(chosen.entity ? [chosen.entity] : [])])];
    // Renewed options would end what somebody is typing to find one.
    if (names.length + 1 !== line.options.length || names.some((name, at) => line.options[at + 1].value !== name)) {
      fill(line, h("option", { value: "" }, any || "Choose…"), names.map((name) => h("option", { value: name }, name)));
    }
    if (line.value !== chosen.entity) line.value = chosen.entity;
    fill(stageList, chips("stages", group), another("stages", "Add stage"));
    fill(tagList, chips("tags", group), another("tags", "Add tag"));
    segment.show(chosen.behavior || []);
  }

  /** The number shown is of another audience. */
  function forget() {
    counting = null;
    total.textContent = "";
    total.classList.remove("none");
  }

  function summarize(behavior) {
    summary.textContent = [chosen.entity, [...chosen.stages].join(", "), [...chosen.tags].join(", "), ...behavior].filter(Boolean).join(" · ");
  }

  function chips(what, group) {
    const names = new Set([...(group?.[what] || []).map(({ name }) => name), ...chosen[what]]);
    return [...names].slice(0, 40).map((name) => h("label", { class: "chip" },
      h("input", { type: "checkbox", checked: chosen[what].has(name), disabled: readonly, onchange: (event) => {
        if (event.target.checked) chosen[what].add(name);
        else chosen[what].delete(name);
        onchange();
      } }), name));
  }

  /** The API samples the leads for names; any other name can be typed. */
  function another(what, label) {
    return !readonly && h("input", { class: "chip-new", "aria-label": label, placeholder: `${label}…`, onchange: (event) => {
      const name = event.target.value.trim();
      if (!name) return;
      chosen[what].add(name);
      draw();
      onchange();
    } });
  }

  draw();
  lookup.then((found) => { groups = found.items; draw(); }, () => null);
  return {
    element, line, stages: stageList,
    card: h("section", { class: "card recipients", "aria-labelledby": "audience-title" }, details),
    open: () => { details.open = true; },
    /** The audience, also with those of its properties that cannot be changed here. */
    value: () => ({ ...chosen, stages: [...chosen.stages], tags: [...chosen.tags] }),
    set: (other) => { chosen = withSets(other); forget(); draw(); },
    /** Show how many leads these are, as `ask()` promises. An autosave that left the audience as it was does not count again. */
    async count(ask) {
      if (counting && Date.now() < countedAt + COUNTED_FOR_MS) return;
      const size = ask();
      counting = size;
      countedAt = Date.now();
      if (!total.textContent) total.textContent = "Counting…";
      try {
        const { total: number, at_least: atLeast } = await size;
        if (counting !== size) return;
        const isNobody = !number && !atLeast;
        total.textContent = isNobody ? "No recipients right now." : `${atLeast ? "At least " : ""}${counted(number, "lead")} right now.`;
        total.classList.toggle("none", isNobody);
      } catch (problem) {
        if (counting === size) forget();
        throw problem;
      }
    },
  };
}

/** An audience's `behavior` as a list whose entries can be removed: { element, show(list) }. `onshow(texts)`: in words. */
function behaviors({ onchange, onshow, signal, readonly }) {
  const element = h("div", { class: "stack" });
  const titles = new Map();
  let shown = [];
  function show(list) {
    shown = list;
    element.hidden = !list.length;
    const texts = segmentOf(list, titles);
    onshow(texts);
    fill(element,
      h("p", { class: "label", id: "behavior-label" }, "Segment: only leads who"),
      h("ul", { class: "plain", "aria-labelledby": "behavior-label" }, list.map((each, at) => h("li", { class: "behavior" }, h("span", {}, texts[at]), !readonly && button(
        "Remove", () => onchange(list.filter((other) => other !== each)), { class: "quiet", "aria-label": `Remove: ${texts[at]}` })))));
    lookUp(list.map((each) => each.campaign_id).filter((id) => !titles.has(id)));
  }

  async function lookUp(missing) {
    if (!missing.length) return;
    for (const id of missing) titles.set(id, "");
    for (const [id, title] of await titlesOf(missing, signal)) titles.set(id, title);
    show(shown);
  }
  return { element, show };
}

const withSets = (value) => ({ ...value, stages: new Set(value.stages), tags: new Set(value.tags) });
