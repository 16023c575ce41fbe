/** The contract's one call: B adds nothing but itself, so whatever goes wrong here came from C. */
import type { BServiceDefinition } from '#gen/chain/b/v1/b.ts';
import type { CServiceDefinition } from '#gen/chain/c/v1/c.ts';
import type { Client, Implementation } from '#mesh';

export interface BServiceOptions {
  readonly c: Pick<Client<CServiceDefinition>, 'ask'>;
  /** Whom callers see in `via`. */
  readonly instance: string;
}

/** chain.b.v1.BService. */
export function bService({ c, instance }: BServiceOptions): Implementation<BServiceDefinition> {
  return {
    async ask({ question }) {
      const { answer, via } = await c.ask({ question });
      return { answer, via: [...via, instance] };
    },
  };
}
