/** What the literature says of a chain, held against what became of both. */
import { type Claim, sources } from '../claim.ts';
import type { Cell } from './matrix.ts';
import type { Played } from './scenarios.ts';
import type { Summary } from './summary.ts';
import type { Kind } from './wire.ts';

type Results = ReadonlyMap<string, Record<Kind, Played>>;

export function chainClaims(results: Results, cells: readonly Cell[]): readonly Claim[] {
  return [...scenarioClaims(results), ...partsClaims(cells)];
}

function scenarioClaims(results: Results): readonly Claim[] {
  const of = (name: string, kind: Kind): Summary => {
    const played = results.get(name);
    if (played === undefined) throw new Error(`${name} was not played`);
    return played[kind].summary;
  };
  const crash = of('crash', 'plain');
  const [hang, guarded] = [of('hang', 'plain'), of('hang', 'weft')];
  const [twoCrash, twoHang] = [of('redundant-crash', 'plain'), of('redundant-hang', 'plain')];
  const standby = of('standby-crash', 'weft');
  const source = sources.howTo;
  return [
    {
      claim: 'When C crashes, the front end of A -> B -> C sees an error.',
      ...{ source, setup: 'Plain grpc-js, one of each; kill -9 of C for 4 s.' },
      result: `${percent(crash.inTimeDuringFault)} in time while C is away; ${String(crash.fates.error)} errors.`,
      held: crash.inTimeDuringFault === 0,
    },
    {
      claim: 'When C waits for something external, the whole chain becomes slow and piles up work.',
      ...{ source, setup: 'Plain grpc-js without deadlines; the resource of C hangs for 5 s.' },
      result: `Up to ${hang.piledUp.join(', ')} calls in hand at A, B, C; the longest wait is ${String(hang.longestMs)} ms.`,
      held: hang.piledUp[0] >= 100 && hang.longestMs >= 4000,
    },
    {
      claim: 'Time-outs and a breaker answer the caller fast and spare the slow service.',
      ...{ source, setup: 'The same hang through weft, beside the plain chain.' },
      result: `The longest wait is ${String(guarded.longestMs)} ms, at most ${String(guarded.piledUp[2])} calls at C instead of ${String(hang.piledUp[2])}.`,
      held: guarded.longestMs <= 1100 && guarded.piledUp[2] < hang.piledUp[2] / 2,
    },
    {
      claim: 'More instances help when one of them crashes.',
      ...{ source, setup: 'Plain grpc-js, round robin over two B and two C; kill -9 of one C.' },
      result: `${percent(twoCrash.inTimeDuringFault)} in time while it is away.`,
      held: twoCrash.inTimeDuringFault >= 0.98,
    },
    {
      claim: 'More instances are not always enough.',
      ...{ source, setup: 'The same; one C hangs for 5 s.' },
      result: `${percent(twoHang.inTimeDuringFault)} in time while it hangs.`,
      held: twoHang.inTimeDuringFault < 0.9,
    },
    {
      claim: 'An active/standby pair is not always enough.',
      ...{
        source,
        setup: 'Through weft, two C behind a lock in Consul; kill -9 of the active one.',
      },
      result: `Disturbed for ${String(standby.disturbedMs)} ms, until its lock is free.`,
      held: standby.disturbedMs >= 1000,
    },
  ];
}

function partsClaims(cells: readonly Cell[]): readonly Claim[] {
  const source = sources.interprocess;
  const of = (timeOut: boolean, limit: boolean, breaker: boolean, recovery = 'error'): Cell => {
    const cell = cells.find(({ parts, ...rest }) => {
      const same = parts.timeOut === timeOut && parts.limit === limit && parts.breaker === breaker;
      return same && rest.recovery === recovery;
    });
    if (cell === undefined) throw new Error('a combination of parts was not tried');
    return cell;
  };
  const inHand = ({ summary }: Cell): number => Math.max(...summary.piledUp);
  const bare = of(false, false, false);
  const robust = of(true, true, true);
  const limited = of(false, true, false);
  const recovered = of(true, true, true, 'default').summary.inTime;
  const last = of(true, true, true, 'last').summary.inTime;
  return [
    {
      claim: 'A robust proxy has a time-out, a limit on outstanding requests and a breaker.',
      ...{ source, setup: 'All combinations of the three, C hanging for 3 s of 8.5.' },
      result: `Without: ${String(inHand(bare))} in hand, ${String(bare.summary.longestMs)} ms. The limit alone: ${String(inHand(limited))}, ${String(limited.summary.longestMs)} ms. All: ${String(inHand(robust))}, ${String(robust.summary.longestMs)} ms.`,
      held: inHand(robust) <= inHand(limited) && robust.summary.longestMs < 600,
    },
    {
      claim: 'What remains is to recover: an error, a default, or a cached answer.',
      ...{ source, setup: 'The same, all three parts on, with each recovery at A.' },
      result: `In time with the error ${percent(robust.summary.inTime)}, with a default ${percent(recovered)}, with the last answer ${percent(last)}.`,
      held: Math.min(recovered, last) >= 0.999 && robust.summary.inTime < recovered,
    },
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
