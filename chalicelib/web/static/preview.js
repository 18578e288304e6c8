/** The mail as one lead would read it: on a desk, on a phone, as plain text. It runs in a frame that may do nothing. */

import { api, failure, h, query } from "./app.js";
import { nameOf } from "./lead.js";

const WIDTHS = { desktop: "100%", phone: "380px" };

/** { element, update(id, audience), lead() } */
export function preview(signal) {
  let id = null;
  let audience = null;
  let mode = "desktop";
  let leads = [];
  const lead = h("select", { "aria-label": "Preview for", onchange: () => draw() });
  const search = h("input", { type: "search", placeholder: "Find a lead", "aria-label": "Find a lead to preview for" });
  const subject = h("p", { class: "preview-subject" });
  const frame = h("iframe", { class: "mail", sandbox: "", title: "Preview of the mail", hidden: true });
  const text = h("pre", { class: "mail-text", tabindex: "0", hidden: true });
  const trouble = h("div");
  const modes = [["desktop", "Desktop"], ["phone", "Phone"], ["text", "Text"]].map(([value, label]) =>
    h("button", { type: "button", "aria-pressed": String(value === mode), onclick: () => { mode = value; arrange(); } }, label));
  const waiting = h("p", { class: "empty soft" }, "The preview appears once the draft is saved.");
  const element = h("section", { class: "card preview", "aria-labelledby": "preview" },
    h("header", {}, h("h2", { id: "preview" }, "Preview"), h("div", { class: "switch", role: "group", "aria-label": "Preview as" }, modes)),
    h("div", { class: "bar" }, lead, search), subject, trouble, waiting, h("div", { class: "preview-stage" }, frame, text));

  function arrange() {
    modes.forEach((button, place) => button.setAttribute("aria-pressed", String(["desktop", "phone", "text"][place] === mode)));
    frame.hidden = mode === "text" || !id;
    text.hidden = mode !== "text" || !id;
    waiting.hidden = Boolean(id);
    if (mode !== "text") frame.style.width = WIDTHS[mode];
  }

  async function find() {
    if (!audience?.entity) return;
    const stage = search.value.trim() ? null : audience.stages[0];
    const page = await api("GET", `leads${query({ entity: audience.entity, stage, q: search.value.trim(), limit: 25 })}`, { signal });
    const chosen = lead.value;
    leads = page.items;
    lead.replaceChildren(h("option", { value: "" }, "Nobody known (defaults)"),
      ...leads.map((each) => h("option", { value: each.lead_id }, `${nameOf(each)}${each.email ? ` · ${each.email}` : ""}`)));
    lead.value = leads.some((each) => each.lead_id === chosen) ? chosen : leads[0]?.lead_id || "";
  }

  async function draw() {
    if (!id) return;
    trouble.replaceChildren();
    try {
      const told = lead.value ? await api("GET", `campaigns/${id}/preview${query({ lead_id: lead.value })}`, { signal }) : null;
      subject.textContent = told ? told.subject : "";
      text.textContent = told ? told.text : "Choose a lead to read the text part.";
      frame.src = `v1/campaigns/${id}/preview.html${query({ lead_id: lead.value })}`;
    } catch (problem) {
      if (!signal.aborted) trouble.replaceChildren(failure(problem, draw));
    }
    arrange();
  }

  let typing = null;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => find().then(draw, () => null), 300);
  });
  arrange();
  return {
    element,
    lead: () => lead.value || null,
    /** The draft was saved. */
    async update(saved, to) {
      const others = JSON.stringify(to) !== JSON.stringify(audience);
      id = saved;
      audience = to;
      if (others) await find().catch(() => null);
      await draw();
    },
  };
}
