/** What can be done to a campaign: copy it, and steer one that is on its way. */

import { api, counted, say } from "./app.js";
import { confirm } from "./dialogs.js";

const QUESTIONS = {
  pause: ({ stats }) => ({
    title: "Pause sending?", text: `${counted(stats.pending, "lead")} not yet mailed will wait until you resume.`, action: "Pause",
  }),
  resume: ({ stats }) => ({
    title: "Resume sending?", text: `${counted(stats.pending, "lead")} will be mailed.`, action: "Resume",
  }),
  cancel: ({ stats }) => ({
    title: "Cancel this campaign?", danger: true, action: "Cancel the campaign",
    text: `Mails that left stay sent; ${counted(stats.pending, "lead")} will not be mailed. This cannot be taken back.`,
  }),
  "retry-failed": ({ stats }) => ({
    title: "Try the failed deliveries again?", action: `Retry ${counted(stats.failed, "delivery", "deliveries")}`,
    text: "Those whose outcome is unknown may receive the mail a second time.",
  }),
  unschedule: () => ({ title: "Take it off the schedule?", text: "It becomes a draft again.", action: "Unschedule" }),
};

/** Ask and do; the campaign as it is then, or null. */
export function act(verb, { id, ...known }) {
  return confirm({ ...QUESTIONS[verb](known), run: () => api("POST", `campaigns/${id}/${verb}`, {
    key: crypto.randomUUID(), body: verb === "retry-failed" ? {} : undefined,
  }) });
}

/** Open a draft with the same content and audience in the editor. */
export async function duplicate(id) {
  try {
    const copy = await api("POST", `campaigns/${id}/duplicate`, { key: crypto.randomUUID() });
    location.hash = `#/campaigns/${copy.campaign_id}/edit`;
  } catch (problem) {
    say(problem.message);
  }
}
