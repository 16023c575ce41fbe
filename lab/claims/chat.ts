/**
 * "Messages are stored RECEIVED, pushed and marked SENT when the other side is connected, delivered on return when it
 * was not", and "WebSocket's price is a lasting connection for each user": counted, and weighed.
 */
import { type Idle, measureIdle } from './chat/idle.ts';
import { type Kills, measureKills } from './chat/kills.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';
import { barChart } from './plot.ts';

export const chat: Experiment = {
  name: 'chat',
  async run(say, effort) {
    say('people write to each other while their gateways are killed');
    const kills = await measureKills(say, effort);
    say('many are connected to one gateway and say nothing');
    const idle = await measureIdle(say, effort);
    return {
      bars: [
        {
          ...{ name: 'chat-idle-connections', value: idle.connections, op: '>=', bar: 10_000 },
          unit: 'connections of one process',
        },
        { name: 'chat-lost', value: kills.lost, op: '<=', bar: 0, unit: 'messages' },
        { name: 'chat-doubled', value: kills.doubled, op: '<=', bar: 0, unit: 'messages' },
      ],
      claims: claimsOf(kills, idle),
      data: { kills, idle },
      charts: { chat: chart(idle) },
      tables: { chat: killsTable(kills), 'chat idle': idleTable(idle) },
    };
  },
};

function claimsOf(kills: Kills, idle: Idle): readonly Claim[] {
  const source = sources.interService;
  const { messages, lost, doubled, disordered } = kills;
  const each = idle.kibEach.toFixed(1);
  return [
    {
      claim:
        'Messages that are stored, pushed when the other side is connected and delivered on return reach everybody.',
      ...{ source, held: lost === 0 && doubled === 0 && disordered === 0 },
      setup: `${String(kills.users)} users on ${String(kills.gateways)} gateways, ${String(kills.kills)} times kill -9 of a gateway, ${String(kills.cuts)} connections cut.`,
      result: `${String(messages)} messages: ${String(lost)} lost, ${String(doubled)} doubled, ${String(disordered)} out of order.`,
    },
    {
      claim: 'The price of WebSocket is a lasting connection for each user.',
      ...{ source, held: idle.kibEach > 0 },
      setup: `${String(idle.connections)} users connected to one gateway over loopback, who say nothing.`,
      result: `${each} KiB of memory each, and ${idle.cpuMsPerSecond.toFixed(0)} ms of processor a second for all of them.`,
    },
  ];
}

function killsTable(kills: Kills): string {
  const { users, gateways, kills: killed, cuts, messages, lost, doubled, disordered } = kills;
  return markdownTable(
    ['users', 'gateways', 'kill -9', 'cut', 'messages', 'lost', 'doubled', 'out of order'],
    [[users, gateways, killed, cuts, messages, lost, doubled, disordered]],
  );
}

function idleTable(idle: Idle): string {
  return markdownTable(
    [
      'idle connections',
      'memory without them',
      'with them',
      'each',
      'processor while idle',
      'until all were in',
      'a message reaches one of them and is acknowledged',
    ],
    [
      [
        idle.connections,
        `${String(idle.emptyMb)} MiB`,
        `${String(idle.fullMb)} MiB`,
        `${idle.kibEach.toFixed(1)} KiB`,
        `${idle.cpuMsPerSecond.toFixed(0)} ms/s`,
        `${idle.enteredS.toFixed(1)} s`,
        `${idle.reachedP50Ms.toFixed(1)} ms`,
      ],
    ],
  );
}

function chart({ connections, emptyMb, fullMb }: Idle): string {
  const bar = (value: number): { value: number; text: string } => ({
    ...{ value, text: `${String(value)} MiB` },
  });
  return barChart({
    title: 'Resident memory of one gateway',
    legend: [['MiB', 'one']],
    rows: [
      { label: 'nobody is connected', bars: [{ ink: 'one', ...bar(emptyMb) }] },
      { label: `${String(connections)} idle connections`, bars: [{ ink: 'one', ...bar(fullMb) }] },
    ],
  });
}
