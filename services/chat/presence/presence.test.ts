import { expect, test } from '@jest/globals';
import { presenceOf } from './presence.ts';

test('a user is there as long as one gateway that is heard of says so', () => {
  const visits = [
    { userId: 'ada', untilMs: 900 },
    { userId: 'ada', untilMs: 1100 },
  ];
  const facts = { visits, farewellMs: 500 };
  expect(presenceOf('ada', facts, 1000)).toEqual({
    ...{ userId: 'ada', online: true, lastSeenMs: undefined },
  });
  expect(presenceOf('ada', facts, 1200)).toMatchObject({ online: false, lastSeenMs: 1100 });
});

test('who was never seen has no moment of leaving', () => {
  const never = { visits: [], farewellMs: undefined };
  expect(presenceOf('eve', never, 1000)).toEqual({
    ...{ userId: 'eve', online: false, lastSeenMs: undefined },
  });
});
