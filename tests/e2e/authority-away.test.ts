// Certificates of half a minute under load, with an authority that goes away beyond every renewal and comes back before they end: nobody notices. And clocks that are off. XEBEC_SHORT_LIFE_SECONDS makes the load go on for that long.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyAndCsr, openAuthority, parseCsr } from '@xebec/ca';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forge } from './support/forge.ts';
import { handshake } from './support/handshake.ts';
import { startHandshakingMesh } from './support/handshakes.ts';
import { fetchText, startLoad } from './support/http.ts';
import { at, listAt, type Mesh, pidOf, until } from './support/mesh.ts';

const ttlMs = 30_000;
const minuteMs = 60_000;
/** A little more than one life: every certificate is replaced, twice. */
const longMs = 1_000 * Math.max(35, Number(process.env['XEBEC_SHORT_LIFE_SECONDS'] ?? 0));

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startHandshakingMesh({ certificateTtl: `${ttlMs}ms` });
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const ends = async (): Promise<readonly number[]> =>
  listAt(await mesh.admin('/v1/ca'), 'workloads').map((each) => Number(at(each, 'notAfter')));

/** Looks again and again at what the server presents. */
function watchServed(address: string) {
  const lives = new Map<string, number>();
  const expired: string[] = [];
  let isOver = false;
  const look = async (): Promise<void> => {
    // Outlasts the test: it must also look while the authority is away.
    const uris = ['spiffe://cluster.local/ns/default/sa/client'];
    const mine = { rootsPem: '', ...(await forge(mesh.state, { uris, until: longMs + 10 * minuteMs })) };
    while (!isOver) {
      const served = await handshake(address, mine);
      if (served !== undefined) {
        const endsAt = Date.parse(served.validTo);
        lives.set(served.serialNumber, endsAt);
        if (endsAt < Date.now()) expired.push(served.validTo);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const done = look();
  return {
    async stop() {
      isOver = true;
      await done;
      return { certificates: lives.size, expired };
    },
  };
}

/** The control plane stands still until all but the last seconds of every certificate have passed. */
async function goAway(): Promise<void> {
  const before = await until(
    'all certificates are young',
    async () => {
      const now = await ends();
      return Math.min(...now) - Date.now() > ttlMs - 11_000 && now;
    },
    40_000,
  );
  const pid = pidOf(mesh, 'control-plane');
  process.kill(pid, 'SIGSTOP');
  try {
    // Renewal is at half of the life; after this, all of it but the last seconds has passed.
    const back = Math.min(...before) - 5_000;
    await until('renewal is long overdue', async () => Date.now() > back, 60_000);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await until(
    'everybody has a new one',
    async () => (await ends()).length >= before.length && Math.min(...(await ends())) > Math.max(...before),
  );
}

describe('[AU-4] certificates of half a minute', () => {
  it(
    'cost no request, not even when the authority is away past every renewal',
    async () => {
      const client = await mesh.pod('client');
      const server = await mesh.pod('echo');
      await until('everybody tells', async () => (await ends()).length >= 3);
      const call = { url: 'http://echo/', proxy: `${client.ip}:15001` };
      // What nobody has asked for yet cannot be had while the control plane is away.
      await until('calls are answered', async () => (await fetchText(call)).status === 200);
      const load = startLoad(call, 30, longMs + 240_000);
      const served = watchServed(server.ip);
      const beganAt = performance.now();
      let absences = 0;
      do {
        await goAway();
        absences += 1;
      } while (performance.now() - beganAt < longMs - 2 * ttlMs);
      await until('it has lasted', async () => performance.now() - beganAt > longMs, longMs + ttlMs);
      const [{ sent, failures }, { certificates, expired }] = [await load.stop(), await served.stop()];
      const seconds = Math.round((performance.now() - beganAt) / 1_000);
      process.stdout.write(`${JSON.stringify({ seconds, sent, failures, certificates, absences })}\n`);
      expect(failures).toEqual({});
      expect(expired).toEqual([]);
      expect(sent).toBeGreaterThan(200);
      expect(certificates).toBeGreaterThanOrEqual(2);
    },
    longMs + 180_000,
  );
});

describe('[AU-4] clocks', () => {
  const directory = mkdtempSync(join(tmpdir(), 'xb-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Whether a sidecar lets in who got a certificate of an authority whose clock is that far ahead. */
  async function isLetIn(aheadMs: number, ttlMs = 60 * minuteMs): Promise<boolean> {
    cpSync(join(mesh.state, 'ca'), join(directory, 'ca'), { recursive: true });
    const spiffeId = 'spiffe://cluster.local/ns/default/sa/client';
    const authority = openAuthority({
      directory: join(directory, 'ca'),
      trustDomain: 'cluster.local',
      clock: () => Date.now() + aheadMs,
    });
    const pair = await createKeyAndCsr(spiffeId);
    const publicKey = pair.ok ? parseCsr(pair.value.csrPem) : pair;
    if (!authority.ok || !pair.ok || !publicKey.ok) throw new Error('no certificate');
    const issued = authority.value.issue({ publicKey: publicKey.value, spiffeId, ttlMs });
    if (!issued.ok) throw new Error('no certificate');
    const { certificatesPem } = issued.value;
    const mine = { certificatesPem, rootsPem: '', privateKeyPem: pair.value.privateKeyPem };
    return (await handshake((await mesh.pod('echo')).ip, mine)) !== undefined;
  }

  it('may be five minutes off either way; a certificate that does not count yet, or no more, lets nobody in', async () => {
    expect(await isLetIn(5 * minuteMs)).toBe(true);
    expect(await isLetIn(-5 * minuteMs)).toBe(true);
    expect(await isLetIn(8 * minuteMs)).toBe(false);
    expect(await isLetIn(-5 * minuteMs, 4 * minuteMs)).toBe(false);
  }, 60_000);
});
