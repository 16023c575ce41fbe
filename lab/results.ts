import { readResults } from './result-file.ts';
import { describeResults } from './results-table.ts';

/** `make results`: every figure beside its bar. */
const { text, allHold } = describeResults(readResults());
console.log(text);
process.exitCode = allHold ? 0 : 1;
