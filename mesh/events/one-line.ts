// Enough to know what happened; headers and columns are not a log.
const longest = 500;

/**
 * A foreign text as it may stand in a header or a column: one line, no control characters (PostgreSQL
 * refuses NUL in text, and an error message may quote what an attacker sent), not longer than 500.
 */
export function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim()
    .slice(0, longest);
}
