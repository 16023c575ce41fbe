import { describe, expect, test } from '@jest/globals';
import { MeshError } from '#mesh';
import { createRecoverer, defaultAnswer } from './recovery.ts';

const broken = new MeshError('b: nobody answers', { status: 'UNAVAILABLE' });
const fails = (): Promise<never> => Promise.reject(broken);
const answers = (answer: string) => () => Promise.resolve({ answer, via: ['c-1', 'b-1'] });

describe('while the chain is well', () => {
  test.each(['error', 'default', 'last'] as const)(
    'its answer is passed on (%s)',
    async (recovery) => {
      const heard = await createRecoverer(recovery).answer(answers('42'));
      expect(heard).toEqual({ answer: '42', via: ['c-1', 'b-1'], source: 'chain' });
    },
  );
});

describe('while the chain is broken', () => {
  test('the error is passed on', async () => {
    await expect(createRecoverer('error').answer(fails)).rejects.toBe(broken);
  });

  test('a default is given, and says what it is', async () => {
    const heard = await createRecoverer('default').answer(fails);
    expect(heard).toEqual({ answer: defaultAnswer, via: [], source: 'default' });
  });

  test('the last answer is repeated, and says what it is', async () => {
    const { answer } = createRecoverer('last');
    await answer(answers('1'));
    await answer(answers('2'));
    expect(await answer(fails)).toMatchObject({ answer: '2', source: 'last' });
    expect(await answer(fails)).toMatchObject({ answer: '2', source: 'last' });
  });

  test('and nothing was heard before, the error is passed on', async () => {
    await expect(createRecoverer('last').answer(fails)).rejects.toBe(broken);
  });
});
