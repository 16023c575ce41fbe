import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Registry } from '../discovery/registry.ts';
import type { Resolver, Snapshot, Watch } from '../discovery/resolver.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { eventually } from './eventually.ts';

/** An implementation of discovery under test. */
export interface RegistryUnderTest extends Closeable {
  readonly registry: Registry;
  readonly resolver: Resolver;
  /** Where a healthy instance really listens; many registrations may share it. */
  readonly port: number;
  /** A place of its own for one instance, whose health check can be made to fail. */
  newPlace(): Promise<PlaceUnderTest>;
}

export interface PlaceUnderTest extends Closeable {
  readonly port: number;
  /** From now on the check of the instance that was registered here fails, or passes again. */
  setPassing(instanceId: string, passing: boolean): Promise<void> | void;
}

/** All that a listener was told, in order. */
interface Seen {
  readonly snapshots: readonly Snapshot[];
  /** Ids in the newest snapshot; undefined before the first. */
  ids(): string[] | undefined;
  close(): void;
}

const refusal = 'INVALID_SERVICE_NAME';
const reasonOf = (thrown: unknown): string | undefined => MeshError.from(thrown).reason;

/** What every Registry and Resolver must do (discovery/registry.ts, discovery/resolver.ts). */
export function describeRegistry(name: string, open: () => Promise<RegistryUnderTest>): void {
  describe(`${name} as a registry and resolver`, () => {
    let under: RegistryUnderTest;
    const opened: (Closeable | Watch)[] = [];
    let services = 0;

    beforeAll(async () => {
      under = await open();
    });
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.close();
    });
    afterAll(() => under.close());

    /** A service name that no other test uses. */
    const newService = (): string => `contract-${++services}`;

    const endpoint = (service: string, id: string, more: Partial<Endpoint> = {}): Endpoint => ({
      service,
      instanceId: `${service}-${id}`,
      host: '127.0.0.1',
      port: under.port,
      metadata: {},
      ...more,
    });

    const register = async (instance: Endpoint): Promise<Closeable> => {
      const lease = await under.registry.register(instance);
      opened.push(lease);
      return lease;
    };

    const watch = (service: string): Seen => {
      const snapshots: Snapshot[] = [];
      const watched = under.resolver.watch(service, (snapshot) => snapshots.push(snapshot));
      opened.push(watched);
      return {
        snapshots,
        ids: () => snapshots.at(-1)?.endpoints.map((each) => each.instanceId),
        close: () => watched.close(),
      };
    };

    const settled = async (seen: Seen, ids: string[]): Promise<void> => {
      await eventually(() => expect(seen.ids()).toEqual(ids));
    };

    test('says at once that nobody serves', async () => {
      const service = newService();
      const seen = watch(service);
      await eventually(() => expect(seen.snapshots).toHaveLength(1));
      expect(seen.snapshots).toEqual([{ service, endpoints: [], stale: false }]);
    });

    test('never calls the listener before watch has returned', async () => {
      const service = newService();
      await register(endpoint(service, 'a'));
      await settled(watch(service), [`${service}-a`]);
      const second = watch(service);
      expect(second.snapshots).toHaveLength(0);
      await settled(second, [`${service}-a`]);
    });

    test('finds an instance once register has resolved, with all that it told of itself', async () => {
      const service = newService();
      const instance = endpoint(service, 'a', { metadata: { version: '1.4.2', zone: 'north' } });
      await register(instance);
      const seen = watch(service);
      await eventually(() => expect(seen.snapshots).toHaveLength(1));
      expect(seen.snapshots[0]).toEqual({ service, endpoints: [instance], stale: false });
    });

    test('tells of instances that come and go, sorted by id', async () => {
      const service = newService();
      const seen = watch(service);
      await settled(seen, []);
      const b = await register(endpoint(service, 'b'));
      await settled(seen, [`${service}-b`]);
      await register(endpoint(service, 'a'));
      await settled(seen, [`${service}-a`, `${service}-b`]);
      await b.close();
      await settled(seen, [`${service}-a`]);
      // Each was news, and nothing was told twice.
      expect(seen.snapshots).toHaveLength(4);
    });

    test('keeps services apart', async () => {
      const [one, other] = [newService(), newService()];
      await register(endpoint(one, 'a'));
      await register(endpoint(other, 'b'));
      await settled(watch(one), [`${one}-a`]);
      await settled(watch(other), [`${other}-b`]);
    });

    test('replaces what it knew when the same id registers again', async () => {
      const service = newService();
      const seen = watch(service);
      const older = await register(endpoint(service, 'a', { metadata: { version: '1' } }));
      await register(endpoint(service, 'a', { metadata: { version: '2' } }));
      const versions = (): unknown =>
        seen.snapshots.at(-1)?.endpoints.map((each) => each.metadata['version']);
      await eventually(() => expect(versions()).toEqual(['2']));
      // The newer lease holds the instance: the older one takes nothing away.
      await older.close();
      const later = watch(service);
      await settled(later, [`${service}-a`]);
      expect(versions()).toEqual(['2']);
    });

    test('lets a lease be closed twice', async () => {
      const service = newService();
      const lease = await register(endpoint(service, 'a'));
      await lease.close();
      await lease.close();
      await settled(watch(service), []);
    });

    test('tells two listeners the same, and none that has closed', async () => {
      const service = newService();
      const [one, other] = [watch(service), watch(service)];
      await settled(one, []);
      await settled(other, []);
      one.close();
      await register(endpoint(service, 'a'));
      await settled(other, [`${service}-a`]);
      expect(one.ids()).toEqual([]);
      other.close();
    });

    test('goes on when a listener throws', async () => {
      const service = newService();
      const faulty = under.resolver.watch(service, () => {
        throw new Error('the fault of this listener');
      });
      opened.push(faulty);
      const seen = watch(service);
      await settled(seen, []);
      await register(endpoint(service, 'a'));
      await settled(seen, [`${service}-a`]);
    });

    /** Instances of a new service, each at a place of its own. */
    const placed = async (count: number) => {
      const service = newService();
      const ids = Array.from({ length: count }, (_, index) => `${service}-${index}`);
      const places = await Promise.all(ids.map(() => under.newPlace()));
      opened.push(...places);
      const leases = await Promise.all(
        places.map(({ port }, index) => register(endpoint(service, String(index), { port }))),
      );
      const setPassing = (index: number, passing: boolean) =>
        places[index]?.setPassing(ids[index] ?? '', passing);
      const seen = watch(service);
      await settled(seen, ids);
      const suspects = (): string[] => [...(seen.snapshots.at(-1)?.suspects ?? [])].sort();
      return { ids, leases, seen, setPassing, suspects };
    };

    test('takes out one instance of several whose check fails, and takes it back', async () => {
      const { ids, seen, setPassing } = await placed(3);
      await setPassing(1, false);
      await settled(seen, [ids[0] ?? '', ids[2] ?? '']);
      expect(seen.snapshots.at(-1)?.suspects).toBeUndefined();
      await setPassing(1, true);
      await settled(seen, ids);
    });

    test('keeps the only instance while its check fails, as a suspect', async () => {
      const { ids, leases, seen, setPassing, suspects } = await placed(1);
      await setPassing(0, false);
      await eventually(() => expect(suspects()).toEqual(ids));
      expect(seen.ids()).toEqual(ids);
      await setPassing(0, true);
      await eventually(() => expect(suspects()).toEqual([]));
      // It is never told that nobody serves, until it says so itself.
      expect(seen.snapshots.every(({ endpoints }) => endpoints.length === 1)).toBe(true);
      await setPassing(0, false);
      await eventually(() => expect(suspects()).toEqual(ids));
      await leases[0]?.close();
      await settled(seen, []);
    });

    test('keeps instances whose checks fail together, and lets go at once of those that say farewell', async () => {
      const { ids, leases, seen, setPassing, suspects } = await placed(4);
      await setPassing(0, false);
      await setPassing(1, false);
      await eventually(() => expect(suspects()).toEqual(ids.slice(0, 2)));
      expect(seen.ids()).toEqual(ids);
      await leases[3]?.close();
      await settled(seen, ids.slice(0, 3));
    });

    test('gives up registering when the caller does', async () => {
      const service = newService();
      const given = under.registry.register(endpoint(service, 'a'), AbortSignal.abort());
      await expect(given).rejects.toMatchObject({ name: 'MeshError', status: 'CANCELLED' });
      await settled(watch(service), []);
    });

    test.each([
      ['an address that is everywhere', { host: '0.0.0.0' }],
      ['the metadata service of a cloud', { host: '169.254.169.254' }],
      ['the same in other words', { host: '::ffff:169.254.169.254' }],
      ['the same as one number', { host: '2852039166' }],
      ['a line break in the host', { host: 'orders\r\nX-Evil: 1' }],
      ['no host', { host: '' }],
      ['port 0', { port: 0 }],
      ['port 70000', { port: 70_000 }],
      ['an id that is a path', { instanceId: '../self' }],
      ['metadata that does not travel', { metadata: { 'a b': '1' } }],
    ])('refuses %s', async (_, fault) => {
      const given = under.registry.register(endpoint(newService(), 'a', fault));
      await expect(given).rejects.toMatchObject({ status: 'INVALID_ARGUMENT' });
    });

    const watchRefused = (service: string): unknown => {
      try {
        return under.resolver.watch(service, () => undefined);
      } catch (thrown) {
        return reasonOf(thrown);
      }
    };

    test('refuses 10 000 hostile names, to register and to watch', async () => {
      const hostile = fc
        .oneof(fc.string({ unit: 'binary' }), fc.constantFrom('..%2F..%2Fagent%2Fself', 'a/b', ''))
        .filter((text) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text));
      const property = fc.asyncProperty(hostile, async (service) => {
        const instance = { ...endpoint('x', 'a'), service };
        const registered = await under.registry.register(instance).catch(reasonOf);
        return registered === refusal && watchRefused(service) === refusal;
      });
      await fc.assert(property, { numRuns: 10_000 });
    });
  });
}
