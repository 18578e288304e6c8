/** What can be done to a campaign: copy it, and steer one that is on its way. */

import { api, counted, h, say } from "./app.js";
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
  "retry-failed": ({ stats }) => {
    const unknown = stats.failures.find(({ reason }) => reason === "outcome_unknown")?.count ?? 0;
    const certain = stats.failed - unknown;
    return {
      title: "Retry failed deliveries?", action: "Retry",
      text: certain ? `${counted(certain, "delivery", "deliveries")} will be sent again.` : "Whether any of them was sent is not known.",
      fields: unknown ? [h("label", {}, h("input", { type: "checkbox", name: "unknown", required: !certain }),
        ` Include ${counted(unknown, "delivery", "deliveries")} whose outcome is unknown. These leads may receive the mail a second time.`)] : [],
      body: (form) => (form.has("unknown") ? { reasons: stats.failures.map(({ reason }) => reason) } : {}),
    };
  },
  unschedule: () => ({ title: "Take it off the schedule?", text: "It becomes a draft again.", action: "Unschedule" }),
};

/** Ask and do; the campaign as it is then, or null. */
export function act(verb, { id, ...known }) {
  const question = QUESTIONS[verb](known);
  return confirm({ ...question, run: (form) => api("POST", `campaigns/${id}/${verb}`, {
    key: crypto.randomUUID(), body: question.body?.(form),
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
