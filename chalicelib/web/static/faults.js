/** What is wrong with which field: said beside it, and taken back once something else is typed there. */

/**
 * { show(errors), forgive(name), first() }. `controls`: an element to type into for each field, by its name in the API;
 * a field's fault is said where the place has an element with that name as `data-error`.
 */
export function faults(place, controls) {
  let known = [];
  const beside = (field) => place.querySelector(`[data-error="${CSS.escape(field)}"]`);
  const draw = (field) => {
    const reasons = known.filter((each) => each.field === field).map(({ reason, line }) => `${line ? `Line ${line}: ` : ""}${reason}`);
    beside(field).textContent = reasons.join("; ");
    controls[field].setAttribute("aria-invalid", String(reasons.length > 0));
  };
  return {
    /** From now on these are the faults. Returns those whose field is here. */
    show(errors) {
      const before = known;
      known = errors.filter(({ field }) => field in controls);
      for (const { field } of [...before, ...known]) draw(field);
      return known;
    },
    /** The field, or a part of it, says something else now. */
    forgive(name) {
      const gone = known.filter(({ field }) => `${field}.`.startsWith(`${name}.`));
      known = known.filter((each) => !gone.includes(each));
      for (const { field } of gone) draw(field);
    },
    /** The first one on the page, or undefined. */
    first() {
      return [...place.querySelectorAll("[data-error]")].map(({ dataset }) => known.find(({ field }) => field === dataset.error)).find(Boolean);
    },
  };
}
