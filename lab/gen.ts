import { regenerate } from './checks/generate.ts';

/** `make gen`: code and image from the contracts. */
await regenerate(process.cwd());
