/**
 * `make bench-events`: weft's events beside the plain client doing the same work, in about fifteen minutes on two
 * quiet cores. Writes lab/results/bench-events.json and the tables of docs/bench-events.md.
 *
 *     node lab/bench-events/main.ts --only publish,relay    these sections; the last figures of the others stay
 *     node lab/bench-events/main.ts --quick                 everything once, briefly; writes nothing
 *     node lab/bench-events/main.ts --table                 only the tables, from bench-events.json as it is
 */
import { runSuite } from '../suite/run.ts';
import { suite } from './suite.ts';

process.exitCode = await runSuite(suite);
