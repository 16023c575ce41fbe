import type { IntentionPermission } from '../consul/types.ts';

/**
 * Whether a permission of an intention speaks of a call. A call of gRPC is a POST to "/package.Service/Method".
 * What asks for headers or tokens as well is more than weft looks at: it then fits if it denies and does not if
 * it allows, so that nothing is let through that Consul's own proxies would refuse.
 */
export function fitsRequest(permission: IntentionPermission, path: string): boolean {
  const { action, methods, pathExact, pathPrefix, more } = permission;
  if (more && action === 'allow') return false;
  if (methods.length > 0 && !methods.includes('POST')) return false;
  if (pathExact !== '' && path !== pathExact) return false;
  if (pathPrefix !== '' && !path.startsWith(pathPrefix)) return false;
  return fitsPattern(permission, path);
}

/** Consul's patterns are RE2 and fit the whole path. One that JavaScript cannot read is treated like headers. */
function fitsPattern({ action, pathRegex }: IntentionPermission, path: string): boolean {
  if (pathRegex === '') return true;
  try {
    return new RegExp(`^(?:${pathRegex})$`).test(path);
  } catch {
    return action !== 'allow';
  }
}
