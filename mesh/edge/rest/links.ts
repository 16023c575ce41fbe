import type { JsonObject } from '@bufbuild/protobuf';
import type { FoundResource, Relation } from './resources.ts';
import { hrefOf, valuesOf } from './resources.ts';

/** JSON with links (draft-kelly-json-hal): level 3 of REST's maturity, for who asks for it. */
export const halType = 'application/hal+json';

interface HalLink {
  readonly href: string;
  /** Where it is not GET. */
  readonly method?: string;
}

/** Adds to each resource the addresses that lead on from it. */
export function addLinks(found: readonly FoundResource[]): void {
  for (const { json, relations } of found) {
    const links = relations.flatMap((relation) => {
      const all = linksOf(json, relation);
      const [first] = all;
      if (first === undefined) return [];
      return [[relation.rel, relation.isMany ? all : first]];
    });
    json['_links'] = Object.fromEntries(links) as JsonObject;
  }
}

/** The address of a resource itself, if it has one. */
export function selfOf({ json, relations }: FoundResource): string | undefined {
  const self = relations.find(({ rel }) => rel === 'self');
  return self && linksOf(json, self)[0]?.href;
}

function linksOf(json: JsonObject, relation: Relation): HalLink[] {
  const values = relation.from.length === 0 ? [undefined] : valuesOf(json, relation);
  const { verb } = relation.binding;
  return values.flatMap((value) => {
    const href = hrefOf(relation, value);
    if (href === undefined) return [];
    return [{ href, ...(verb !== 'GET' && { method: verb }) }];
  });
}
