/** One member of the chain as a process of its own, so that a crash is a crash: `MEMBER='{…}' node member.ts`. */
import { systemClock } from '#mesh';
import { createGauge } from './gauge.ts';
import { startMeshed } from './meshed.ts';
import { startPlain } from './plain.ts';
import type { MemberOptions, Report } from './wire.ts';

const options = JSON.parse(process.env['MEMBER'] ?? '{}') as MemberOptions;
const tell = (report: Report): void => void process.send?.(report);

// Whoever measures is gone: nobody is left to end this.
process.on('disconnect', () => process.exit(0));

const gauge = createGauge();
await (options.kind === 'plain' ? startPlain : startMeshed)(options, gauge);
tell({ what: 'ready' });
for (;;) {
  tell({ what: 'load', inFlight: gauge.inFlight });
  await systemClock.sleep(50);
}
