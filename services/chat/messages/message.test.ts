import { expect, test } from '@jest/globals';
import { acknowledgedAt, bySender, isSameDraft } from './message.ts';

const draft = { sender: 'ada', recipient: 'bob', clientId: 'c1', text: 'hello' };

test('a repeated request is the same message only with the same words to the same person', () => {
  expect(isSameDraft(draft, { ...draft })).toBe(true);
  expect(isSameDraft(draft, { ...draft, text: 'goodbye' })).toBe(false);
  expect(isSameDraft(draft, { ...draft, recipient: 'eve' })).toBe(false);
});

test('a mailbox is acknowledged neither less than before nor further than it goes', () => {
  const mailbox = { acknowledged: 3, last: 7 };
  expect([0, 3, 5, 7, 99].map((place) => acknowledgedAt(mailbox, place))).toEqual([3, 3, 5, 7, 7]);
});

test('what was sent is told to each sender once, in order', () => {
  const messages = [
    { sender: 'ada', clientId: 'a1' },
    { sender: 'eve', clientId: 'e1' },
    { sender: 'ada', clientId: 'a2' },
  ];
  expect([...bySender(messages)]).toEqual([
    ['ada', ['a1', 'a2']],
    ['eve', ['e1']],
  ]);
});
