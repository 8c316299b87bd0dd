// Certificates signed by another process with a key of its own: what it gives is used when it is what was asked, and else by nobody.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyAndCsr, requestCertificate } from '@xebec/ca';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { type ExternalSigner, hasOpenssl, openExternalSigner } from './support/external-signer.ts';
import { at, textAt, xebec } from './support/mesh.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-'));
const state = join(directory, 'state');
const inside = (name: string): string => join(directory, name);
const reviews = 'spiffe://cluster.local/ns/default/sa/reviews';
let signer: ExternalSigner | undefined;
let controlPlane: ControlPlaneProcess | undefined;

beforeAll(async () => {
  if (!hasOpenssl) return;
  signer = await openExternalSigner(directory, state);
  const parameters = ['--state', state, '--xds', '127.0.0.1:0', '--ca-signer', signer.url];
  controlPlane = await startControlPlane(parameters);
}, 60_000);

afterAll(async () => {
  await controlPlane?.kill('SIGTERM');
  signer?.kill();
  rmSync(directory, { recursive: true, force: true });
});

function post(path: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const call = request(
      { socketPath: join(state, 'run/control.sock'), path, method: 'POST', headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve(JSON.parse(text)));
      },
    );
    call.on('error', reject).end(JSON.stringify(body));
  });
}

type Holder = { readonly certificatesPem: string; readonly privateKeyPem: string };

/** With a join token, or the certificate that is held. */
async function ask(holder?: Holder) {
  const created = await createKeyAndCsr(reviews);
  if (!created.ok) throw new Error('no key');
  const owner = { namespace: 'default', serviceAccount: 'reviews' };
  const token = textAt(await post('/v1/tokens', owner), 'token') ?? '';
  const received = await requestCertificate({
    address: controlPlane?.address('xds') ?? '',
    serverName: 'localhost',
    rootsPem: [readFileSync(inside('root.pem'), 'utf8')],
    credential: holder === undefined ? { kind: 'token', token } : { kind: 'certificate', ...holder },
    csrPem: created.value.csrPem,
    deadlineMs: 10_000,
  });
  if (!received.ok) return received.diagnostics[0]?.code ?? '';
  return { ...received.value, privateKeyPem: created.value.privateKeyPem };
}

describe.runIf(hasOpenssl)('[AU-9] an external signer', () => {
  it('signs for joiners and for those who renew, and no key of an authority is here', async () => {
    const first = await ask();
    if (typeof first === 'string') throw new Error(`${first}\n${controlPlane?.log()}`);
    expect(first.spiffeId).toBe(reviews);
    const again = await ask(first);
    expect(typeof again === 'string' ? again : again.spiffeId).toBe(reviews);
    const listed = await xebec(['ca', 'status', '--state', state]);
    expect(listed.stdout).toMatch(/^root\s+Elsewhere/m);
    const refused = await post('/v1/ca/rotate', {});
    expect(textAt(refused, 'diagnostics', 0, 'code')).toBe('external-signer');
  }, 60_000);

  it.each(['other', 'ca', 'long', 'garbage'])(
    'that misbehaves (%s) gives nobody anything',
    async (mode) => {
      writeFileSync(inside('mode'), mode);
      expect(await ask()).toBe('certificate-authority-unavailable');
      expect(controlPlane?.log()).toContain('bad-signer-answer');
      rmSync(inside('mode'));
      expect(typeof (await ask())).toBe('object');
    },
    60_000,
  );

  it('that is away is waited for, and used again', async () => {
    signer?.kill();
    expect(await ask()).toBe('certificate-authority-unavailable');
    await signer?.start();
    expect(typeof (await ask())).toBe('object');
    expect(at(await post('/v1/ca/revoke', { what: reviews }), 'certificates')).toBeGreaterThan(3);
    expect(await ask()).toBe('certificate-denied');
  }, 60_000);
});
