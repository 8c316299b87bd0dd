// The same mesh with transparent capture: applications know nothing of proxies.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, startMesh, until } from './support/mesh.ts';
import { scrape } from './support/metrics.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const reason = await transparentCaptureReason();

describe.skipIf(reason !== undefined)(
  `transparent capture${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let mesh: Mesh;
    beforeAll(async () => {
      mesh = await startMesh({ capture: 'transparent' });
    }, 240_000);
    afterAll(async () => {
      await mesh?.stop();
    });

    const accessLog = async (prefix: string): Promise<string> =>
      readFileSync(join(mesh.state, 'logs', (await mesh.pod(prefix)).name, 'access.log'), 'utf8');

    it('[DP-1] [DP-2] serves the page; both sidecars see each call though no application knows them', async () => {
      expect(mesh.capture).toContain('transparent');
      const page = await fetchText({ url: `${mesh.ingress}/productpage` });
      expect(page.status).toBe(200);
      await until('both access logs', async () => {
        const client = await accessLog('productpage');
        const server = await accessLog('details');
        return (
          client.includes('outbound|9080||details.default.svc.cluster.local') &&
          server.includes('inbound|9080||')
        );
      });
    });

    it('[AU-1] [AU-10] is mutual TLS without configuration, and STRICT refuses plaintext', async () => {
      const details = await mesh.pod('details');
      const samples = (await scrape(details.ip)).filter(
        ({ name, labels }) => name === 'istio_requests_total' && labels['reporter'] === 'destination',
      );
      expect(samples.length).toBeGreaterThan(0);
      for (const { labels } of samples) expect(labels['connection_security_policy']).toBe('mutual_tls');
      const strict =
        'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n';
      expect((await mesh.apply(strict)).code).toBe(0);
      await expect(fetchText({ url: `http://${details.ip}:9080/details/0` })).rejects.toThrow();
      expect((await fetchText({ url: `${mesh.ingress}/productpage` })).status).toBe(200);
    });

    it('[DP-2] leaves nothing behind', async () => {
      await mesh.stop();
      const namespaces = await new Promise<string>((resolve) =>
        execFile('ip', ['netns', 'list'], (_error, stdout) => resolve(stdout)),
      );
      expect(namespaces).not.toContain(mesh.state);
    });
  },
);
