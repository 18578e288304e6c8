import { h } from "./app.js";
import { sentence } from "./campaign-words.js";

/** A field: its label, `shown` (by default the control, which has an id), a note, the place for the errors of `path`, and more. */
export const labelled = (label, control, path, help, shown = control, ...more) => h("div", { class: "field" },
  h("label", { for: control.id }, label), shown, help !== undefined && h("p", { class: "note", id: `${control.id}-help` }, help),
  h("p", { class: "error", id: `${control.id}-error`, "data-error": path }), more);

/**
 * Errors beside their fields: { show(errors), clear(name), all(), first() }. `controls`: the input of each field by its name
 * in the API. A field's error is shown in the element that has the name as `data-error`, and called by the label before it.
 */
export function fieldErrors(place, controls) {
  let known = [];
  const beside = (field) => place.querySelector(`[data-error="${CSS.escape(field)}"]`);
  const labelOf = (field) => {
    let before = beside(field);
    while (before && !before.matches("label, .label")) before = before.previousElementSibling;
    return (before?.textContent || controls[field]?.ariaLabel || "").replace(/ \(.*/, "");
  };
  const draw = (field) => {
    const errors = known.filter((each) => each.field === field);
    beside(field)?.replaceChildren(...errors.map(({ text, line }) => h("span", { class: line && "at-line" }, text)));
    controls[field]?.setAttribute("aria-invalid", String(errors.length > 0));
  };
  /** The first error of each field, in the order of the page, with its `label` and `text`. */
  const all = () => [...place.querySelectorAll("[data-error]")].map(({ dataset }) => known.find(({ field }) => field === dataset.error)).filter(Boolean);
  return {
    /** Replace the errors shown. Returns those whose field is in this form. */
    show(errors) {
      const before = known;
      known = errors.filter(({ field }) => field in controls).map((each) => {
        const label = labelOf(each.field);
        // An input has one line.
        const line = controls[each.field].localName === "textarea" ? each.line : null;
        return { ...each, label, line, text: line ? `Line ${line}: ${each.reason}` : sentence(label, each.reason) };
      });
      for (const { field } of [...before, ...known]) draw(field);
      return known;
    },
    /** Remove the errors of a field that has been changed, and of its parts. */
    clear(name) {
      const gone = known.filter(({ field }) => `${field}.`.startsWith(`${name}.`));
      known = known.filter((each) => !gone.includes(each));
      for (const { field } of gone) draw(field);
    },
    all, first: () => all()[0],
  };
}
