/** Splits a file of leads into pieces small enough for the API: whole records, each CSV piece with the file's header. */

const MOST_LINES = 1000;
const MOST_CHARACTERS = 1_000_000;

/**
 * Pieces of a text as { text, firstLine }: line `n` of a piece (its header being line 1) is line `firstLine + n - 2` of
 * the file; for NDJSON, which has no header, `firstLine + n - 1`.
 */
export function* pieces(text, isCsv) {
  const records = recordsOf(text, isCsv);
  const header = isCsv ? records.next().value : null;
  if (isCsv && !header) return;
  const headerLines = header ? header.lines : 0;
  let held = [];
  let size = 0;
  let firstLine = headerLines + 1;
  let line = firstLine;
  const piece = () => ({
    text: `${header ? header.text : ""}${held.join("")}`, firstLine: firstLine - (headerLines ? headerLines - 1 : 0), count: held.length,
  });
  for (const record of records) {
    if (held.length === MOST_LINES || (held.length && size + record.text.length > MOST_CHARACTERS)) {
      yield piece();
      held = [];
      size = 0;
      firstLine = line;
    }
    held.push(record.text);
    size += record.text.length;
    line += record.lines;
  }
  if (held.length) yield piece();
}

/** Records with their line endings. In CSV a quoted cell may contain line breaks. */
function* recordsOf(text, isCsv) {
  let start = 0;
  let lines = 1;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (isCsv && character === 34) quoted = !quoted;
    else if (character === 10) {
      if (quoted) lines += 1;
      else {
        yield { text: text.slice(start, at + 1), lines };
        start = at + 1;
        lines = 1;
      }
    }
  }
  if (start < text.length) yield { text: text.slice(start), lines };
}
