// Certificates that live for seconds: rotation must not be noticed by any request.
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLoad } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh } from './support/mesh.ts';

/** CI runs a shorter time than the three minutes that a release is tried with. */
const underLoadMs = Number(process.env['XEBEC_ROTATION_MS'] ?? 75_000);

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')], certificateTtl: '30s' });
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

/** The certificate that a workload's sidecar serves now; a client without one is refused afterwards. */
function servedCertificate(address: string): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: address, port: 8080, rejectUnauthorized: false, ALPNProtocols: ['istio'] },
      () => {
        const { raw } = socket.getPeerCertificate();
        socket.destroy();
        resolve(new X509Certificate(raw));
      },
    );
    socket.on('error', reject);
  });
}

describe('[AU-4] rotation', () => {
  it('replaces 30-second certificates under load without a failed request', async () => {
    const client = await mesh.pod('client');
    const server = await mesh.pod('echo');
    const load = startLoad({ url: 'http://echo/', proxy: `${client.ip}:15001` }, 50);
    const serials = new Set<string>();
    const end = performance.now() + underLoadMs;
    while (performance.now() < end) {
      const certificate = await servedCertificate(server.ip);
      expect(certificate.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/echo');
      expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now());
      serials.add(certificate.serialNumber);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    const { sent, failures } = await load.stop();
    expect(failures).toEqual({});
    expect(sent).toBeGreaterThan(1000);
    expect(serials.size).toBeGreaterThanOrEqual(3);
  }, 300_000);
});
