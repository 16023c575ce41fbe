import { expect, test } from '@jest/globals';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createArriving, type Late } from './arriving.ts';

test('requests are ended when their time is over, each at its own, and not once they are complete', () => {
  const clock = createFakeClock();
  const arriving = createArriving(clock, 1000);
  const ended: string[] = [];
  const request = (name: string): Late => {
    const late: Late = { begunMs: clock.monotonic(), late: () => ended.push(name) };
    arriving.add(late);
    return late;
  };
  request('a');
  clock.advance(400);
  const b = request('b');
  request('c');
  clock.advance(610);
  // Found late, and given a moment: what came while the event loop stood still is read by then.
  expect(ended).toEqual([]);
  clock.advance(20);
  expect(ended).toEqual(['a']);
  arriving.delete(b);
  clock.advance(2000);
  expect(ended).toEqual(['a', 'c']);
  request('d');
  clock.advance(1100);
  expect(ended).toEqual(['a', 'c', 'd']);
});
