/**
 * "Protobuf's numbered fields let receivers skip what they do not know (evolution)": clients and servers of two ages
 * of one contract call each other, and one of the old age passes on what it got from the new one.
 */
import {
  BookRequest,
  BrokenBookRequest,
  Comfort,
  TicketServiceDefinition as NewTickets,
  OldBookRequest,
  OldBookResponse,
} from '#gen/evolution/v1/evolution.ts';
import { MeshError } from '#mesh';
import { implement } from '../../mesh/app/options.ts';
import { createInProcessMesh } from '../../mesh/testing/in-process.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';

/** The same service, path and method, by another age of its messages. */
const OldTickets = {
  ...NewTickets,
  methods: {
    book: {
      ...NewTickets.methods.book,
      requestType: OldBookRequest,
      responseType: OldBookResponse,
    },
  },
} as const;
const BrokenTickets = {
  ...NewTickets,
  methods: { book: { ...NewTickets.methods.book, requestType: BrokenBookRequest } },
} as const;

const calls = { full: 2_000, short: 200 };

interface Seen {
  readonly pair: string;
  readonly calls: number;
  /** Calls whose old part arrived whole, both ways. */
  readonly understood: number;
  /** What became of the new part. */
  readonly news: string;
}

export const evolution: Experiment = {
  name: 'evolution',
  async run(say, effort) {
    const count = calls[effort];
    say('an old client, a new server');
    const oldClient = await oldToNew(count);
    say('a new client, an old server');
    const newClient = await newToOld(count);
    say('an old service between new ones');
    const between = passedOn();
    say('a number with another type');
    const broken = await changedType();
    const seen = [oldClient, newClient];
    const wrong = seen.reduce((sum, each) => sum + each.calls - each.understood, 0);
    return {
      claims: claimsOf(seen, between, broken),
      bars: [{ name: 'evolution-misunderstood', value: wrong, op: '<=', bar: 0, unit: 'calls' }],
      data: { seen, between, broken },
      charts: {},
      tables: {
        evolution: markdownTable(
          ['who calls whom', 'calls', 'understood', 'what was new'],
          seen.map(({ pair, calls: all, understood, news }) => [pair, all, understood, news]),
        ),
      },
    };
  },
};

/** The server knows fields that the client has never heard of. */
async function oldToNew(count: number): Promise<Seen> {
  const mesh = createInProcessMesh();
  const bags = new Set<number>();
  await mesh.start({
    name: 'evolution',
    build: () => ({
      services: [
        implement(NewTickets, {
          book(request) {
            bags.add(request.bags);
            const ticket = `${request.seat} ${request.passenger}`;
            return Promise.resolve({ ticket, comfort: Comfort.TABLE, gate: 'A1' });
          },
        }),
      ],
    }),
  });
  const client = mesh.client(OldTickets);
  let understood = 0;
  for (let i = 0; i < count; i++) {
    const { ticket } = await client.book({ seat: String(i), passenger: 'ada' });
    if (ticket === `${String(i)} ada`) understood++;
  }
  await mesh.close();
  const news = `the server reads ${[...bags].join(', ')} bags; the client skips comfort and gate`;
  return { pair: 'old client, new server', calls: count, understood, news };
}

/** The client knows fields that the server has never heard of. */
async function newToOld(count: number): Promise<Seen> {
  const mesh = createInProcessMesh();
  await mesh.start({
    name: 'evolution',
    build: () => ({
      services: [
        implement(OldTickets, {
          book: ({ seat, passenger }) => Promise.resolve({ ticket: `${seat} ${passenger}` }),
        }),
      ],
    }),
  });
  const client = mesh.client(NewTickets);
  const comforts = new Set<Comfort>();
  let understood = 0;
  for (let i = 0; i < count; i++) {
    const answer = await client.book({ seat: String(i), passenger: 'ada', bags: 2 });
    comforts.add(answer.comfort);
    if (answer.ticket === `${String(i)} ada` && answer.gate === '') understood++;
  }
  await mesh.close();
  const unsaid = comforts.size === 1 && comforts.has(Comfort.UNSPECIFIED);
  const news = `the server skips the bags; the client reads comfort as ${unsaid ? 'unspecified' : 'something'}`;
  return { pair: 'new client, old server', calls: count, understood, news };
}

/** Whether what an old service does not know is still there when it has passed the message on. */
function passedOn(): 'kept' | 'dropped' {
  const sent = BookRequest.encode({ seat: '1', passenger: 'ada', bags: 2 }).finish();
  const again = OldBookRequest.encode(OldBookRequest.decode(sent)).finish();
  return BookRequest.decode(again).bags === 2 ? 'kept' : 'dropped';
}

/** What a server makes of a seat that became a number. */
async function changedType(): Promise<string> {
  const mesh = createInProcessMesh();
  await mesh.start({
    name: 'evolution',
    build: () => ({
      services: [
        implement(OldTickets, {
          book: ({ seat }) => Promise.resolve({ ticket: seat === '' ? 'no seat' : seat }),
        }),
      ],
    }),
  });
  const client = mesh.client(BrokenTickets);
  try {
    const { ticket } = await client.book({ seat: 12, passenger: 'ada' });
    return ticket === '12' ? 'understood' : `misread as "${ticket}"`;
  } catch (thrown) {
    return `refused (${MeshError.from(thrown).status})`;
  } finally {
    await mesh.close();
  }
}

function claimsOf(
  seen: readonly Seen[],
  between: 'kept' | 'dropped',
  broken: string,
): readonly Claim[] {
  const source = sources.interprocess;
  const setup =
    'One service at two ages of its contract (a field more in the request, two in the answer, a new enum value), over real sockets.';
  const sum = (of: (each: Seen) => number): number => seen.reduce((all, each) => all + of(each), 0);
  return [
    {
      claim: "Protobuf's numbered fields let receivers skip what they do not know.",
      ...{ source, setup, held: seen.every((each) => each.calls === each.understood) },
      result: `Old and new client and server: ${String(sum((each) => each.understood))} of ${String(sum((each) => each.calls))} calls understood.`,
    },
    {
      claim: 'So a service can be changed without a change to those between.',
      ...{ source, setup, held: between === 'kept' },
      result: `What an old service reads and writes again has its new fields ${between}: whoever passes messages on has to pass on the bytes, or to be new.`,
    },
    {
      claim: 'A contract evolves as long as numbers keep their types.',
      ...{ source, setup, held: broken !== 'understood' },
      result: `A string whose number was given to an integer is ${broken}; make breaking refuses that change before it is made.`,
    },
  ];
}
