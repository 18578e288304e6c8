/** Why a mail did not leave, and why a machine is assumed, in words. */

const REASONS = {
  missing_address: "No e-mail address", invalid_address: "Invalid address", rejected: "Refused by the mail service",
  rendering_failed: "Could not be rendered", outcome_unknown: "Outcome unknown", unsubscribed: "Unsubscribed meanwhile",
  suppressed: "Bounced or complained meanwhile", lead_deleted: "Lead deleted meanwhile",
};
export const reasonName = (reason) => REASONS[reason] || reason.replaceAll("_", " ");

const MACHINES = {
  privacy_proxy: "a mail privacy proxy", burst: "a security scanner", tool: "a scanner or tool",
  not_a_browser: "a program", no_user_agent: "a program",
};
export const machineName = (reason) => MACHINES[reason] || "a machine";
