import type { Binding } from '../rest/bindings.ts';
import type { Part } from '../rest/template.ts';

/** A place in a path into which a caller writes something. */
export interface PathParameter {
  /** As it stands in the path of the document. */
  readonly name: string;
  /** The path of the field that it fills, or helps to fill; undefined for a segment that nobody reads. */
  readonly variable: string | undefined;
  /** The pattern of the field, where this is a part of it: "shelves/*". */
  readonly partOf: string | undefined;
}

/** A template in the words of OpenAPI. */
export interface DocumentedPath {
  readonly text: string;
  readonly parameters: readonly PathParameter[];
}

/**
 * The paths of bindings. OpenAPI knows parameters of one segment each, and takes two paths that differ in the
 * names of their parameters alone for one: `{name=shelves/*}` becomes `shelves/{name}`, and whatever has the same
 * places has the names of the first.
 */
export function documentedPaths(
  bindings: readonly Binding[],
): ReadonlyMap<Binding, DocumentedPath> {
  const named = new Map<string, DocumentedPath>();
  const found = new Map<Binding, DocumentedPath>();
  for (const binding of bindings) {
    const path = documentedPath(binding);
    const places = path.text.replaceAll(/\{[^}]*\}/g, '{}');
    const first = named.get(places) ?? path;
    named.set(places, first);
    const parameters = path.parameters.map((parameter, i) => ({
      ...parameter,
      name: first.parameters[i]?.name ?? parameter.name,
    }));
    found.set(binding, { text: first.text, parameters });
  }
  return found;
}

function documentedPath({ template: { parts, verb } }: Binding): DocumentedPath {
  const parameters: PathParameter[] = [];
  const segments = parts.flatMap((part) =>
    part.pieces.map((piece) => {
      if (piece.kind === 'literal') return piece.text;
      const name = nameFor(part, parameters);
      const partOf = part.pieces.length > 1 ? patternOf(part) : undefined;
      parameters.push({ name, variable: part.variable, partOf });
      return `{${name}}`;
    }),
  );
  const text = `/${segments.join('/')}${verb === '' ? '' : `:${verb}`}`;
  return { text, parameters };
}

/** The field, numbered where it has several segments; "segment1" for what nobody reads. */
function nameFor({ variable, pieces }: Part, taken: readonly PathParameter[]): string {
  if (variable === undefined) return `segment${String(taken.length + 1)}`;
  const open = pieces.filter(({ kind }) => kind !== 'literal').length;
  if (open === 1) return variable;
  const before = taken.filter((parameter) => parameter.variable === variable).length;
  return `${variable}_${String(before + 1)}`;
}

const signs = { one: '*', many: '**' } as const;

function patternOf({ pieces }: Part): string {
  return pieces
    .map((piece) => (piece.kind === 'literal' ? piece.text : signs[piece.kind]))
    .join('/');
}
