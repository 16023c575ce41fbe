/**
 * `make bench`: weft beside others, in about twenty minutes on two quiet cores. Writes
 * lab/results/bench.json and the tables of docs/bench.md.
 *
 *     node lab/bench/main.ts --only unary,rate    these sections; the last figures of the others stay
 *     node lab/bench/main.ts --quick              everything once, briefly; writes nothing
 *     node lab/bench/main.ts --table              only the tables, from bench.json as it is
 */
import { runSuite } from '../suite/run.ts';
import { suite } from './suite.ts';

process.exitCode = await runSuite(suite);
