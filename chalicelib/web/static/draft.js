/**
 * A draft in this window and in the API: what is stored, what was changed here, and what was changed on both sides.
 * Pure: nothing here needs the page, so node can test it.
 */

const NAMES = ["title", "subject", "preview_text", "from_name", "from_email", "reply_to", "markdown", "html", "mjml", "text", "audience"];

export class Draft {
  /** What was sent last. While its answer is not known, the API may have stored it or not. */
  #sent = {};

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
  }

  /** The values of a field that are no news here: the one that was read, and the one that was sent from here. */
  #known(name) {
    return [this.stored, this.#sent].filter((values) => name in values).map((values) => values[name]);
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

  /** Keep unsaved changes in this browser, each with the stored values that it was made from. */
  keep(written) {
    const kept = Object.entries(this.changes(written)).map(([name, value]) => [name, { value, from: this.undecided.has(name) ? [] : this.#known(name) }]);
    if (kept.length) localStorage.setItem(this.storageKey, JSON.stringify(Object.fromEntries(kept)));
    else localStorage.removeItem(this.storageKey);
  }

  /** The unsaved changes that this browser kept. A field that was saved elsewhere since is a conflict. */
  restore() {
    const kept = JSON.parse(localStorage.getItem(this.storageKey) || "{}");
    const changes = this.changes({ ...this.stored, ...pick(kept, () => true, ({ value }) => value) });
    if (this.id) this.#disagree(changes, (name) => !includes(kept[name].from, this.stored[name]));
    return changes;
  }

  /** Of the changes, those for which `isConflict` are not saved. */
  #disagree(written, isConflict) {
    this.undecided = new Set(Object.keys(pick(this.changes(written), isConflict)));
  }

  /** These values are being sent. */
  sending(body) {
    this.#sent = { ...this.#sent, ...body };
  }

  /**
   * Take over the answer to what was sent. Nothing in it was changed elsewhere: a draft that was would have been refused.
   * Returns the fields that the API writes in another way.
   */
  saved(answer, sent, written) {
    this.#store(answer);
    this.#sent = {};
    this.#disagree(written, (name) => this.undecided.has(name));
    return pick(this.stored, (name) => name in sent && same(written[name], sent[name]) && !same(written[name], this.stored[name]));
  }

  /** Take over the draft as it is stored now. Returns the fields changed only elsewhere: they replace the values here. */
  take(latest, written) {
    const before = this.stored;
    const known = Object.fromEntries(NAMES.map((name) => [name, this.#known(name)]));
    this.#store(latest);
    const others = pick(this.stored, (name) => !same(written[name], this.stored[name]) && !includes(known[name], this.stored[name]));
    const news = pick(others, (name) => same(written[name], before[name]));
    this.#disagree(written, (name) => !(name in news) && (name in others || this.undecided.has(name)));
    return news;
  }
}

const pick = (values, chosen, valueOf = (value) => value) => Object.fromEntries(NAMES.filter((name) => name in values && chosen(name)).map((name) => [name, valueOf(values[name])]));

/** Text areas turn every line ending into a line feed, which is not a change. */
const same = (one, other) => plain(one) === plain(other);
const plain = (value) => (typeof value === "string" ? value.replaceAll(/\r\n?/g, "\n") : JSON.stringify(value)) || "null";
const includes = (values, value) => values.some((each) => same(each, value));

/** A field's value as text. */
export function asText(value) {
  if (value === null || typeof value === "string") return value || "";
  const { entity, stages, tags, behavior } = value;
  return [
    `Business line: ${entity}`, `Stages: ${stages.join(", ")}`, `Tags: ${tags.join(", ")}`,
    ...behavior.map(({ did, campaign_id: id }) => `Segment: ${did.replaceAll("_", " ")}: ${id}`),
  ].join("\n");
}
