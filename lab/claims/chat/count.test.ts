import { expect, test } from '@jest/globals';
import { type Books, countAll } from './count.ts';

const books = (id: string, over: Partial<Books>): Books => ({
  ...{ id, wrote: new Map(), read: new Map(), repeated: 0 },
  ...over,
});

test('what was stored and not shown is lost, what was shown twice is doubled, and order counts', () => {
  const ada = books('ada', { wrote: new Map([['bob', ['0', '1', '2', '3']]]) });
  const bob = books('bob', { read: new Map([['ada', ['0', '2', '2', '1']]]), repeated: 1 });
  expect(countAll([ada, bob])).toEqual({ messages: 4, lost: 1, doubled: 2, disordered: 1 });
});

test('books that agree have nothing to tell', () => {
  const ada = books('ada', { wrote: new Map([['bob', ['0', '1']]]) });
  const bob = books('bob', { read: new Map([['ada', ['0', '1']]]) });
  expect(countAll([ada, bob])).toEqual({ messages: 2, lost: 0, doubled: 0, disordered: 0 });
});
