import type { GreeterServiceDefinition } from '#gen/registrar/greeter/v1/greeter.ts';
import type { Client, Implementation } from '#mesh';

/** The greeter's contract, handed on. */
export function proxyService(
  greeter: Client<GreeterServiceDefinition>,
): Implementation<GreeterServiceDefinition> {
  return { greet: (request) => greeter.greet(request) };
}
