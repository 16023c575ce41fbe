import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const clock = 'Time is a port: take a Clock, see mesh/kernel/clock.ts.';
const random = 'Chance is a port: take a Random, see mesh/kernel/random.ts.';
const environment = "Only a service's config.ts and the command line read the environment.";

/** Doors to time, chance and environment. Whoever needs them takes the port, so that a test can hold it. */
const ambient = {
  'no-restricted-globals': [
    'error',
    ...['setTimeout', 'setInterval', 'performance'].map((name) => ({ name, message: clock })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: clock },
    { object: 'AbortSignal', property: 'timeout', message: clock },
    { object: 'process', property: 'hrtime', message: clock },
    { object: 'Math', property: 'random', message: random },
    { object: 'crypto', property: 'randomUUID', message: random },
    { object: 'crypto', property: 'getRandomValues', message: random },
    { object: 'process', property: 'env', message: environment },
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: [
        { name: 'node:timers', message: clock },
        { name: 'node:timers/promises', message: clock },
        { name: 'node:perf_hooks', message: clock },
        { name: 'node:process', importNames: ['env'], message: environment },
        {
          name: 'node:crypto',
          importNames: ['randomBytes', 'randomFillSync', 'randomInt', 'randomUUID', 'webcrypto'],
          message: random,
        },
      ],
    },
  ],
};
const unbound = Object.fromEntries(Object.keys(ambient).map((rule) => [rule, 'off']));

/** Syntax that is legal and not wanted here. */
const unwanted = [
  ['ExportAllDeclaration', 'Export by name: a door shows what it opens on.'],
  ['ExportDefaultDeclaration', 'Export by name: one thing, one name everywhere.'],
];
const newDate = ["NewExpression[callee.name='Date'][arguments.length=0]", clock];
const syntax = (...pairs) => [
  'error',
  ...pairs.map(([selector, message]) => ({ selector, message })),
];

const tests = ['**/*.test.ts', '**/*.bench.ts', 'mesh/testing/**'];

export default defineConfig(
  globalIgnores(['gen/', 'dist/', 'lab/results/', '.run/', '.tools/', '**/*.mjs']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...ambient,
      'no-restricted-syntax': syntax(...unwanted, newDate),

      // The law of size.
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 4 }],
      complexity: ['error', 12],

      eqeqeq: 'error',
      'no-console': 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'] }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'typeLike',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z][a-z]|(Impl|Manager|Helper|Utils?)$', match: false },
        },
      ],

      // Softened where the strict form costs more than it finds.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-empty-function': ['error', { allow: ['arrowFunctions', 'methods'] }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `async` without `await` is how a port that promises is kept by code that need not wait: a throw
      // becomes a rejection.
      '@typescript-eslint/require-await': 'off',
      // Objects here are plain data with functions in it; nothing is bound to a `this`.
      '@typescript-eslint/unbound-method': 'off',
      // Does not know `Promise.withResolvers<void>()`.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Asks for the `!` that no-non-null-assertion forbids.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // `[...text]` is how code points are counted.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
    },
  },
  {
    files: ['mesh/kernel/clock.ts', 'mesh/kernel/random.ts'],
    rules: { ...unbound, 'no-restricted-syntax': syntax(...unwanted) },
  },
  {
    // A browser has its own time, and no process around it.
    files: ['services/**/config.ts', 'mesh/cli/**', 'mesh/console/page/**', 'lab/**', ...tests],
    rules: { ...unbound, 'no-restricted-syntax': syntax(...unwanted), 'no-console': 'off' },
  },
  // A `describe` holds all the sentences about one thing.
  { files: tests, rules: { 'max-lines-per-function': 'off' } },
);
