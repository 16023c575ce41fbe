import { Command } from 'commander';
import { MeshError } from '../kernel/error.ts';
import { runningMesh, thisCheckout } from './checkout.ts';
import { createProgress } from './show-progress.ts';
import { socketPath } from './supervisor/control.ts';
import { command } from './supervisor/control-client.ts';

export function stopCommand(): Command {
  return verb(
    'stop',
    'let a service, or one instance of it, drain and end; weft start brings it back',
  );
}

export function startCommand(): Command {
  return verb('start', 'start what was stopped, and wait until it is healthy');
}

function verb(name: 'start' | 'stop', description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<target>', 'a service (orders) or an instance (orders#2)')
    .action(async (target: string) => {
      const checkout = thisCheckout();
      await runningMesh(checkout);
      const report = createProgress();
      const failed = new Set<string>();
      await command(socketPath(checkout.run), { verb: name, target }, (progress) => {
        if (progress.what === 'failed' || progress.what === 'held') failed.add(progress.id);
        report(progress);
      });
      if (failed.size === 0) return;
      throw new MeshError(
        `${[...failed].join(', ')} did not come up; weft logs ${target} tells why`,
        {
          status: 'UNAVAILABLE',
          reason: 'SERVICE_NOT_UP',
        },
      );
    });
}
