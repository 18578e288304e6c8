/** Downloads: of what the page has, and of CSV files, which the API sends in parts that make up one file. */

import { api, h, say } from "./app.js";
import { disabledDuring } from "./parts.js";

/** Between columns: where numbers have a decimal comma, spreadsheet programs expect the semicolon. */
export const DELIMITER = (0.5).toLocaleString(navigator.language).includes(",") ? ";" : ",";

const LINK = /<([^>]*)>; rel="next"/;

/** Save what these parts make up as a file. */
export function saveFile(name, type, parts) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Download the file at this address of the API. `control`: the button, which shows how far it is. */
export const saveCsv = (address, title, control, signal) => disabledDuring(control, async () => {
  try {
    const parts = [];
    const [path, parameters] = address.split("?");
    for (let next = `${path}?${new URLSearchParams([...new URLSearchParams(parameters), ["delimiter", DELIMITER]])}`; next;) {
      const response = await api("GET", next, { whole: true, signal });
      parts.push(await response.blob());
      const following = LINK.exec(response.headers.get("Link") || "")?.[1];
      next = following && path + following;
      control.textContent = `Downloading… ${(new Blob(parts).size / 1e6).toFixed(1)} MB`;
    }
    saveFile(`${title.replaceAll(/[^\p{L}\p{N}]+/gu, "-")}.csv`, "text/csv", parts);
  } catch (problem) {
    if (!signal.aborted) say(problem.message);
  }
}, "Downloading…");
