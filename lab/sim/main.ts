import { loadMs, simulate } from './mesh.ts';
import { brokenPromises, describeReport } from './report.ts';

/** `node lab/sim/main.ts [seed] [services] [instances]`: one run of the simulated mesh, and what it broke. */
const [seed = 1, services = 50, instances = 10] = process.argv.slice(2).map(Number);
const report = await simulate(seed, { services, instances, layers: 5 });
const broken = brokenPromises(report, loadMs / 1000);
console.log(describeReport(report));
for (const each of broken) console.error(`  broken: ${each}`);
process.exitCode = broken.length === 0 ? 0 : 1;
