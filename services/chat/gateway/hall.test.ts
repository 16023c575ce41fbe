import { expect, test } from '@jest/globals';
import type { Guest } from './guest.ts';
import { createHall } from './hall.ts';

const guest = (): Guest => ({}) as Guest;

test('a user comes with the first connection and leaves with the last', () => {
  const hall = createHall();
  const [one, two] = [guest(), guest()];
  hall.enter('ada', one);
  hall.enter('ada', two);
  expect(hall.changes()).toEqual({ came: ['ada'], left: [] });
  hall.leave('ada', one);
  expect(hall.changes()).toEqual({ came: [], left: [] });
  expect(hall.of('ada')).toEqual([two]);
  hall.leave('ada', two);
  expect(hall.changes()).toEqual({ came: [], left: ['ada'] });
  expect(hall.users()).toEqual([]);
});

test('who comes and goes between two reports is told as gone', () => {
  const hall = createHall();
  const one = guest();
  hall.enter('ada', one);
  hall.leave('ada', one);
  expect(hall.changes()).toEqual({ came: [], left: ['ada'] });
});
