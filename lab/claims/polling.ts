/**
 * "Chat over HTTP means polling: delay for the receiver and load for the server" and "for low rates and purely
 * client-driven traffic HTTP is cheaper": the same messages over both ways, and the rate at which they cost the same.
 */
import { openChat } from './chat/rig.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';
import { barChart } from './plot.ts';
import { type Cost, play, pollMs, type Way } from './polling/play.ts';

const plans = {
  full: { gapsMs: [250, 1_000, 4_000, 16_000], users: 20, lastsMs: 32_000 },
  short: { gapsMs: [250, 4_000], users: 20, lastsMs: 8_000 },
} as const;
/** Two pings of each connection. */
const idle = { users: 200, lastsMs: 40_000 };
const ways: readonly Way[] = ['WebSocket', 'polling'];

interface Row {
  readonly gapMs: number;
  readonly costs: Record<Way, Cost>;
}

/** What it costs when nothing comes. */
interface Nothing {
  /** Bytes of one poll that finds nothing. */
  readonly pollBytes: number;
  /** Processor time of the gateway for it, in ms. */
  readonly pollCpuMs: number;
  /** Bytes of one connection in a second: pings and their answers. */
  readonly socketBytesPerSecond: number;
  /** Who looks more rarely than once in so many seconds pays fewer bytes by polling. */
  readonly evenEveryS: number;
}

export const polling: Experiment = {
  name: 'polling',
  async run(say, effort) {
    const { gapsMs, users, lastsMs } = plans[effort];
    const rig = await openChat(1);
    try {
      const rows: Row[] = [];
      for (const gapMs of gapsMs) {
        say(`a message every ${String(gapMs)} ms for each of ${String(users)} users`);
        const costs = {
          WebSocket: await play(rig, { way: 'WebSocket', users, gapMs, lastsMs }),
          polling: await play(rig, { way: 'polling', users, gapMs, lastsMs }),
        };
        rows.push({ gapMs, costs });
      }
      say('nothing comes');
      const nothing = await measureNothing(rig);
      const p50 = Math.max(...rows.map(({ costs }) => costs.WebSocket.delayP50Ms));
      return {
        bars: [
          { name: 'polling-websocket-p50-ms', value: p50, op: '<=', bar: 50, unit: 'ms' },
          {
            ...{ name: 'polling-even-every-s', value: nothing.evenEveryS, op: '>=', bar: 60 },
            unit: 's between two looks',
          },
        ],
        claims: claimsOf(rows, nothing),
        data: { pollMs, rows, nothing },
        charts: { polling: chart(rows) },
        tables: { polling: table(rows), 'polling nothing': nothingTable(nothing) },
      };
    } finally {
      await rig.close();
    }
  },
};

async function measureNothing(rig: Awaited<ReturnType<typeof openChat>>): Promise<Nothing> {
  const socket = await play(rig, { way: 'WebSocket', gapMs: undefined, ...idle });
  const polled = await play(rig, { way: 'polling', gapMs: undefined, ...idle });
  const pollBytes = polled.bytes / polled.requests;
  const socketBytesPerSecond = (socket.bytes * 1000) / (idle.users * idle.lastsMs);
  return {
    ...{ pollBytes, socketBytesPerSecond, evenEveryS: pollBytes / socketBytesPerSecond },
    pollCpuMs: polled.cpuMs / polled.requests,
  };
}

function claimsOf(rows: readonly Row[], nothing: Nothing): readonly Claim[] {
  const source = sources.interService;
  const often = rows[0]?.costs;
  const rarely = rows.at(-1)?.costs;
  if (often === undefined || rarely === undefined) return [];
  const each = ({ bytes, delivered }: Cost): string => (bytes / delivered).toFixed(0);
  const cpu = ({ cpuMs, delivered }: Cost): string => (cpuMs / delivered).toFixed(2);
  const per = (cost: Cost): string => (cost.requests / cost.delivered).toFixed(1);
  const setup = `The same messages to users of one gateway, once pushed, once fetched every ${String(pollMs)} ms.`;
  const [quick, slow] = [often.WebSocket, often.polling];
  const isLess = (of: (cost: Cost) => number): boolean =>
    of(quick) / quick.delivered < of(slow) / slow.delivered;
  return [
    {
      claim: 'A chat over HTTP is polling: delay for the receiver and load for the server.',
      ...{ source, setup },
      held:
        rarely.polling.delayP50Ms > rarely.WebSocket.delayP50Ms &&
        rarely.polling.requests > rarely.WebSocket.requests,
      result: `At the lowest rate ${per(rarely.polling)} requests a message instead of ${per(rarely.WebSocket)}, p50 ${rarely.polling.delayP50Ms.toFixed(0)} ms instead of ${rarely.WebSocket.delayP50Ms.toFixed(0)} ms.`,
    },
    {
      claim: 'At high rates WebSocket has less latency, needs less processor and less bandwidth.',
      ...{ source, setup },
      held:
        quick.delayP50Ms < slow.delayP50Ms &&
        isLess(({ bytes }) => bytes) &&
        isLess(({ cpuMs }) => cpuMs),
      result: `At the highest rate p50 ${quick.delayP50Ms.toFixed(0)} ms instead of ${slow.delayP50Ms.toFixed(0)} ms, ${each(quick)} bytes a message instead of ${each(slow)}, ${cpu(quick)} ms of the gateway's processor instead of ${cpu(slow)}.`,
    },
    {
      claim: 'For low rates and purely client-driven traffic HTTP is cheaper.',
      ...{ source, held: nothing.evenEveryS > 0 && Number.isFinite(nothing.evenEveryS) },
      setup: 'Clients for whom nothing comes: what a poll costs, and what keeping a connection.',
      result: `A poll is ${nothing.pollBytes.toFixed(0)} bytes, a connection ${nothing.socketBytesPerSecond.toFixed(2)} bytes a second: who looks more rarely than every ${(nothing.evenEveryS / 60).toFixed(0)} minutes pays less by polling, and holds no memory.`,
    },
  ];
}

function table(rows: readonly Row[]): string {
  return markdownTable(
    [
      'a message every',
      'way',
      'delivered',
      'requests a message',
      'bytes a message',
      'processor of the gateway a message',
      'delay p50',
      'p99',
    ],
    rows.flatMap(({ gapMs, costs }) =>
      ways.map((way, i) => {
        const { delivered, requests, bytes, cpuMs, delayP50Ms, delayP99Ms } = costs[way];
        return [
          i === 0 ? `${String(gapMs / 1000)} s` : '',
          ...[way, delivered, (requests / delivered).toFixed(1), (bytes / delivered).toFixed(0)],
          ...[`${(cpuMs / delivered).toFixed(2)} ms`],
          ...[`${delayP50Ms.toFixed(0)} ms`, `${delayP99Ms.toFixed(0)} ms`],
        ];
      }),
    ),
  );
}

function nothingTable(nothing: Nothing): string {
  const { pollBytes, pollCpuMs, socketBytesPerSecond, evenEveryS } = nothing;
  return markdownTable(
    ['a poll', 'its processor', 'a connection', 'as many bytes at one poll every'],
    [
      [
        `${pollBytes.toFixed(0)} bytes`,
        `${pollCpuMs.toFixed(2)} ms`,
        `${socketBytesPerSecond.toFixed(2)} bytes/s`,
        `${evenEveryS.toFixed(0)} s`,
      ],
    ],
  );
}

function chart(rows: readonly Row[]): string {
  const inks = { WebSocket: 'one', polling: 'two' } as const;
  return barChart({
    title: 'Bytes for each delivered message',
    legend: ways.map((way) => [way, inks[way]] as const),
    scale: 'log',
    rows: rows.map(({ gapMs, costs }) => ({
      label: `a message every ${String(gapMs / 1000)} s`,
      bars: ways.map((way) => {
        const value = costs[way].bytes / costs[way].delivered;
        return { ink: inks[way], value, text: `${value.toFixed(0)} bytes` };
      }),
    })),
  });
}
