import { MeshError } from '../../kernel/error.ts';
import type { Binding } from './bindings.ts';

/** A binding that a request asks for, and what its path says. */
export interface Found {
  readonly binding: Binding;
  readonly variables: ReadonlyMap<string, string>;
}

export interface Router {
  /**
   * The binding for a request; undefined if the path is none of REST's. Throws UNIMPLEMENTED /
   * METHOD_NOT_ALLOWED where there is something at the path, but not under this verb.
   */
  find(verb: string, url: URL): Found | undefined;
}

/** The parameter that says a verb where a caller cannot put it into the path: `?action=cancel` for `:cancel`. */
export const actionParameter = 'action';

export function createRouter(bindings: readonly Binding[]): Router {
  const sorted = [...bindings].sort((a, b) => (a.template.rank < b.template.rank ? -1 : 1));

  function findAll(path: string): Found[] {
    return sorted.flatMap((binding) => {
      const variables = binding.template.match(path);
      return variables === undefined ? [] : [{ binding, variables }];
    });
  }

  return {
    find(given, { pathname, searchParams }) {
      const verb = given === 'HEAD' ? 'GET' : given;
      const action = searchParams.get(actionParameter);
      const path = pathname.length > 1 ? pathname.replace(/\/$/, '') : pathname;
      const acted = action === null ? [] : findAll(`${path}:${action}`).filter(hasVerb);
      const found = acted.length > 0 ? acted : findAll(path);
      const match = found.find(({ binding }) => binding.verb === verb);
      if (match !== undefined || found.length === 0) return match;
      throw notAllowed(given, pathname, [...new Set(found.map(({ binding }) => binding.verb))]);
    },
  };
}

function hasVerb({ binding }: Found): boolean {
  return binding.template.verb !== '';
}

function notAllowed(verb: string, path: string, allowed: readonly string[]): MeshError {
  const allow = allowed.join(', ');
  return new MeshError(`${path} knows no ${verb}; it knows ${allow}`, {
    status: 'UNIMPLEMENTED',
    reason: 'METHOD_NOT_ALLOWED',
    details: { facts: { allow } },
  });
}
