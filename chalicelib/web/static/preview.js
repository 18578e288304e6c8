/** The email as one lead would see it: on desktop, on a phone, as plain text. It is shown in a frame without any rights. */

import { api, failure, h, query } from "./app.js";
import { nameOf } from "./lead.js";
import { card, debounced, toggles } from "./parts.js";

const WIDTHS = { desktop: "100%", phone: "380px" };

/** { element, update(id, audience), lead() } */
export function preview(signal) {
  let id = null;
  let audience = null;
  let mode = "desktop";
  const lead = h("select", { "aria-label": "Preview for", onchange: () => draw() });
  const search = h("input", { type: "search", placeholder: "Find a lead", "aria-label": "Find a lead to preview for" });
  const subject = h("p", { class: "preview-subject" });
  const frame = h("iframe", { class: "mail", sandbox: "", title: "Preview of the email", hidden: true });
  const text = h("pre", { class: "mail-text", tabindex: "0", hidden: true });
  const alert = h("div");
  const modes = toggles("Preview as", { desktop: "Desktop", phone: "Phone", text: "Plain text" }, (value) => { mode = value; arrange(); });
  const waiting = h("p", { class: "empty soft" }, "The preview appears once the draft is saved.");
  const element = card({ id: "preview", title: "Preview", tools: modes.element, class: "card preview" },
    h("div", { class: "bar" }, lead, search), subject, alert, waiting, h("div", { class: "preview-stage" }, frame, text));

  function arrange() {
    modes.press(mode);
    frame.hidden = mode === "text" || !id;
    text.hidden = mode !== "text" || !id;
    waiting.hidden = Boolean(id);
    if (mode !== "text") frame.style.width = WIDTHS[mode];
  }

  async function find() {
    if (!audience?.entity) return;
    const stage = search.value.trim() ? null : audience.stages[0];
    const { items } = await api("GET", `leads${query({ entity: audience.entity, stage, q: search.value.trim(), limit: 25 })}`, { signal });
    const chosen = lead.value;
    lead.replaceChildren(h("option", { value: "" }, "No lead (default values)"),
      ...items.map((each) => h("option", { value: each.lead_id }, `${nameOf(each)}${each.email ? ` · ${each.email}` : ""}`)));
    lead.value = items.some((each) => each.lead_id === chosen) ? chosen : items[0]?.lead_id || "";
  }

  async function draw() {
    if (!id) return;
    alert.replaceChildren();
    try {
      const shown = lead.value ? await api("GET", `campaigns/${id}/preview${query({ lead_id: lead.value })}`, { signal }) : null;
      subject.textContent = shown ? shown.subject : "";
      text.textContent = shown ? shown.text : "Choose a lead to preview the plain text.";
      frame.src = `v1/campaigns/${id}/preview.html${query({ lead_id: lead.value })}`;
    } catch (problem) {
      if (!signal.aborted) alert.replaceChildren(failure(problem, draw));
    }
    arrange();
  }

  search.addEventListener("input", debounced(() => find().then(draw, () => null), signal));
  arrange();
  return {
    element,
    lead: () => lead.value || null,
    /** Show the draft as it was just saved. */
    async update(savedId, newAudience) {
      const isOther = JSON.stringify(newAudience) !== JSON.stringify(audience);
      id = savedId;
      arrange();
      audience = newAudience;
      if (isOther) await find().catch(() => null);
      await draw();
    },
  };
}
