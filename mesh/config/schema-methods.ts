import type { DescMethod } from '@bufbuild/protobuf';
import type { Idempotency } from '../kernel/call.ts';
import { defaultTarget } from '../schema/definition.ts';
import type { Image } from '../schema/image.ts';
import type { MethodsOf, PolicyMethod } from './policy-schema.ts';

/**
 * The methods of a target as an image knows them: those of the services that are found under this name
 * unless somebody says otherwise. Undefined for a target of which the image knows no service.
 */
export function methodsInImage(image: Image): MethodsOf {
  const byTarget = new Map<string, PolicyMethod[]>();
  for (const name of image.services) {
    const methods = image.registry.getService(name)?.methods ?? [];
    const target = defaultTarget(name);
    byTarget.set(target, [...(byTarget.get(target) ?? []), ...methods.map(methodOf)]);
  }
  return (target) => byTarget.get(target);
}

/** By the number in google.protobuf.MethodOptions.IdempotencyLevel. */
const idempotency: readonly Idempotency[] = ['unknown', 'no-side-effects', 'idempotent'];

function methodOf(method: DescMethod): PolicyMethod {
  return { name: method.name, idempotency: idempotency[method.idempotency] ?? 'unknown' };
}
