import { expect, test } from '@jest/globals';
import { MeshError } from '../kernel/error.ts';
import { createLog } from './log.ts';

function capture(): { lines: () => Record<string, unknown>[]; write: (line: string) => void } {
  const raw: string[] = [];
  return {
    write: (line) => void raw.push(line),
    lines: () => raw.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

test('a line is JSON with a level, a time, the fields of the log and those of the line', () => {
  const out = capture();
  const log = createLog({ fields: { service: 'orders' }, write: out.write });
  log.child({ instance: 'orders-1' }).info('started', { port: 7101 });
  expect(out.lines()).toEqual([
    expect.objectContaining({
      level: 'info',
      msg: 'started',
      service: 'orders',
      instance: 'orders-1',
      port: 7101,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    }),
  ]);
});

test('an error keeps its message and its cause', () => {
  const out = capture();
  const cause = new Error('ECONNREFUSED');
  createLog({ write: out.write }).error('failed', {
    err: new MeshError('orders: gone', { status: 'UNAVAILABLE', cause }),
  });
  expect(JSON.stringify(out.lines())).toContain('ECONNREFUSED');
});

test('a level below the threshold is not written', () => {
  const out = capture();
  createLog({ level: 'warn', write: out.write }).info('quiet');
  expect(out.lines()).toEqual([]);
});
