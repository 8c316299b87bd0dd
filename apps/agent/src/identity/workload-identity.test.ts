// A workload's certificate over its life, with time that the test decides: when it is renewed, how, and who hears of trouble.
import type { Credential, ReceivedCertificate } from '@xebec/ca';
import { fail, type Result, succeed } from '@xebec/std';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createManualTimers } from '../testing/manual-timers.ts';
import { isNearItsEnd, renewalDelayMs, retryDelayMs } from './renewal.ts';
import { type IdentityChange, openIdentity, type WorkloadIdentity } from './workload-identity.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/reviews';
const lifeMs = 3_600_000;

const failure = (code: string): Result<never> =>
  fail({ severity: 'error', code, message: code, remedy: 'wait' });

class World {
  readonly timers = createManualTimers();
  readonly credentials: Credential[] = [];
  readonly changes: IdentityChange[] = [];
  /** Failures of the next requests, by code. */
  readonly failures: string[] = [];
  keys = 0;
  tokens = 0;
  issuedId = spiffeId;
  issuer = 'old';
  /** How far the authority's clock is ahead. */
  skewMs = 0;

  clock = (): number => 1_000_000 + this.timers.nowMs();

  get said(): string[] {
    return this.changes.map(({ change }) => change);
  }

  open(signal = new AbortController().signal): Promise<WorkloadIdentity | undefined> {
    const { timers, clock } = this;
    return openIdentity(
      {
        spiffeId,
        timers,
        clock,
        random: () => 0.5,
        onChange: (change) => void this.changes.push(change),
        sources: {
          createKey: async () => {
            this.keys += 1;
            return succeed({ privateKeyPem: `key ${this.keys}`, csrPem: `request ${this.keys}` });
          },
          issueToken: async () => {
            this.tokens += 1;
            return succeed(`token ${this.tokens}`);
          },
          requestCertificate: async (credential, csrPem) => this.#certify(credential, csrPem),
        },
      },
      signal,
    );
  }

  #certify(credential: Credential, csrPem: string): Result<ReceivedCertificate> {
    this.credentials.push(credential);
    const failed = this.failures.shift();
    if (failed !== undefined) return failure(failed);
    return succeed({
      certificatesPem: csrPem.replace('request', 'certificate'),
      rootsPem: ['root'],
      spiffeId: this.issuedId,
      issuer: this.issuer,
      serial: String(this.keys),
      notBefore: this.clock() + this.skewMs - 360_000,
      notAfter: this.clock() + this.skewMs + lifeMs,
    });
  }
}

async function opened(world: World): Promise<WorkloadIdentity> {
  const identity = await world.open();
  if (identity === undefined) throw new Error('no identity');
  return identity;
}

describe('a certificate', () => {
  test('comes for a one-time token, is renewed at half its life by itself, always with a new key', async () => {
    const world = new World();
    using identity = await opened(world);
    const seen: string[] = [];
    identity.subscribe(
      ({ certificatesPem, privateKeyPem }) => void seen.push(`${certificatesPem}, ${privateKeyPem}`),
    );
    expect(identity.current).toMatchObject({ certificatesPem: 'certificate 1', privateKeyPem: 'key 1' });
    await world.timers.advance(lifeMs * 0.5 - 1);
    expect(seen).toEqual([]);
    await world.timers.advance(lifeMs);
    expect(seen).toEqual(['certificate 2, key 2', 'certificate 3, key 3']);
    expect(world.credentials).toEqual([
      { kind: 'token', token: 'token 1' },
      { kind: 'certificate', certificatesPem: 'certificate 1', privateKeyPem: 'key 1' },
      { kind: 'certificate', certificatesPem: 'certificate 2', privateKeyPem: 'key 2' },
    ]);
    expect(world.said).toEqual(['issued', 'renewed', 'renewed']);
  });

  test('is asked for until there is one, and no longer than it is wanted', async () => {
    const world = new World();
    world.failures.push('certificate-authority-unavailable', 'certificate-authority-unavailable');
    const opening = world.open();
    await world.timers.advance(10_000);
    const identity = await opening;
    expect(world.said).toEqual(['delayed', 'delayed', 'issued']);
    expect(world.tokens).toBe(3);
    identity?.[Symbol.dispose]();
    const stop = new AbortController();
    world.failures.push(...Array<string>(100).fill('certificate-authority-unavailable'));
    const another = world.open(stop.signal);
    await world.timers.advance(1_000);
    stop.abort();
    expect(await another).toBeUndefined();
    expect(world.timers.waiting).toEqual([]);
  });

  test('that cannot be renewed is used on; when little of its life is left people hear of it, once', async () => {
    const world = new World();
    using identity = await opened(world);
    world.failures.push(...Array<string>(10_000).fill('certificate-authority-unavailable'));
    await world.timers.advance(lifeMs * 0.79);
    expect(world.said).not.toContain('expiring');
    await world.timers.advance(lifeMs * 0.02);
    expect(world.said.filter((change) => change === 'expiring')).toHaveLength(1);
    await world.timers.advance(lifeMs * 0.1);
    expect(world.said.filter((change) => change === 'expiring')).toHaveLength(1);
    expect(identity.current.certificatesPem).toBe('certificate 1');
    world.failures.length = 0;
    await world.timers.advance(60_000);
    expect(world.said.at(-1)).toBe('renewed');
    expect(world.credentials.at(-1)).toMatchObject({ kind: 'certificate', certificatesPem: 'certificate 1' });
  });

  test.each([
    ['behind', 420_000, 'begins in 60 s'],
    ['ahead', -lifeMs - 60_000, 'ended 60 s ago'],
  ])(
    'is not taken when the clock is too far %s, and people hear by how much',
    async (side, skewMs, words) => {
      const world = new World();
      using identity = await opened(world);
      world.skewMs = skewMs;
      await world.timers.advance(lifeMs * 0.6);
      const heard = world.changes.at(-1);
      expect(heard).toMatchObject({ change: 'delayed', message: expect.stringContaining(words) });
      expect(heard?.message).toContain(`[clock-${side}]`);
      expect(identity.current.certificatesPem).toBe('certificate 1');
      world.skewMs = side === 'behind' ? 300_000 : -300_000;
      await world.timers.advance(60_000);
      expect(world.said.at(-1)).toBe('renewed');
    },
  );

  test('that has expired, or is denied, is replaced with a new token', async () => {
    const world = new World();
    using identity = await opened(world);
    world.failures.push('certificate-denied');
    await world.timers.advance(lifeMs * 0.5 + 60_000);
    expect(world.credentials.map(({ kind }) => kind)).toEqual(['token', 'certificate', 'token']);
    world.failures.push(...Array<string>(10_000).fill('certificate-authority-unavailable'));
    await world.timers.advance(lifeMs * 1.1);
    world.failures.length = 0;
    await world.timers.advance(60_000);
    expect(world.credentials.at(-1)?.kind).toBe('token');
    expect(identity.current.notAfter).toBeGreaterThan(world.clock());
  });

  test('for somebody else is not used', async () => {
    const world = new World();
    world.issuedId = 'spiffe://cluster.local/ns/default/sa/admin';
    const stop = new AbortController();
    const opening = world.open(stop.signal);
    await world.timers.advance(100);
    expect(world.changes[0]?.message).toContain('wrong-identity');
    stop.abort();
    expect(await opening).toBeUndefined();
  });
});

test('renewals spread over a fifth of the life around its middle', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000, max: 10 ** 9 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (life, at) => {
        expect(renewalDelayMs(life, () => at) / life).toBeGreaterThan(0.399);
        expect(renewalDelayMs(life, () => at) / life).toBeLessThan(0.601);
        // Even the last attempt of a series comes soon enough to be one of several within the life that is left.
        expect(retryDelayMs(life, 50, () => at)).toBeLessThanOrEqual(Math.max(1_000, life / 20));
      },
    ),
  );
  expect(isNearItsEnd({ issuedAt: 0, notAfter: 100 }, 80)).toBe(false);
  expect(isNearItsEnd({ issuedAt: 0, notAfter: 100 }, 81)).toBe(true);
});

describe('what is told to be trusted', () => {
  const bundle = (hash: string, issuer: string) => ({
    hash,
    rootsPem: [`root ${hash}`],
    anchorsPem: [],
    revocationsPem: '',
    issuer,
  });

  test('counts at once, without another certificate, and over the next renewal', async () => {
    const world = new World();
    using identity = await opened(world);
    const seen: string[] = [];
    using _watch = identity.subscribe(({ bundle: hash }) => void seen.push(hash));
    identity.trust(bundle('a', 'old'));
    identity.trust(bundle('a', 'old'));
    expect(identity.current).toMatchObject({ rootsPem: ['root a'], bundle: 'a', serial: '1' });
    await world.timers.advance(lifeMs / 2 + 1);
    expect(identity.current).toMatchObject({ rootsPem: ['root a'], bundle: 'a', serial: '2' });
    expect(seen).toEqual(['a', 'a']);
  });

  test('by another issuer has the certificate renewed soon, with the one that is held', async () => {
    const world = new World();
    using identity = await opened(world);
    world.issuer = 'new';
    identity.trust(bundle('a', 'new'));
    await world.timers.advance(2_001);
    expect(identity.current).toMatchObject({ issuer: 'new', serial: '2', bundle: 'a' });
    expect(world.credentials.at(-1)?.kind).toBe('certificate');
    await world.timers.advance(10_000);
    expect(world.keys).toBe(2);
  });

  test('is what certificates say once nobody tells any more', async () => {
    const world = new World();
    using identity = await opened(world);
    identity.trust(bundle('a', 'old'));
    identity.trust(undefined);
    await world.timers.advance(lifeMs / 2 + 1);
    expect(identity.current).toMatchObject({ rootsPem: ['root'], bundle: '' });
  });
});
