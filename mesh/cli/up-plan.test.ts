import { describe, expect, test } from '@jest/globals';
import { parsePortBase, parseScale } from './up-plan.ts';

describe('what is given on the command line', () => {
  test('scales are read with commas or spaces', () => {
    expect(parseScale('inventory=3,payments=2')).toEqual({ inventory: 3, payments: 2 });
    expect(parseScale(' inventory=3 payments=0 ')).toEqual({ inventory: 3, payments: 0 });
    expect(parseScale('')).toEqual({});
    expect(() => parseScale('inventory')).toThrow(/"inventory" is no count/);
    expect(() => parseScale('inventory=-1')).toThrow(/"inventory=-1" is no count/);
  });

  test('a base for ports leaves room below and above', () => {
    expect(parsePortBase('7300')).toBe(7300);
    expect(parsePortBase('')).toBeUndefined();
    expect(() => parsePortBase('80')).toThrow(/PORT_BASE 80 is no base/);
    expect(() => parsePortBase('65000')).toThrow(/1024 to 64000/);
    expect(() => parsePortBase('many')).toThrow(/PORT_BASE many/);
  });
});
