/** The contract's one call: the chain's answer, or what A falls back to. */
import { type AServiceDefinition, Source } from '#gen/chain/a/v1/a.ts';
import type { BServiceDefinition } from '#gen/chain/b/v1/b.ts';
import type { Client, Implementation } from '#mesh';
import type { Answer, Recoverer } from './recovery.ts';

export interface AServiceOptions {
  readonly b: Pick<Client<BServiceDefinition>, 'ask'>;
  readonly recoverer: Recoverer;
  /** Whom callers see in `via`. */
  readonly instance: string;
}

const sources: Record<Answer['source'], Source> = {
  chain: Source.CHAIN,
  default: Source.DEFAULT,
  last: Source.LAST_ANSWER,
};

/** chain.a.v1.AService. */
export function aService({
  b,
  recoverer,
  instance,
}: AServiceOptions): Implementation<AServiceDefinition> {
  return {
    async ask({ question }) {
      const { answer, via, source } = await recoverer.answer(() => b.ask({ question }));
      return { answer, via: [...via, instance], source: sources[source] };
    },
  };
}
