import { type Html, html } from '../html.ts';
import type { Verdict } from '../judge.ts';

/** A verdict is said by a sign and a word, so that it does not need a colour. */
const signs: Readonly<Record<Verdict, readonly [sign: string, word: string]>> = {
  failing: ['✗', 'failing'],
  uneasy: ['!', 'not well'],
  well: ['✓', 'well'],
  idle: ['·', 'quiet'],
};

export function signOf(verdict: Verdict): string {
  return signs[verdict][0];
}

export function wordOf(verdict: Verdict): string {
  return signs[verdict][1];
}

/** The mark of a row. */
export function mark(verdict: Verdict): Html {
  const [sign, word] = signs[verdict];
  return html`<span class="mark ${verdict}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
}

/** "14:03:07"; the page is read where the mesh runs, or its people are. */
export function clockTime(wallMs: number): string {
  return new Date(wallMs).toLocaleTimeString('en-GB');
}

/** Time since then in its largest unit, as "12 s" or "3 h". */
export function since(thenMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - thenMs) / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}

/** The last part of a full name, as "PlaceOrder". */
export function lastPart(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1);
}
