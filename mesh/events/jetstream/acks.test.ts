import { expect, test } from '@jest/globals';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createAcks } from './acks.ts';

function setUp() {
  const clock = createFakeClock();
  const acks = createAcks(clock);
  const sent: number[] = [];
  const ack = (nth: number): void => {
    acks.send(() => sent.push(nth));
  };
  return { clock, acks, sent, ack };
}

test('an ack after a pause leaves at once', () => {
  const { clock, sent, ack } = setUp();
  ack(1);
  expect(sent).toEqual([1]);
  clock.advance(10);
  ack(2);
  expect(sent).toEqual([1, 2]);
});

test('acks that follow one closely leave together, in their order', () => {
  const { clock, sent, ack } = setUp();
  ack(1);
  ack(2);
  clock.advance(1);
  ack(3);
  expect(sent).toEqual([1]);
  clock.advance(1);
  expect(sent).toEqual([1, 2, 3]);
  ack(4);
  expect(sent).toEqual([1, 2, 3]);
  clock.advance(2);
  expect(sent).toEqual([1, 2, 3, 4]);
});

test('a flush sends what waits, once', () => {
  const { clock, acks, sent, ack } = setUp();
  ack(1);
  ack(2);
  acks.flush();
  clock.advance(10);
  expect(sent).toEqual([1, 2]);
});
