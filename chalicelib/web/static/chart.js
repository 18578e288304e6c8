/** Opens and clicks over time: a chart of our own in SVG, with legend, units, a cursor for pointer and keyboard, a table. */

import { api, counted, failure, h, number } from "./app.js";

const WIDTH = 1000;
const HEIGHT = 260;
const LEFT = 48;
const BOTTOM = 30;
const TOP = 12;
const COLUMNS_UP_TO = 60;
const SERIES = [["opened", "Opened"], ["clicked", "Clicked"]];
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** An element with its own questions to the API: { element, update }. */
export function chart(campaign, signal) {
  let by = null;
  let pressed = null;
  const canvas = h("div", { class: "chart" });
  const units = h("p", { class: "note" });
  const button = (value, text) => h("button", { type: "button", "aria-pressed": "false", onclick: () => { pressed = value; load(); } }, text);
  const buttons = { hour: button("hour", "By hour"), day: button("day", "By day") };
  const element = h("section", { class: "card", "aria-labelledby": "course" },
    h("header", {}, h("h2", { id: "course" }, "Opens and clicks over time"),
      h("div", { class: "bar" },
        h("ul", { class: "legend" }, SERIES.map(([name, text]) => h("li", {}, h("i", { class: name }), text))),
        h("div", { class: "switch", role: "group", "aria-label": "Length of a step" }, buttons.hour, buttons.day))),
    canvas, units);

  let launched = campaign.launched_at;
  async function load() {
    // Most of what happens, happens within two days: hours show it, later days do.
    by = pressed || (launched && Date.now() - new Date(launched) > 4 * 86_400_000 ? "day" : "hour");
    for (const [name, each] of Object.entries(buttons)) each.setAttribute("aria-pressed", String(name === by));
    try {
      const series = await api("GET", `campaigns/${campaign.campaign_id}/series?by=${by}&timezone=${encodeURIComponent(zone)}`, { signal });
      if (series.by === by) draw(series);
    } catch (problem) {
      if (!signal.aborted) canvas.replaceChildren(failure(problem, load));
    }
  }

  function draw({ items, later }) {
    if (!items.length) {
      canvas.replaceChildren(h("p", { class: "empty soft" }, "Nobody has opened or clicked yet. The first ones usually come within minutes."));
      units.textContent = "";
      return;
    }
    canvas.replaceChildren(...picture(items, by));
    const after = later.opened + later.clicked ? ` ${number(later.opened)} opens and ${number(later.clicked)} clicks came later.` : "";
    units.textContent = `Leads per ${by}: each counts once, at the first open and the first click. Times in ${zone}.${after}`;
  }
  return { element, update: (newer) => { launched = newer.launched_at; load(); } };
}

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function picture(items, by) {
  const most = niceCeiling(Math.max(1, ...items.flatMap((item) => [item.opened, item.clicked])));
  const step = (WIDTH - LEFT) / items.length;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const middle = (place) => LEFT + step * (place + 0.5);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart-svg", "aria-hidden": "true", preserveAspectRatio: "none" });

  const levels = [...new Set([0, most / 2, most].filter(Number.isInteger))];
  for (const value of levels) drawing.append(svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "grid" }));
  for (const [name, , at] of SERIES.map(([each, text], order) => [each, text, order])) {
    drawing.append(items.length <= COLUMNS_UP_TO
      ? columns(items, name, at, { step, y, middle })
      : curve(items, name, { y, middle }));
  }
  const cursor = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" });
  drawing.append(cursor);

  const label = labels(by);
  const readout = h("p", { class: "readout", hidden: true });
  const spoken = h("span", { class: "sr", role: "status" });
  const frame = h("div", { class: "chart-frame", tabindex: "0", role: "group", "aria-label": "Chart; arrow keys read its points" },
    drawing, ...levels.map((value) => axisLabel("y-label", number(value), null, y(value))),
    ...ticks(items, label).map(([place, text]) => axisLabel("x-label", text, middle(place), null)), readout, spoken);
  let at = -1;
  const point = (place, speak) => {
    at = Math.max(0, Math.min(items.length - 1, place));
    const item = items[at];
    cursor.setAttribute("x1", middle(at));
    cursor.setAttribute("x2", middle(at));
    cursor.setAttribute("visibility", "visible");
    readout.hidden = false;
    readout.style.left = `${Math.min(82, (middle(at) / WIDTH) * 100)}%`;
    readout.replaceChildren(h("b", {}, label.full(item.at)),
      ...SERIES.map(([name, text]) => h("span", {}, h("i", { class: name }), `${text} ${number(item[name])}`)));
    if (speak) spoken.textContent = `${label.full(item.at)}: ${counted(item.opened, "lead")} opened, ${number(item.clicked)} clicked`;
  };
  const leave = () => {
    cursor.setAttribute("visibility", "hidden");
    readout.hidden = true;
  };
  frame.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    point(Math.floor((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / step), false);
  });
  frame.addEventListener("pointerleave", leave);
  frame.addEventListener("blur", leave);
  frame.addEventListener("keydown", (event) => {
    const places = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 };
    if (!(event.key in places)) return;
    event.preventDefault();
    point(places[event.key], true);
  });
  return [frame, table(items, label)];
}

function columns(items, name, order, { step, y, middle }) {
  const width = Math.min(26, step * 0.36);
  const group = svg("g", { class: name });
  items.forEach((item, place) => {
    if (!item[name]) return;
    const top = y(item[name]);
    const left = middle(place) + (order ? 1 : -width - 1);
    group.append(svg("rect", { x: left, y: top, width, height: Math.max(1.5, y(0) - top), rx: Math.min(3, width / 3) }));
  });
  return group;
}

function curve(items, name, { y, middle }) {
  const path = items.map((item, place) => `${place ? "L" : "M"}${middle(place).toFixed(1)} ${y(item[name]).toFixed(1)}`).join("");
  return svg("g", { class: name },
    svg("path", { d: `${path}L${middle(items.length - 1)} ${y(0)}L${middle(0)} ${y(0)}Z`, class: "area" }),
    svg("path", { d: path, class: "curve", "vector-effect": "non-scaling-stroke" }));
}

function axisLabel(kind, text, x, y) {
  const element = h("span", { class: `axis ${kind}`, "aria-hidden": "true" }, text);
  if (x !== null) element.style.left = `${(x / WIDTH) * 100}%`;
  if (y !== null) element.style.top = `${(y / HEIGHT) * 100}%`;
  return element;
}

/** At most some seven points of the x axis, with their texts. */
function ticks(items, label) {
  const every = Math.max(1, Math.ceil(items.length / (innerWidth < 700 ? 3 : 7)));
  return items.map((item, place) => [place, label.short(item.at)]).filter(([place]) => place % every === 0);
}

function labels(by) {
  // Points come with their own offset, so that their clock is read off and not reckoned anew.
  const clock = (text) => text.slice(11, 16);
  const day = (text) => new Date(`${text.slice(0, 10)}T12:00:00`).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return by === "hour"
    ? { short: (text) => (clock(text) === "00:00" ? day(text) : clock(text)), full: (text) => `${day(text)}, ${clock(text)}` }
    : { short: day, full: day };
}

/** 1, 2, 4, 6, 10, 20, 40, 60, ...: halves of it are whole numbers. */
function niceCeiling(value) {
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 4, 6]) if (digit * power >= value) return digit * power;
  }
}

function table(items, label) {
  const some = items.filter((item) => item.opened || item.clicked);
  return h("details", { class: "as-table" }, h("summary", {}, "As a table"),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Opens and clicks as a table" },
      h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "When"), SERIES.map(([, text]) => h("th", { scope: "col", class: "number" }, text)))),
        h("tbody", {}, some.map((item) => h("tr", {}, h("td", {}, label.full(item.at)),
          SERIES.map(([name]) => h("td", { class: "number" }, number(item[name])))))))));
}
