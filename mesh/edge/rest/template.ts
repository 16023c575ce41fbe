import { MeshError } from '../../kernel/error.ts';

/**
 * Path templates of google.api.http (google/api/http.proto):
 *
 *   Template = "/" Segments [ ":" LITERAL ]      Segment  = "*" | "**" | LITERAL | Variable
 *   Segments = Segment { "/" Segment }           Variable = "{" FieldPath [ "=" Segments ] "}"
 */
export interface Template {
  /** As it was written. */
  readonly text: string;
  /** The field paths of its variables, in order. */
  readonly variables: readonly string[];
  /** The custom verb behind the last colon; empty without one. */
  readonly verb: string;
  /** What a path gives its variables; undefined for a path that is not of this template. */
  match(path: string): ReadonlyMap<string, string> | undefined;
  /** The path for these values; undefined where one is missing or cannot stand in its place. */
  expand(values: ReadonlyMap<string, string>): string | undefined;
  /** The order in which templates are tried: the smaller one first. */
  readonly rank: string;
  /** Equal for templates that match the same paths. */
  readonly shape: string;
  /** What it consists of, from left to right, without its verb. */
  readonly parts: readonly Part[];
}

type Piece =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'many' };

export interface Part {
  readonly pieces: readonly Piece[];
  /** The field path, where the pieces are those of a variable. */
  readonly variable: string | undefined;
}

/** Reads a template. Throws INVALID_ARGUMENT / INVALID_TEMPLATE, naming the place. */
export function parseTemplate(text: string): Template {
  const { path, verb } = splitVerb(text);
  if (!path.startsWith('/')) throw invalid(text, 'it must begin with "/"');
  const parts = splitSegments(path.slice(1)).map((segment) => parsePart(segment, text));
  const pieces = parts.flatMap((part) => part.pieces);
  const many = pieces.findIndex(({ kind }) => kind === 'many');
  if (many >= 0 && many !== pieces.length - 1) throw invalid(text, '"**" must be its last segment');
  const variables = parts.flatMap(({ variable }) => variable ?? []);
  const twice = variables.find((name, i) => variables.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(text, `{${twice}} stands in it twice`);
  const expression = new RegExp(`^${parts.map(patternOf).join('')}${verbPattern(verb)}$`);
  return {
    ...{ text, variables, verb, rank: rankOf(pieces, verb), shape: shapeOf(pieces, verb), parts },
    match: (given) => matched(parts, expression.exec(given)),
    expand: (values) => expanded(parts, verb, values),
  };
}

/** The verb stands behind the last colon that no brace holds. */
function splitVerb(text: string): { path: string; verb: string } {
  const colon = text.lastIndexOf(':');
  if (colon < 0 || text.includes('}', colon)) return { path: text, verb: '' };
  const verb = text.slice(colon + 1);
  if (!literal.test(verb)) throw invalid(text, `":${verb}" is no verb`);
  return { path: text.slice(0, colon), verb };
}

/** Splits at slashes that no brace holds. */
function splitSegments(path: string): string[] {
  return path.split(/\/(?![^{]*\})/);
}

const literal = /^[A-Za-z0-9._~!$&'()+,;@%-]+$/;
const fieldPath = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;

function parsePart(segment: string, text: string): Part {
  const held = /^\{([^={}]*)(?:=([^{}]*))?\}$/.exec(segment);
  if (held === null) return { pieces: [parsePiece(segment, text)], variable: undefined };
  const [, variable = '', inside = '*'] = held;
  if (!fieldPath.test(variable)) throw invalid(text, `"${variable}" is no path of a field`);
  return { pieces: inside.split('/').map((piece) => parsePiece(piece, text)), variable };
}

function parsePiece(piece: string, text: string): Piece {
  if (piece === '*') return { kind: 'one' };
  if (piece === '**') return { kind: 'many' };
  if (literal.test(piece)) return { kind: 'literal', text: piece };
  throw invalid(text, piece === '' ? 'a segment is empty' : `"${piece}" is no segment`);
}

/** What a variable takes is the one group of its part; the slash before it is not its own. */
function patternOf({ pieces, variable }: Part): string {
  const [first = { kind: 'many' }, ...others] = pieces;
  const behind = others.map((piece) => piecePattern(piece, '')).join('');
  const capture = variable === undefined ? '' : '()';
  if (first.kind === 'many' || capture === '') return piecePattern(first, capture) + behind;
  return `/(${piecePattern(first, '').slice(1)}${behind})`;
}

/** "**" takes nothing too, with or without its slash; but not what only begins like the segment before it. */
function piecePattern(piece: Piece, capture: '' | '()'): string {
  if (piece.kind === 'one') return '/[^/]+';
  if (piece.kind === 'many') return capture === '' ? '(?:/.*)?' : '(?:/(.*))?';
  return `/${escaped(piece.text)}`;
}

function verbPattern(verb: string): string {
  return verb === '' ? '' : `:${escaped(verb)}`;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
}

function matched(
  parts: readonly Part[],
  found: RegExpExecArray | null,
): ReadonlyMap<string, string> | undefined {
  if (found === null) return undefined;
  const named = parts.filter(({ variable }) => variable !== undefined);
  const values = new Map<string, string>();
  for (const [i, { variable = '', pieces }] of named.entries()) {
    const value = decoded(found[i + 1] ?? '', isMany(pieces));
    if (value === undefined) return undefined;
    values.set(variable, value);
  }
  return values;
}

/** In what spans segments an encoded slash stays as it is: it would be taken for one between segments. */
function decoded(text: string, many: boolean): string | undefined {
  try {
    if (!many) return decodeURIComponent(text);
    return text
      .split(/(%2f)/i)
      .map((each) => (/^%2f$/i.test(each) ? each : decodeURIComponent(each)))
      .join('');
  } catch {
    return undefined;
  }
}

function isMany(pieces: readonly Piece[]): boolean {
  return pieces.length > 1 || pieces[0]?.kind === 'many';
}

function expanded(
  parts: readonly Part[],
  verb: string,
  values: ReadonlyMap<string, string>,
): string | undefined {
  const segments: string[] = [];
  for (const { pieces, variable } of parts) {
    if (variable === undefined) {
      const text = pieces.map((piece) => (piece.kind === 'literal' ? piece.text : undefined));
      if (text.includes(undefined)) return undefined;
      segments.push(text.join('/'));
      continue;
    }
    const value = values.get(variable) ?? '';
    if (value === '' && pieces[0]?.kind !== 'many') return undefined;
    segments.push(encoded(value, isMany(pieces)));
  }
  const path = `/${segments.join('/')}`;
  return verb === '' ? path : `${path}:${verb}`;
}

function encoded(value: string, many: boolean): string {
  if (!many) return encodeURIComponent(value);
  return value
    .split(/(\/|%2f)/i)
    .map((each) => (/^(\/|%2f)$/i.test(each) ? each : encodeURIComponent(each)))
    .join('');
}

const ranks = { literal: 'a', one: 'b', many: 'c' } as const;

/** With a verb first, for a variable takes colons too; then segment by segment, what is said before what is open. */
function rankOf(pieces: readonly Piece[], verb: string): string {
  return (verb === '' ? 'b' : 'a') + pieces.map(({ kind }) => ranks[kind]).join('');
}

function shapeOf(pieces: readonly Piece[], verb: string): string {
  const words = pieces.map((piece) => (piece.kind === 'literal' ? piece.text : `{${piece.kind}}`));
  return `${words.join('/')}:${verb}`;
}

function invalid(text: string, why: string): MeshError {
  return new MeshError(`the path template ${JSON.stringify(text)} cannot be meant: ${why}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_TEMPLATE',
  });
}
