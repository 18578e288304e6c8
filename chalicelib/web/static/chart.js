/** Opens and clicks over time: an SVG chart with a legend, a cursor for pointer and keyboard, and a table. */

import { api, counted, h, number } from "./app.js";
import { HERE } from "./campaign-words.js";
import { attempt, card, svg, table, toggles } from "./parts.js";

const WIDTH = 1000;
const HEIGHT = 260;
const BOTTOM = 30;
const TOP = 12;
const COLUMNS_UP_TO = 60;
const SERIES = [["opened", "Opened"], ["clicked", "Clicked"]];

/** { element, update(campaign) }; it loads its own data. */
export function chart(campaign, signal) {
  let by = null;
  let picked = null;
  const canvas = h("div", { class: "chart" });
  const units = h("p", { class: "note" });
  const intervals = toggles("Interval", { hour: "By hour", day: "By day" }, (value) => { picked = value; load(); });
  const element = card({
    id: "course", title: "Opens and clicks over time",
    tools: h("div", { class: "bar" },
      h("ul", { class: "legend" }, SERIES.map(([name, text]) => h("li", {}, h("i", { class: name }), text))), intervals.element),
  }, canvas, units);

  let launched = campaign.launched_at;
  const load = () => attempt(canvas, signal, async () => {
    // Most opens and clicks come within two days, so a young campaign is shown by the hour.
    by = picked || (launched && Date.now() - new Date(launched) > 4 * 86_400_000 ? "day" : "hour");
    intervals.press(by);
    const series = await api("GET", `campaigns/${campaign.campaign_id}/series?by=${by}&timezone=${encodeURIComponent(HERE)}`, { signal });
    if (series.by === by) draw(series);
  });

  function draw({ items, later }) {
    if (!items.length) {
      canvas.replaceChildren(h("p", { class: "empty soft" }, "No opens or clicks yet. The first ones usually come within minutes of sending."));
      units.textContent = "";
      return;
    }
    canvas.replaceChildren(...picture(items, by));
    const after = later.opened + later.clicked ? ` ${number(later.opened)} opens and ${number(later.clicked)} clicks came later.` : "";
    units.textContent = `Leads per ${by}, each counted once at the first open and the first click. Times in ${HERE}.${after}`;
  }
  return { element, update: (newer) => { launched = newer.launched_at; load(); } };
}

function picture(items, by) {
  const most = niceCeiling(Math.max(1, ...items.flatMap((item) => [item.opened, item.clicked])));
  const step = WIDTH / items.length;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const middle = (place) => step * (place + 0.5);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart-svg", "aria-hidden": "true", preserveAspectRatio: "none" });

  const levels = [...new Set([0, most / 2, most].filter(Number.isInteger))];
  for (const value of levels) drawing.append(svg("line", { x1: 0, x2: WIDTH, y1: y(value), y2: y(value), class: "grid" }));
  for (const [order, [name]] of SERIES.entries()) {
    drawing.append(items.length <= COLUMNS_UP_TO
      ? columns(items, name, order, { step, y, middle })
      : curve(items, name, { y, middle }));
  }
  const cursor = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" });
  drawing.append(cursor);

  const label = LABELS[by];
  const readout = h("p", { class: "readout", hidden: true });
  const spoken = h("span", { class: "sr", role: "status" });
  const frame = h("div", { class: "chart-frame", tabindex: "0", role: "group", "aria-label": "Chart. Use the arrow keys to read its values." },
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
    point(Math.floor(((event.clientX - box.left) / box.width) * items.length), false);
  });
  frame.addEventListener("pointerleave", leave);
  frame.addEventListener("blur", leave);
  frame.addEventListener("keydown", (event) => {
    const places = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 };
    if (!(event.key in places)) return;
    event.preventDefault();
    point(places[event.key], true);
  });
  return [frame, asTable(items, label)];
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

/** About seven points of the x axis with their labels, three on a narrow screen. */
function ticks(items, label) {
  const every = Math.max(1, Math.ceil(items.length / (innerWidth < 700 ? 3 : 7)));
  return items.map((item, place) => [place, label.short(item.at)]).filter(([place]) => place % every === 0);
}

// The API gives local times with their offset, so the clock time can be read from the text.
const clock = (text) => text.slice(11, 16);
const day = (text) => new Date(`${text.slice(0, 10)}T12:00:00`).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
const LABELS = {
  hour: { short: (text) => (clock(text) === "00:00" ? day(text) : clock(text)), full: (text) => `${day(text)}, ${clock(text)}` },
  day: { short: day, full: day },
};

/** The next of 1, 2, 4, 6, 10, 20, 40, 60, ...: from 2 on their halves are whole numbers. */
function niceCeiling(value) {
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 4, 6]) if (digit * power >= value) return digit * power;
  }
}

const asTable = (items, label) => h("details", { class: "as-table" }, h("summary", {}, "Show as table"),
  table("Opens and clicks as a table", ["Time", ...SERIES.map(([, text]) => [text, "number"])],
    items.filter((item) => item.opened || item.clicked).map((item) =>
      [label.full(item.at), ...SERIES.map(([name]) => number(item[name]))])));
