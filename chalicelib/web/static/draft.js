/** A draft in this window and in the API: what is stored, what was changed here, and what was changed on both sides. */

import { api, button, fill, h, moment, query } from "./app.js";
import { sharedEnds } from "./code.js";
import { card } from "./parts.js";

const NAMES = ["title", "subject", "preview_text", "from_name", "from_email", "reply_to", "markdown", "html", "mjml", "text", "audience"];

export class Draft {
  /** `campaign` as the API answers it. A new one has no id and no version yet. */
  constructor(campaign) {
    this.#store(campaign);
    /** Fields with conflicting changes. They are not saved until the marketer has decided. */
    this.undecided = new Set();
  }

  /** The API answers Markdown and MJML with the HTML made of them, which nobody wrote. */
  #store(campaign) {
    const isMade = campaign.markdown || campaign.mjml;
    /** That HTML, or null. */
    this.made = isMade ? campaign.html : null;
    this.stored = isMade ? { ...campaign, html: null } : campaign;
    return this.stored;
  }

  get id() {
    return this.stored.campaign_id || null;
  }

  get storageKey() {
    return `leadflip:unsaved-changes:${this.id || "new"}`;
  }

  /** The fields whose value here differs from the stored one. */
  changes(written) {
    return pick(written, (name) => !same(written[name], this.stored[name]));
  }

  /** The changes that may be saved. */
  decided(written) {
    return pick(this.changes(written), (name) => !this.undecided.has(name));
  }

  /** Keep unsaved changes in this browser. */
  keep(written) {
    const changes = this.changes(written);
    const version = this.undecided.size ? null : this.stored.version;
    if (Object.keys(changes).length) localStorage.setItem(this.storageKey, JSON.stringify({ version, changes }));
    else localStorage.removeItem(this.storageKey);
  }

  /** The unsaved changes that this browser kept. If the draft was saved elsewhere since, each of them is a conflict. */
  restore() {
    const kept = JSON.parse(localStorage.getItem(this.storageKey) || "null");
    if (!kept) return {};
    const changes = this.changes({ ...this.stored, ...kept.changes });
    if (kept.version !== this.stored.version) this.undecided = new Set(Object.keys(changes));
    return changes;
  }

  /** Take over the draft as it is stored now. Returns the fields changed only elsewhere: they replace the values here. */
  take(answer, written) {
    const before = this.stored;
    const latest = this.#store(answer);
    const news = pick(latest, (name) => !same(written[name], latest[name]) && same(written[name], before[name]));
    for (const name of NAMES) {
      if (name in news || same(written[name], latest[name])) this.undecided.delete(name);
      else if (!same(before[name], latest[name])) this.undecided.add(name);
    }
    return news;
  }

  /** These values were sent, and are what this window's text is compared with from now on. */
  accept(body) {
    this.stored = { ...this.stored, ...body };
  }
}

const pick = (values, chosen) => Object.fromEntries(NAMES.filter((name) => name in values && chosen(name)).map((name) => [name, values[name]]));

/** Text areas turn every line ending into a line feed, which is not a change. */
const same = (one, other) => plain(one) === plain(other);
const plain = (value) => (typeof value === "string" ? value.replaceAll(/\r\n?/g, "\n") : JSON.stringify(value)) || "null";

/**
 * The choice between two versions of a field: { element, show(fields) }. A field has label, mine, theirs (texts), at,
 * keep() and take(). Without fields the element is hidden.
 */
export function conflicts() {
  const list = h("div", { class: "stack" });
  const element = card({ id: "conflicts", title: "Conflicting changes", class: "card conflicts", tabindex: "-1", hidden: true },
    h("p", {}, "Someone else, or you in another window, saved different changes. Nothing was overwritten. Choose which version to keep."), list);
  return {
    element,
    show(fields) {
      element.hidden = !fields.length;
      fill(list, fields.map(({ label, mine, theirs, at, keep, take }) => {
        const [ours, others] = differing(mine, theirs);
        return h("div", { class: "stack" }, h("h3", {}, label), h("div", { class: "pair" },
          side("Your version, not saved", ours, label, "Keep mine", keep),
          side(["Saved version, ", moment(at)], others, label, "Use saved version", take)));
      }));
    },
  };
}

function side(title, text, label, choice, choose) {
  return h("div", { class: "side-text" }, h("p", { class: "note" }, title), h("pre", { tabindex: "0" }, text || h("i", {}, "empty")),
    button(choice, choose, { "aria-label": `${choice}: ${label}` }));
}

/** The lines in which two texts differ, with two lines of context: [of mine, of theirs]. */
function differing(mine, theirs) {
  const texts = [mine.split("\n"), theirs.split("\n")];
  const [head, tail] = sharedEnds(...texts);
  const before = Math.max(0, head - 2);
  const after = Math.max(0, tail - 2);
  return texts.map((lines) => [
    ...(before ? ["…"] : []), ...lines.slice(before, lines.length - after), ...(after ? ["…"] : []),
  ].join("\n"));
}

/** A new campaign has the sender and business line of the last one. Stages must be chosen, so that nothing is sent to them by accident. */
export async function newDraft(signal) {
  const { items: [last] } = await api("GET", `campaigns${query({ limit: 1 })}`, { signal });
  return {
    title: "", subject: "", reply_to: last?.reply_to, from_name: last?.from_name, from_email: last?.from_email || "",
    audience: { entity: last?.audience.entity || "", stages: [], tags: [], behavior: [] },
  };
}

/** A field's value as text. */
export function asText(value) {
  if (value === null || typeof value === "string") return value || "";
  const { entity, stages, tags, behavior } = value;
  return [
    `Business line: ${entity}`, `Stages: ${stages.join(", ")}`, `Tags: ${tags.join(", ")}`,
    ...behavior.map(({ did, campaign_id: id }) => `Segment: ${did.replaceAll("_", " ")}: ${id}`),
  ].join("\n");
}
