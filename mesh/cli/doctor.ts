import { Command } from 'commander';
import { MeshError } from '../kernel/error.ts';
import { examine, type Finding } from './doctor-checks.ts';
import { outputOption } from './ps.ts';

const marks = { ok: '✓', note: '!', fault: '✗' };

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('look for what keeps a mesh from running here, and say how to mend it')
    .addOption(outputOption())
    .action(async ({ output }: { output: string }) => {
      const findings = await examine();
      console.log(
        output === 'json' ? JSON.stringify(findings, null, 2) : findings.map(line).join('\n'),
      );
      const faults = findings.filter(({ verdict }) => verdict === 'fault').length;
      if (faults === 0) return;
      throw new MeshError(
        `${faults} of ${findings.length} checks failed; the arrows say what to do`,
        {
          status: 'FAILED_PRECONDITION',
          reason: 'NOT_WELL',
        },
      );
    });
}

function line({ what, verdict, detail, mend }: Finding): string {
  const text = `${marks[verdict]} ${what.padEnd(16)} ${detail.replaceAll('\n', '\n                   ')}`;
  return mend === undefined ? text : `${text}\n               → ${mend}`;
}
