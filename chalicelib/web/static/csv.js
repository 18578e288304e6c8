/** CSV: splits a file into pieces small enough for the API, without decoding it, and writes tables for spreadsheets. */

import { DELIMITER } from "./download.js";

const MOST_LINES = 1000;
const MOST_BYTES = 1_000_000;
/** After so many lines the server gives up a quote that is never closed, and goes on at the line after its first. */
const MOST_LINES_A_RECORD = 500;
const [QUOTE, LINE_FEED, RETURN] = [34, 10, 13];

/**
 * Whole records of a file in pieces: { body, count, last, line(number) }. `body` is a Blob that begins with the header,
 * `count` its records, `last` the file's line on which it ends; `line` makes the file's line number of the piece's.
 * `header`: its line; 0: none. `delimiter`: null for a file that is not CSV. In every encoding but UTF-16 the bytes of
 * quotes and line ends mean nothing else.
 */
export function pieces(bytes, { header, delimiter }) {
  const found = [];
  let head = null;
  let piece = null;
  for (const record of recordsOf(bytes, delimiter)) {
    if (record.line < header) continue;
    if (header && !head) {
      head = record;
      continue;
    }
    if (!piece || piece.count === MOST_LINES || record.end - piece.start > MOST_BYTES) {
      piece = { start: record.start, end: record.end, first: record.line, count: 0, last: 0 };
      found.push(piece);
    }
    piece.end = record.end;
    piece.last = record.line + record.lines - 1;
    if (!record.isEmpty) piece.count += 1;
  }
  return found.filter(({ count }) => count).map(({ start, end, first, count, last }) => ({
    body: new Blob([...(head ? [bytes.subarray(head.start, head.end)] : []), bytes.subarray(start, end)]),
    count,
    last,
    line: (number) => (number <= (head?.lines || 0) ? header + number - 1 : number - (head?.lines || 0) + first - 1),
  }));
}

/** Records as { start, end, line, lines, isEmpty }. In CSV a quoted cell may contain line breaks. */
function* recordsOf(bytes, delimiter) {
  const separator = delimiter?.charCodeAt(0);
  let record = { start: 0, line: 1, lines: 1 };
  let firstEnd = null;
  let quoted = false;
  let isEmpty = true;
  let at = 0;
  const next = (end) => {
    const whole = { ...record, end, isEmpty };
    record = { start: end, line: record.line + record.lines, lines: 1 };
    [firstEnd, quoted, isEmpty] = [null, false, true];
    return whole;
  };
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === LINE_FEED || (byte === RETURN && bytes[at + 1] !== LINE_FEED)) {
      firstEnd ??= at + 1;
      if (quoted && record.lines === MOST_LINES_A_RECORD) {
        record.lines = 1;
        at = firstEnd - 1;
        quoted = false;
      }
      if (quoted) record.lines += 1;
      else yield next(at + 1);
    } else if (byte !== RETURN) {
      const before = at > record.start ? bytes[at - 1] : separator;
      // A quote opens a cell only at its beginning; after a closing quote, another one is part of the text.
      if (delimiter && byte === QUOTE && (quoted || before === separator || before === QUOTE)) quoted = !quoted;
      isEmpty = false;
    }
  }
  if (at > record.start) yield next(at);
}

/**
 * A table as CSV that spreadsheet programs open: with a byte order mark, and an apostrophe before what they take for a
 * formula, phone numbers too, as in the API's exports. Imports take it away; cells that have one already stay as they are.
 */
export const csvOf = (rows) => `\ufeff${rows.map((cells) => cells.map(cellOf).join(DELIMITER)).join("\r\n")}\r\n`;

const cellOf = (value) => `"${String(value).replace(/^ *[=+\-@＝＋－＠\t\r\n]/, "'$&").replaceAll('"', '""')}"`;
