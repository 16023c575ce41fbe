import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Identity } from '../identity/identity.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { eventually } from './eventually.ts';

/** A source of certificates, and what a test can do to it. */
export interface IdentityUnderTest extends Closeable {
  /** An identity of this service. */
  open(service: string): Promise<Identity>;
  /** The source has another root; what is renewed from now on comes from it. */
  changeRoot(): Promise<void>;
  /** The source cannot be asked, or gives nonsense; it comes back. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** What every Identity must do (identity/identity.ts). */
export function describeIdentity(name: string, start: () => Promise<IdentityUnderTest>): void {
  describe(`${name} as an identity`, () => {
    let under: IdentityUnderTest;
    const opened: Identity[] = [];
    beforeAll(async () => {
      under = await start();
    }, 60_000);
    afterAll(async () => {
      for (const each of opened) await each.close();
      await under.close();
    });
    const open = async (service: string): Promise<Identity> => {
      const identity = await under.open(service);
      opened.push(identity);
      return identity;
    };

    test('has a certificate with the name of the service, its key, and a root that it leads to', async () => {
      const identity = await open('orders');
      const { leaf, roots } = identity.credentials;
      expect(leaf.id).toMatchObject({ service: 'orders', namespace: 'default', datacenter: 'dc1' });
      const own = new X509Certificate(leaf.certificates);
      expect(own.subjectAltName).toContain(`URI:${leaf.id.uri}`);
      expect(leaf.notAfterMs).toBe(own.validToDate.getTime());
      expect(roots.some((root) => own.verify(new X509Certificate(root).publicKey))).toBe(true);
      expect(identity.rotations).toBe(0);
    });

    test('gives two processes of one service the same name', async () => {
      const [one, other] = [await open('payments'), await open('payments')];
      expect(one.credentials.leaf.id).toEqual(other.credentials.leaf.id);
      expect(one.expired()).toBeUndefined();
    });

    test('takes up another root and a certificate of it, tells each change, and trusts the old root on', async () => {
      const identity = await open('inventory');
      const before = identity.credentials;
      const seen: unknown[] = [];
      const forget = identity.onChange(() => seen.push(identity.credentials));
      await under.changeRoot();
      await eventually(
        () => {
          const { leaf, roots } = identity.credentials;
          const newest = roots.filter((root) => !before.roots.includes(root));
          const own = new X509Certificate(leaf.certificates);
          return (
            leaf.serial !== before.leaf.serial &&
            newest.length > 0 &&
            before.roots.every((root) => roots.includes(root)) &&
            own.issuer !== new X509Certificate(before.leaf.certificates).issuer
          );
        },
        { withinMs: 60_000 },
      );
      expect(seen.at(-1)).toBe(identity.credentials);
      expect(identity.rotations).toBe(seen.length);
      forget();
    }, 90_000);

    test('keeps what it has while its source is away, and goes on when that is back', async () => {
      const identity = await open('warehouse');
      const before = identity.credentials;
      await under.goAway();
      expect(identity.credentials).toBe(before);
      expect(identity.expired()).toBeUndefined();
      await under.comeBack();
      await under.changeRoot();
      await eventually(() => identity.credentials !== before, { withinMs: 60_000 });
    }, 120_000);

    test('tells nobody anything once it is closed', async () => {
      const identity = await open('notifications');
      let told = 0;
      identity.onChange(() => told++);
      await identity.close();
      await identity.close();
      const before = identity.credentials;
      await under.changeRoot();
      expect(identity.credentials).toBe(before);
      expect(told).toBe(0);
    }, 60_000);
  });
}
