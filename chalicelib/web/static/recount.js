/** Counting a campaign anew: asked for, and followed to its end. */

import { api, failure, h, percent, Problem } from "./app.js";

const SOON_MS = 1000;
const GIVEN_UP = "Hits keep coming in, so the numbers are as before. Recount the campaign when it is calmer.";
const REPAIRED = "Recounted: the numbers were put right.";
const RIGHT = "Recounted: the numbers were right.";

export async function recount(path, said, signal) {
  try {
    let job = await api("POST", path, { signal });
    while (job.state === "running") {
      said.replaceChildren(h("p", { class: "note" }, `Counting anew: ${percent(job.progress, 0)} done.`));
      await new Promise((resolve) => setTimeout(resolve, SOON_MS));
      job = await api("GET", path, { signal });
    }
    said.replaceChildren(h("p", { class: "note" }, job.state === "given_up" ? GIVEN_UP : job.repaired ? REPAIRED : RIGHT));
  } catch (problem) {
    if (signal.aborted) return;
    if (!(problem instanceof Problem)) throw problem;
    said.replaceChildren(failure(problem, () => recount(path, said, signal)));
  }
}
