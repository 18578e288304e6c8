/** Who receives it: a business line, its stages, tags that all must have; with the number of leads, live. */

import { api, counted, fill, h, moment } from "./app.js";
import { behaviors } from "./behavior.js";

/**
 * { element, line, value(), set(value), count(total, atLeast), taken(at) }; `onchange` is called at every change of the
 * choice. `any`: what no business line stands for, where none need be chosen. `known`: the API's lead groups, if asked for.
 */
export function audience(value, { onchange, signal, readonly, any, known = api("GET", "lead-groups", { signal }) }) {
  let groups = [];
  let chosen = choice(value);
  const line = h("select", { id: "entity", disabled: readonly, "aria-describedby": "entity-error stages-error", onchange: () => {
    chosen = choice({ ...chosen, entity: line.value, stages: [], tags: [] });
    draw();
    onchange();
  } });
  const stageList = h("div", { class: "chips", role: "group", "aria-labelledby": "stages-label" });
  const tagList = h("div", { class: "chips", role: "group", "aria-labelledby": "tags-label" });
  const reactions = behaviors({ signal, readonly, onchange: (behavior) => {
    chosen = { ...chosen, behavior };
    draw();
    onchange();
  } });
  const total = h("p", { class: "count", role: "status" });
  const element = h("div", { class: "stack" },
    h("label", { for: "entity" }, "Business line"), line, h("p", { class: "error", id: "entity-error", "data-error": "audience.entity" }),
    h("p", { class: "label", id: "stages-label" }, "Stages, any of these"), stageList, h("p", { class: "error", id: "stages-error", "data-error": "audience.stages" }),
    h("p", { class: "label", id: "tags-label" }, "Tags, all of these"), tagList, reactions.element, h("p", { class: "error", "data-error": "audience" }), total);

  function draw() {
    const all = (what) => groups.flatMap((each) => each[what]);
    const group = any && !chosen.entity ? { stages: all("stages"), tags: all("tags") } : groups.find((each) => each.entity === chosen.entity);
    const names = [...new Set([...groups.map((each) => each.entity), ...(chosen.entity ? [chosen.entity] : [])])];
    fill(line, h("option", { value: "" }, any || "Choose…"), names.map((name) => h("option", { value: name }, name)));
    line.value = chosen.entity;
    fill(stageList, chips("stages", group), another("stages", "Another stage"));
    fill(tagList, chips("tags", group), another("tags", "Another tag"));
    reactions.show(chosen.behavior || []);
  }

  function chips(what, group) {
    const known = new Map((group?.[what] || []).map(({ name, leads }) => [name, leads]));
    for (const name of chosen[what]) if (!known.has(name)) known.set(name, null);
    return [...known].slice(0, 40).map(([name]) => h("label", { class: "chip" },
      h("input", { type: "checkbox", checked: chosen[what].has(name), disabled: readonly, onchange: (event) => {
        if (event.target.checked) chosen[what].add(name);
        else chosen[what].delete(name);
        onchange();
      } }), name));
  }

  /** Names are known from a look at some of the leads; others can be typed. */
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
  known.then((found) => { groups = found.items; draw(); }, () => null);
  return {
    element, line,
    /** With what else there is in an audience, as it was given. */
    value: () => ({ ...chosen, stages: [...chosen.stages], tags: [...chosen.tags] }),
    set: (other) => { chosen = choice(other); draw(); },
    count: (number, atLeast) => {
      total.textContent = number === null ? "" : number || atLeast ? `${atLeast ? "At least " : ""}${counted(number, "lead")} would receive it now.` : "Nobody would receive it now.";
      total.classList.toggle("none", number === 0 && !atLeast);
    },
    /** Who would receive it now means nothing any more: sending has started, or (null) never will. */
    taken: (at) => fill(total, at && ["They were taken when sending started, ", moment(at), "."]),
  };
}

const choice = (value) => ({ ...value, stages: new Set(value.stages), tags: new Set(value.tags) });
