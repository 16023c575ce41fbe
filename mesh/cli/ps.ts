import { Command, Option } from 'commander';
import { MeshError } from '../kernel/error.ts';
import { runningMesh } from './checkout.ts';
import { type Overview, overviewOf, overviewTable } from './overview.ts';

export function psCommand(): Command {
  return new Command('ps')
    .description('show what runs here, where, and how it is')
    .argument('[service]', 'one service only, as "orders"')
    .addOption(outputOption())
    .action(async (service: string | undefined, { output }: { output: string }) => {
      const overview = only(service, await overviewOf(await runningMesh()));
      console.log(output === 'json' ? JSON.stringify(overview, null, 2) : overviewTable(overview));
    });
}

function only(service: string | undefined, overview: Overview): Overview {
  if (service === undefined) return overview;
  const processes = overview.processes.filter((process) => process.service === service);
  if (processes.length > 0) return { ...overview, processes };
  const known = [...new Set(overview.processes.map((process) => process.service))].join(', ');
  throw new MeshError(`no process here is called "${service}"; these run: ${known}`, {
    status: 'NOT_FOUND',
    reason: 'UNKNOWN_SERVICE',
  });
}

/** `-o json`, the same on every verb that shows something. */
export function outputOption(): Option {
  return new Option('-o, --output <form>', 'how to show it')
    .choices(['table', 'json'])
    .default('table');
}
