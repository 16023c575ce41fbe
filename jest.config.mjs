const slow = process.env.SLOW === '1';

/** ESM without a build: swc strips the types, Node's own module loader links (NODE_OPTIONS=--experimental-vm-modules). */
const config = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  // What takes long has a name of its own, x.slow.test.ts, and a run of its own: SLOW=1.
  testMatch: [slow ? '**/*.slow.test.ts' : '**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', ...(slow ? [] : ['[.]slow[.]test[.]ts$'])],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.run/', '<rootDir>/.tools/'],
  testTimeout: 30_000,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
      },
    ],
  },
};

export { config as default };
