/** What can be done with a campaign in the editor. A draft is saved before; what it lacks gets the focus instead. */

import { button, failure, fill, mayWrite, Problem, say } from "./app.js";
import { act, schedule, sendNow, testSend } from "./actions.js";
import { isMissing } from "./campaign-words.js";
import { disabledDuring } from "./parts.js";

/** The fields that a test needs. */
const NEEDED_BY_A_TEST = ["subject", "from_email", "html"];
export const UNSCHEDULE = { scheduled: "Unschedule", missed: "Back to draft" };

/** The buttons. `saved`: see saving.js; `check`: see findings.js; `lead()`: the id of the one that the preview shows. */
export function offered({ campaign, draft, form, saved, check, alert, lead }) {
  const { campaign_id: id, status = "draft" } = campaign;
  const command = (label, action, { needed, ...properties } = {}) => {
    const control = button(label, async () => {
      alert.replaceChildren();
      try {
        if (status !== "draft" || await disabledDuring(control, () => isReady(needed), "Checking…")) await action();
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        fill(alert, failure(problem));
        say(problem.message);
      }
    }, properties);
    return control;
  };

  /** True if the draft is stored as it is here and nothing is missing, of these fields or of all. */
  async function isReady(needed) {
    if (!await saved.save()) {
      if (draft.undecided.size) saved.conflicting.focus();
      else saved.goToFirst();
      return false;
    }
    if (await saved.catchUp()) return false;
    const { findings } = await check.found();
    const missing = findings.filter((each) => isMissing(each) && each.field in form.controls && (!needed || needed.includes(each.field)));
    saved.showErrors(missing.map(({ field, message }) => ({ field: field === "html" ? form.email.kind() : field, reason: message })));
    saved.goToFirst();
    return !missing.length;
  }

  if (!mayWrite()) return [];
  if (status === "draft") return [
    command("Send test…", () => testSend(draft.id, lead()), { needed: NEEDED_BY_A_TEST }),
    command("Schedule…", async () => { if (await schedule(draft.stored)) { say("Scheduled."); location.hash = "#/campaigns"; } }),
    command("Send…", async () => { if (await sendNow(draft.stored)) location.hash = `#/campaigns/${draft.id}/stats`; }, { class: "primary" }),
  ];
  // A changed status shows the campaign again, with what can be done now.
  const again = (isChanged) => { if (isChanged) dispatchEvent(new Event("hashchange")); };
  return [
    command("Send test…", () => testSend(id, lead())),
    command(`${UNSCHEDULE[status]}…`, async () => again(await act("unschedule", { id }))),
    command(status === "scheduled" ? "Reschedule…" : "Schedule…", async () => again(await schedule(campaign)), { class: "primary" }),
  ];
}
