import { describe } from '@jest/globals';
import { describeAnswers } from './transport-contract-answers.ts';
import { describeEndings } from './transport-contract-endings.ts';
import { describeFailures } from './transport-contract-failures.ts';
import { type TransportUnderTest, useRigs } from './transport-contract-rig.ts';

/**
 * What callers and handlers may rely on, however a unary call travels. Every transport runs all of it, with the
 * same expectations: that is what "they cannot tell the difference" means.
 */
export function describeTransport(transport: TransportUnderTest): void {
  const start = useRigs(transport);
  describe(`a unary call over ${transport.name}`, () => {
    describeAnswers(start, transport);
    describeFailures(start);
    describeEndings(start);
  });
}
