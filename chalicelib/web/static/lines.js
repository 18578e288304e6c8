/** Two versions of a text, line by line. Pure: nothing here needs the page, so node can test it. */

/** How many entries two lists share at their beginnings, and then at their ends. */
export function sharedEnds(one, other) {
  const shorter = Math.min(one.length, other.length);
  let head = 0;
  while (head < shorter && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  return [head, tail];
}

/** The lines in which two texts differ, with two lines of context: [of mine, of theirs]. */
export function differing(mine, theirs) {
  const texts = [mine.split("\n"), theirs.split("\n")];
  const [head, tail] = sharedEnds(...texts);
  const before = Math.max(0, head - 2);
  const after = Math.max(0, tail - 2);
  return texts.map((lines) => [
    ...(before ? ["…"] : []), ...lines.slice(before, lines.length - after), ...(after ? ["…"] : []),
  ].join("\n"));
}

/** Of what was found in a campaign's values `then`, what still holds `now`: what concerns changed lines is gone, the rest moves with its line. */
export function stillFound(findings, then, now) {
  return findings.flatMap((each) => {
    const [before, after] = [then, now].map((values) => textOf(values, each.field).split("\n"));
    const [head, tail] = sharedEnds(before, after);
    if (head === before.length && head === after.length) return [each];
    if (!each.line || (each.line > head && each.line <= before.length - tail)) return [];
    return [{ ...each, line: each.line > head ? each.line + after.length - before.length : each.line }];
  });
}

/** Whether a campaign has these values. */
export const isOf = (campaign, values) => Object.keys(values).every((name) => textOf(campaign, name) === textOf(values, name));

/** The text of a field, such as `audience.stages`; "" of none. Content that is missing is named html, in whatever format it is written later. */
function textOf(values, field) {
  const [name] = (field ?? "").split(".");
  const value = values[name] ?? (name === "html" ? values.markdown ?? values.mjml : null) ?? "";
  return typeof value === "string" ? value.replaceAll(/\r\n?/g, "\n") : JSON.stringify(value);
}
