import { describe } from '#mesh';
import { regenerate } from './checks/generate.ts';

/** `make gen`: code and image from the contracts. */
try {
  await regenerate(process.cwd());
} catch (thrown) {
  console.error(`${describe(thrown).trimEnd()}\ngen/ is as it was`);
  process.exitCode = 1;
}
