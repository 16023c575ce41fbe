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
  const services = Map.groupBy(image.services, defaultTarget);
  return (target) =>
    services
      .get(target)
      ?.flatMap((name) => image.registry.getService(name)?.methods.map(methodOf) ?? []);
}

/** By the number in google.protobuf.MethodOptions.IdempotencyLevel. */
const idempotency: readonly Idempotency[] = ['unknown', 'no-side-effects', 'idempotent'];

function methodOf(method: DescMethod): PolicyMethod {
  return { name: method.name, idempotency: idempotency[method.idempotency] ?? 'unknown' };
}
