import { expect, test } from '@jest/globals';
import { after, instanceIdOf, parseWatched } from './watched.ts';

test('what is watched is read from one line', () => {
  const [one, two] = parseWatched('greeter=127.0.0.1:7181, other=host:1');
  expect(one).toEqual({ service: 'greeter', host: '127.0.0.1', port: 7181 });
  expect(two && instanceIdOf(two)).toBe('other-1');
  expect(() => parseWatched('greeter')).toThrow('use service=host:port');
});

test('who answers is registered at once; who does not is taken out after three looks', () => {
  expect(after({ registered: false, failures: 0 })).toBe('register');
  expect(after({ registered: true, failures: 0 })).toBe('nothing');
  expect(after({ registered: true, failures: 2 })).toBe('nothing');
  expect(after({ registered: true, failures: 3 })).toBe('take out');
  expect(after({ registered: false, failures: 9 })).toBe('nothing');
});
