/** Modal dialogs: a question before something happens, and a message that must be read. */

import { button, failure, fill, h } from "./app.js";
import { sentence } from "./campaign-words.js";
import { fieldErrors } from "./field-errors.js";
import { disabledDuring } from "./parts.js";

function open(title, ...children) {
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
    h("h2", { id: "dialog-title" }, title), children);
  document.body.append(dialog);
  dialog.showModal();
  addEventListener("hashchange", () => dialog.close(), { once: true });
  return dialog;
}

/**
 * Ask, and call `run` with the form's data on yes. Its errors are shown in the dialog, and it can be tried again.
 * Resolves to what `run` returned, or to null when the dialog was dismissed. `other`: a third answer, as
 * { label, value }, that resolves to its value.
 *
 * `controls`: the fields that errors are shown beside, by their names in the API. `prepare()`: what has to be loaded
 * first; it gives the words of the button, or "" if there is nothing to say yes to.
 */
export function confirm({ title, text, fields = [], action, dismiss = "Cancel", other, danger = false, controls = {}, prepare, run }) {
  return new Promise((resolve) => {
    const error = h("p", { class: "error", role: "alert" });
    const yes = h("button", { class: danger ? "danger" : "primary" }, action);
    const submit = async (data) => {
      error.textContent = "";
      try {
        const answer = await run(data);
        resolve(answer ?? true);
        dialog.close();
      } catch (problem) {
        const [first] = errors.show(problem.errors || []);
        if (first) return controls[first.field].focus();
        error.textContent = sentence("", problem.message);
        error.scrollIntoView({ block: "nearest" });
      }
    };
    const loading = h("div");
    const load = async () => {
      yes.disabled = true;
      fill(loading, h("p", { class: "soft", role: "status" }, "Checking…"));
      try {
        const words = await prepare();
        yes.hidden = !words;
        yes.textContent = words;
        yes.disabled = false;
        loading.replaceChildren();
      } catch (problem) {
        fill(loading, failure(problem, load));
      }
    };
    const dialog = open(title, text && h("p", {}, text),
      h("form", { class: "stack", onsubmit: (event) => {
        event.preventDefault();
        disabledDuring(yes, () => submit(new FormData(event.target)));
      }, oninput: () => { error.textContent = ""; errors.show([]); } }, fields, loading, error,
        h("div", { class: "actions" }, button(dismiss, () => dialog.close()),
          other && button(other.label, () => { resolve(other.value); dialog.close(); }), yes)));
    const errors = fieldErrors(dialog, controls);
    dialog.addEventListener("close", () => resolve(null));
    if (prepare) load();
  });
}

export function tell(title, ...children) {
  const dialog = open(title, children, h("div", { class: "actions" }, button("Close", () => dialog.close(), { class: "primary" })));
}
