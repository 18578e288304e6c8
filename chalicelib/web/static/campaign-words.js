/** Words, times and rates of campaigns. Pure: nothing here needs the page, so node can test it. */

/** An untitled draft is known by its subject. */
export const titleOf = ({ title, subject }) => title || subject || "Untitled";

/** "acme · New, Contacted · tagged vip" */
export const audienceOf = ({ entity, stages, tags }) => [entity, stages.join(", "), tags.length ? `tagged ${tags.join(", ")}` : ""].filter(Boolean).join(" · ");

/** The statuses of campaigns of which nothing was sent, nor is being sent. All others have statistics. */
export const UNSENT = new Set(["draft", "scheduled", "missed"]);

/** Whether a finding says that a field is missing without which nothing is sent. */
export const isMissing = ({ code }) => code === "missing";

/** Of a field: "has no @" becomes "Email has no @."; what has a subject of its own is only written as a sentence. */
export function sentence(label, reason) {
  const isPredicate = label && /^(must|cannot|has|is|does|contains|belongs)\b/.test(reason);
  const text = isPredicate ? `${label} ${reason}` : reason.replace(/^[a-z]+(?= )/, (word) => word[0].toUpperCase() + word.slice(1));
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

const leads = (count) => `${count.toLocaleString("en")} lead${count === 1 ? "" : "s"}`;

/** What happens to the leads that have no email yet. Meanwhile some are sent theirs, and more recipients may be collected. */
export function remaining({ pending, total_is_final: isAll }, happens) {
  if (isAll) return `Up to ${leads(pending)} ${happens}`;
  return `${pending ? `About ${leads(pending)}, and those not collected yet,` : "The recipients"} ${happens}`;
}

/** How many leads a follow-up's choices mean, by persons. Whether a click came with an open by a machine alone is not known. */
export function reactions({ sent, opened, clicked, opened_machine_only: machines, clicked_without_open: blind }) {
  const readers = opened - machines + blind;
  const about = Math.min(machines, clicked - blind) > 0 ? "about " : "";
  const text = (count, word = "") => `${word}${Math.max(0, count).toLocaleString("en")}`;
  return { not_opened: text(sent - readers, about), opened: text(readers, about), not_clicked: text(sent - clicked), clicked: text(clicked) };
}

const DID = {
  not_opened: "did not open", opened: "opened", not_clicked: "did not click in", clicked: "clicked in",
};

/** A segment's behaviors: "clicked in “Summer”", by the titles of the campaigns, as far as these are known. */
export const segmentOf = (behaviors, titles) => behaviors.map(({ did, campaign_id: id }) =>
  `${DID[did]} ${titles.get(id) ? `“${titles.get(id)}”` : "an earlier campaign"}`);

/** Why an email was not sent. */
const REASONS = {
  missing_address: "No email address", invalid_address: "Invalid address", rejected: "Rejected by the mail service",
  rendering_failed: "Content could not be rendered", outcome_unknown: "Outcome unknown", unsubscribed: "Unsubscribed before sending",
  suppressed: "Suppressed before sending", lead_deleted: "Lead deleted before sending",
};
export const reasonName = (reason) => REASONS[reason] || reason.replaceAll("_", " ");

// -- Durations. --------------------------------------------------------------------------------------------------------

const UNITS = [["second", 1, 120], ["minute", 60, 120 * 60], ["hour", 3600, 48 * 3600], ["day", 86_400, Infinity]];

/** "1 minute", "4 seconds", "3 hours": rounded to the unit that tells it best. */
export function duration(seconds) {
  const [name, size] = UNITS.find(([, , below]) => seconds < below);
  const count = Math.round(seconds / size);
  return `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
}

/** When opens came. Quartiles that read the same are said once, with the largest share. */
export function openTimes({ lower_quartile_seconds: lower, median_seconds: median, upper_quartile_seconds: upper }) {
  const shares = [["a quarter", lower], ["half", median], ["three quarters", upper]].map(([share, seconds]) => [share, duration(seconds)]);
  const told = shares.filter(([, text], at) => text !== shares[at + 1]?.[1]);
  const [[first, within], ...others] = told;
  return `Time to open: ${first} of the opens came within ${within} of sending${others.map(([share, text]) => `, ${share} within ${text}`).join("")}.`;
}

// -- Local times. --------------------------------------------------------------------------------------------------------

/** The browser's time zone. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const parts = (zone, options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });

/** How far clocks in a zone are ahead of UTC at a moment, in milliseconds. */
function offset(moment, zone) {
  const shown = Object.fromEntries(parts(zone, {
    year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23",
  }).formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute, shown.second) - Math.floor(moment / 1000) * 1000;
}

/** The moment (ms) at which clocks in a zone show this local time, 2026-12-01T09:00. A time that comes twice: the first. */
export function momentOf(local, zone) {
  const asUtc = Date.parse(`${local}Z`);
  const candidates = [-86_400_000, 86_400_000].map((shift) => asUtc - offset(asUtc + shift, zone));
  return candidates.find((each) => each + offset(each, zone) === asUtc) ?? Math.min(...candidates);
}

/** "Berlin" of "Europe/Berlin". */
export const placeOf = (zone) => zone.split("/").at(-1).replaceAll("_", " ");

/** "Tue 1 Dec, 09:00", with the year unless it is this one. */
export function clock(moment, zone, now = Date.now()) {
  const year = (each) => parts(zone, { year: "numeric" }).format(each);
  const day = parts(zone, { weekday: "short", day: "numeric", month: "short", ...(year(moment) === year(now) ? {} : { year: "numeric" }) });
  return `${day.format(moment).replace(",", "")}, ${time(moment, zone)}`;
}

const time = (moment, zone) => parts(zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(moment);

/** "Tue 1 Dec, 09:00 Berlin – 03:00 your time"; one time alone where both clocks show the same. */
export function thereAndHere(local, zone, here = HERE, now = Date.now()) {
  if (!isKnown(zone)) return `${local.replace("T", ", ")} (${zone})`;
  const moment = momentOf(local, zone);
  const [there, ours] = [clock(moment, zone, now), clock(moment, here, now)];
  if (there === ours) return `${there} your time`;
  const isSameDay = there.slice(0, -5) === ours.slice(0, -5);
  return `${there} ${placeOf(zone)} – ${isSameDay ? time(moment, here) : ours} your time`;
}

/** When a scheduled or missed campaign is, or was, due. */
export const due = ({ scheduled_local: local, scheduled_timezone: zone }) => thereAndHere(local.slice(0, 16), zone);

/** The server's time zones may be newer than the browser's. */
function isKnown(zone) {
  try {
    return Boolean(parts(zone, {}));
  } catch {
    return false;
  }
}

const COMMON = ["Europe/London", "Europe/Berlin", "America/New_York", "America/Chicago", "America/Los_Angeles", "Asia/Tokyo", "Australia/Sydney"];

/** The zones that are likely wanted: the browser's, the last ones used, UTC, and common ones. */
export const likelyZones = (here, ...used) => [...new Set([here, ...used, "UTC", ...COMMON].filter(Boolean))];

// -- The rate of sending. ------------------------------------------------------------------------------------------------

const WINDOW_MS = 60_000;
const SHORTEST_MS = 8_000;

/** Measures how fast mails leave: note(at, done) for every poll, perMinute() over the last minute, or null so far. */
export function pace() {
  let samples = [];
  return {
    note(at, done) {
      if (samples.length && done < samples.at(-1).done) samples = [];
      samples = [...samples.filter((each) => at - each.at <= WINDOW_MS), { at, done }];
    },
    perMinute() {
      const [first, last] = [samples[0], samples.at(-1)];
      if (!first || last.at - first.at < SHORTEST_MS) return null;
      return ((last.done - first.done) / (last.at - first.at)) * 60_000;
    },
  };
}

/** "240 emails a minute, done in about 12 minutes (10:45)"; `isAll`: nothing will be added to what is pending. */
export function outlook(perMinute, pending, isAll, now = Date.now()) {
  if (!perMinute) return "";
  // Two digits, since it is a measurement.
  const emails = Math.max(1, perMinute < 10 ? Math.round(perMinute) : Number(perMinute.toPrecision(2)));
  const rate = `${emails.toLocaleString("en")} email${emails === 1 ? "" : "s"} a minute`;
  if (!isAll) return rate;
  const seconds = (pending / perMinute) * 60;
  const at = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...(seconds > 43_200 ? { day: "numeric", month: "short" } : {}) });
  return `${rate}, done in about ${duration(Math.max(1, seconds))} (${at.format(now + seconds * 1000)})`;
}
