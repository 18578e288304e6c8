/** Questions before something happens that cannot be taken back. */

import { h } from "./app.js";

/**
 * Ask, and do it: `run` is called when the answer is yes, its errors are shown in the dialog, and it may be tried again.
 * `fields`: elements to fill in, in a form whose data `run` gets. Resolves to what `run` gave, or null when left.
 */
export function confirm({ title, text, fields = [], action, danger = false, run }) {
  return new Promise((resolve) => {
    const error = h("p", { class: "error", role: "alert" });
    const yes = h("button", { class: danger ? "danger" : "primary" }, action);
    const submit = async (event) => {
      event.preventDefault();
      error.textContent = "";
      yes.disabled = true;
      try {
        const answer = await run(new FormData(event.target));
        resolve(answer ?? true);
        dialog.close();
      } catch (problem) {
        error.textContent = problem.message;
      } finally {
        yes.disabled = false;
      }
    };
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
      h("h2", { id: "dialog-title" }, title), text && h("p", {}, text),
      h("form", { class: "stack", onsubmit: submit, oninput: () => { error.textContent = ""; } }, fields, error,
        h("div", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, "Not now"), yes)));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(null); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Say something that must be read. */
export function tell(title, ...children) {
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    h("h2", { id: "dialog-title" }, title), children,
    h("div", { class: "actions" }, h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
