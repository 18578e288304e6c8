/** A draft between this window and the API: what is stored, what was changed here, and what was changed on both sides. */

export const NAMES = ["title", "subject", "from_name", "from_email", "reply_to", "html", "text", "audience"];

export class Draft {
  /** `campaign` as the API answers it; a new one has no id and no version yet. */
  constructor(campaign) {
    this.stored = campaign;
    /** Fields changed here and elsewhere: none is sent until the marketer has decided. */
    this.undecided = new Set();
  }

  get id() {
    return this.stored.campaign_id || null;
  }

  get place() {
    return `leadflip:unsaved-changes:${this.id || "new"}`;
  }

  /** The fields in which what is written here differs from what is stored. */
  changes(written) {
    return pick(written, (name) => !same(written[name], this.stored[name]));
  }

  /** Those of the changes that may be sent. */
  decided(written) {
    return pick(this.changes(written), (name) => !this.undecided.has(name));
  }

  /** Keep what is not stored yet in this browser. */
  keep(written) {
    const changes = this.changes(written);
    const version = this.undecided.size ? null : this.stored.version;
    if (Object.keys(changes).length) localStorage.setItem(this.place, JSON.stringify({ version, changes }));
    else localStorage.removeItem(this.place);
  }

  /** What this browser kept. If another version was stored since, the marketer decides on every field of it. */
  restore() {
    const kept = JSON.parse(localStorage.getItem(this.place) || "null");
    if (!kept) return {};
    const changes = this.changes({ ...this.stored, ...kept.changes });
    if (kept.version !== this.stored.version) this.undecided = new Set(Object.keys(changes));
    return changes;
  }

  /** The draft as it is stored by now. Returns what was changed elsewhere alone: it takes the place of what is here. */
  take(latest, written) {
    const news = pick(latest, (name) => !same(written[name], latest[name]) && same(written[name], this.stored[name]));
    for (const name of NAMES) {
      if (name in news || same(written[name], latest[name])) this.undecided.delete(name);
      else if (!same(this.stored[name], latest[name])) this.undecided.add(name);
    }
    this.stored = latest;
    return news;
  }
}

const pick = (values, chosen) => Object.fromEntries(NAMES.filter((name) => name in values && chosen(name)).map((name) => [name, values[name]]));

/** Text areas turn every line end into a line feed; nobody has changed a text by that. */
const same = (one, other) => plain(one) === plain(other);
const plain = (value) => (typeof value === "string" ? value.replace(/\r\n?/g, "\n") : JSON.stringify(value)) || "null";
