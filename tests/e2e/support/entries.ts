// A control plane whose only services are entries for a test's own servers, and stock Envoys that call them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from './backends.ts';
import { startControlPlane } from './control-plane.ts';
import { until } from './mesh.ts';
import { type Rush, rush } from './rush.ts';
import { type StockEnvoy, type StockEnvoyOptions, startStockEnvoy } from './stock-envoy.ts';

export interface EntryOptions {
  /** The body of `trafficPolicy`, in braces' inside. */
  readonly policy: string;
  readonly backends: readonly Pick<Backend, 'name' | 'port'>[];
  /** More fields of an endpoint, by backend: `weight: 2, locality: …`. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly port?: string;
}

/** The host `NAME.example` with its endpoints and policy. */
export function entry(name: string, options: EntryOptions): string {
  const { policy, backends, fields = {}, port = 'number: 80, name: http, protocol: HTTP' } = options;
  const endpoints = backends.map((backend) => {
    const more = fields[backend.name];
    const extra = more === undefined ? '' : `, ${more}`;
    return `  - {address: 127.0.0.1, ports: {http: ${backend.port}}${extra}}\n`;
  });
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.example]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{${port}}]
  endpoints:
${endpoints.join('')}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}}
spec: {host: ${name}.example, trafficPolicy: {${policy}}}
`;
}

export interface EntryMesh extends AsyncDisposable {
  /** Writes a file of configuration; the control plane follows. */
  write(name: string, text: string): void;
  /** An Envoy that serves the host by now. */
  envoy(name: string, host: string, options?: Partial<StockEnvoyOptions>): Promise<StockEnvoy>;
}

export async function startEntryMesh(files: Readonly<Record<string, string>>): Promise<EntryMesh> {
  const directory = mkdtempSync(join(tmpdir(), 'xb-entries-'));
  const state = mkdtempSync(join(tmpdir(), 'xb-entries-state-'));
  const write = (name: string, text: string): void => writeFileSync(join(directory, `${name}.yaml`), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const controlPlane = await startControlPlane([
    ...['--config-dir', directory, '--state', state, '--xds-plaintext', '127.0.0.1:0'],
  ]);
  const envoys: StockEnvoy[] = [];
  return {
    write,
    async envoy(name, host, options = {}) {
      const xds = controlPlane.address('xds-plaintext');
      const envoy = startStockEnvoy({ xds, api: 'DELTA_GRPC', name, ...options });
      envoys.push(envoy);
      await until(`${name} serves ${host}\n${envoy.log()}`, async () => {
        const [answer] = await rush({ ...through(envoy, host), count: 1 });
        return answer !== undefined && answer.status !== 404 && answer.status !== 502;
      });
      return envoy;
    },
    async [Symbol.asyncDispose]() {
      for (const envoy of envoys) await envoy[Symbol.asyncDispose]();
      await controlPlane[Symbol.asyncDispose]();
      for (const path of [directory, state]) rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Requests to `NAME.example` by way of the Envoy's HTTP proxy. */
export const through = (envoy: StockEnvoy, name: string): Pick<Rush, 'address' | 'port' | 'host'> => ({
  address: envoy.address,
  port: 15001,
  host: `${name}.example`,
});

/** One number of an Envoy about one host. */
export async function statOf(envoy: StockEnvoy, host: string, name: string): Promise<number> {
  const text = await envoy.admin(`/stats?filter=${encodeURIComponent(`${host}\\.example.*${name}$`)}`);
  return Number(/: (\d+)\s*$/m.exec(text)?.[1] ?? Number.NaN);
}
