import { describe } from '../../kernel/error.ts';
import { EntryFault } from './fault.ts';

const longestPattern = 256;

/**
 * A regular expression of Consul (Go's RE2) as one of JavaScript; throws EntryFault for what does not mean
 * the same here. `whole`: it must match all of the text, as Envoy and Consul's routers have it.
 *
 * RE2 takes time that grows with the text; JavaScript's engine may take for ever, in every process that
 * calls the service. So a repeated group that repeats or chooses inside itself is refused.
 */
export function patternOf(source: string, whole: boolean): (text: string) => boolean {
  if (source.length > longestPattern) {
    throw new EntryFault(`a pattern of more than ${longestPattern} characters`);
  }
  const folds = source.startsWith('(?i)');
  const body = folds ? source.slice('(?i)'.length) : source;
  const named = JSON.stringify(source);
  if (/\(\?(?!:)|\\[1-9kpPQECzA]|\[\[:/.test(body)) {
    throw new EntryFault(`the pattern ${named} uses what not every engine of patterns knows`);
  }
  if (mayExplode(body)) {
    throw new EntryFault(
      `the pattern ${named} repeats a group that repeats or chooses: that may take for ever`,
    );
  }
  try {
    const pattern = new RegExp(whole ? `^(?:${body})$` : body, folds ? 'iu' : 'u');
    return (text) => pattern.test(text);
  } catch (thrown) {
    throw new EntryFault(`the pattern ${named} is none: ${describe(thrown)}`);
  }
}

/** Whether a group that holds a repetition or an alternative is itself repeated without bound. */
function mayExplode(pattern: string): boolean {
  // Escapes and classes are one character each, whatever they hold.
  const plain = pattern.replace(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]/gs, 'c');
  const open: boolean[] = [];
  let busy = false;
  for (let at = 0; at < plain.length; at++) {
    const char = plain[at];
    const repeated = /^(?:[*+]|\{\d+(?:,\d*)?\})/.test(plain.slice(at + 1));
    if (char === '(') {
      open.push(busy);
      busy = false;
    } else if (char === ')') {
      if (busy && repeated) return true;
      busy = busy || repeated || (open.pop() ?? false);
    } else if (char === '|' || repeated) busy = true;
  }
  return false;
}
