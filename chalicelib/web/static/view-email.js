/** A campaign's email, as it was written for everybody, in a dialog. Nothing in it can be changed. */

import { h, style, withoutTags } from "./app.js";
import { tell } from "./dialogs.js";
import { readable } from "./idn.js";
import { toggles } from "./parts.js";

const WIDTHS = { desktop: "100%", phone: "380px" };

export async function viewEmail({ campaign_id: id, title, subject, from_name: name, from_email: address }) {
  await style("send-dialogs.css");
  const frame = h("iframe", { class: "framed view-email", sandbox: "", title: "The email", src: `v1/campaigns/${id}/preview.html` });
  const sizes = toggles("Show as", { desktop: "Desktop", phone: "Phone" }, (size) => {
    frame.style.width = WIDTHS[size];
    sizes.press(size);
  });
  sizes.press("desktop");
  tell(title,
    h("p", {}, h("b", {}, withoutTags(subject)), h("span", { class: "note" }, ` from ${name ? `${name} · ` : ""}${readable(address)}`)),
    h("div", { class: "bar" }, sizes.element, h("p", { class: "note" }, "Merge tags show their default values.")), frame);
}
