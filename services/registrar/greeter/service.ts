import type { GreeterServiceDefinition } from '#gen/registrar/greeter/v1/greeter.ts';
import type { Implementation } from '#mesh';

/** registrar.greeter.v1.GreeterService. */
export function greeterService(greetedBy: string): Implementation<GreeterServiceDefinition> {
  return {
    greet: ({ name }) => Promise.resolve({ text: `Hello, ${name}`, greetedBy }),
  };
}
