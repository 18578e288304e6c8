/** The mail's links with their clicks: in a list, and on the mail itself. */

import { api, failure, h, number, percent } from "./app.js";

export function links(campaign, signal) {
  const body = h("div");
  const frame = h("iframe", { class: "mail overlay", title: "The mail with the clicks on its links", sandbox: "", hidden: true });
  const toggle = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    frame.hidden = !frame.hidden;
    toggle.setAttribute("aria-pressed", String(!frame.hidden));
    if (!frame.hidden) refresh();
  } }, "Show on the mail");
  const refresh = () => { frame.src = `v1/campaigns/${campaign.campaign_id}/preview.html?clicks=true`; };
  const element = h("section", { class: "card", "aria-labelledby": "links" },
    h("header", {}, h("h2", { id: "links" }, "Links"), toggle), body, frame);

  async function load() {
    try {
      const { items } = await api("GET", `campaigns/${campaign.campaign_id}/links`, { signal });
      toggle.hidden = !items.length;
      body.replaceChildren(items.length ? table(items) : h("p", { class: "soft" }, "This mail has no tracked links."));
      if (!frame.hidden) refresh();
    } catch (problem) {
      if (!signal.aborted) body.replaceChildren(failure(problem, load));
    }
  }
  return { element, update: load };
}

function table(items) {
  const most = Math.max(1, ...items.map(({ clicked }) => clicked));
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Links with their clicks" }, h("table", { class: "links" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Link"), h("th", { scope: "col" }, h("span", { class: "sr" }, "Share of the most clicked")),
      h("th", { scope: "col", class: "number" }, "Clicked"), h("th", { scope: "col", class: "number" }, "Rate"),
      h("th", { scope: "col", class: "number" }, "Machines only"))),
    h("tbody", {}, items.map((each) => {
      const bar = h("span", { class: "bar-fill clicked" });
      bar.style.width = `${(each.clicked / most) * 100}%`;
      return h("tr", {},
        h("td", {}, h("p", { class: "link-text" }, each.text || "(an image)"),
          h("p", { class: "note link-url", title: each.url }, each.url)),
        h("td", { class: "link-bar" }, h("span", { class: "bar-track" }, bar)),
        h("td", { class: "number" }, h("b", {}, number(each.clicked))),
        h("td", { class: "number nowrap" }, each.rate ? percent(each.rate.value) : "—"),
        h("td", { class: "number" }, number(each.clicked_machine_only)));
    }))));
}
