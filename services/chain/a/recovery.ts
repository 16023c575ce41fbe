/**
 * What the head of a chain can do when the chain does not answer: pass the error on, say something that is
 * always right, or repeat what it heard last. Which of them is good is a question of the business, not of
 * the network: an old stock figure may be better than none, an old account balance is not.
 */
export type Recovery = 'error' | 'default' | 'last';

export interface Answer {
  readonly answer: string;
  readonly via: readonly string[];
  readonly source: 'chain' | 'default' | 'last';
}

export interface Recoverer {
  /** The answer of `ask`; when it throws, what there is instead, or what it threw. */
  answer(ask: () => Promise<Omit<Answer, 'source'>>): Promise<Answer>;
}

/** Right whatever C would have said. */
export const defaultAnswer = 'nobody knows at the moment';

export function createRecoverer(recovery: Recovery): Recoverer {
  let last: Answer | undefined;
  return {
    async answer(ask) {
      try {
        const heard: Answer = { ...(await ask()), source: 'chain' };
        last = { ...heard, source: 'last' };
        return heard;
      } catch (thrown) {
        if (recovery === 'default') return { answer: defaultAnswer, via: [], source: 'default' };
        // Nothing was heard yet: there is nothing to repeat.
        if (recovery === 'last' && last !== undefined) return last;
        throw thrown;
      }
    },
  };
}
