// A mesh of the shop application and the rules under test: one VirtualService at a time, calls by marker, access log lines.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import { type Answer, type Call, fetchText } from './http.ts';
import { at, type Mesh, repositoryFile, startMesh, textAt, until } from './mesh.ts';

export interface SeenCall {
  readonly at: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Shop extends Mesh {
  /** Replaces the VirtualService `shop` and waits until every proxy has it. */
  route(spec: object, metadata?: object): Promise<void>;
  /** A call of one client's sidecar. */
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** What a version of the application saw of a marker. */
  seenBy(version: 'v1' | 'v2', marker: string): Promise<readonly SeenCall[]>;
  /** The line of a Pod's access log that holds a text. */
  logLine(pod: string, text: string): Promise<string>;
  target(path: string, options?: CallOptions): Promise<Call>;
}

export interface CallOptions extends Omit<Call, 'url' | 'proxy'> {
  readonly host?: string;
  readonly from?: 'client' | 'stranger';
  readonly marker?: string;
}

export const marker = (): string => randomUUID();

export const virtualService = (name: string, spec: object, metadata: object = {}): string =>
  stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, ...metadata },
    spec,
  });

/** A destination of a route to a version of the shop. */
export const to = (subset?: string, weight?: number) => ({
  destination: { host: 'shop', port: { number: 80 }, ...(subset === undefined ? {} : { subset }) },
  ...(weight === undefined ? {} : { weight }),
});

export const versionOf = ({ body, status }: Answer): string =>
  status === 200 ? (textAt(JSON.parse(body), 'version') ?? '') : String(status);

export async function startShop(): Promise<Shop> {
  const mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/shop')] });
  const clients = { client: (await mesh.pod('client')).ip, stranger: (await mesh.pod('stranger')).ip };
  const target: Shop['target'] = async (
    path,
    { host = 'shop', from = 'client', marker: mark, ...call } = {},
  ) => ({
    ...call,
    url: `http://${from === 'stranger' && host === 'shop' ? 'shop.default' : host}${path}`,
    proxy: `${clients[from]}:15001`,
    headers: { ...call.headers, ...(mark === undefined ? {} : { 'x-marker': mark, 'user-agent': mark }) },
  });
  const call: Shop['call'] = async (path, options) => fetchText(await target(path, options));
  return {
    ...mesh,
    target,
    call,
    async route(spec, metadata) {
      const applied = await mesh.apply(virtualService('shop', { hosts: ['shop'], ...spec }, metadata));
      expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    },
    async seenBy(version, mark) {
      const { ip } = await mesh.pod(`shop-${version}`);
      const { body } = await fetchText({ url: `http://${ip}:8080/calls/${mark}` });
      const seen: unknown = JSON.parse(body);
      return Array.isArray(seen) ? seen.map(seenCall) : [];
    },
    logLine: (pod, text) =>
      until(`a line with ${text}`, async () => {
        const { name } = await mesh.pod(pod);
        const log = readFileSync(join(mesh.state, 'logs', name, 'access.log'), 'utf8');
        return log.split('\n').find((line) => line.includes(text));
      }),
  };
}

function seenCall(value: unknown): SeenCall {
  const headers = at(value, 'headers');
  return {
    at: Number(at(value, 'at')),
    url: textAt(value, 'url') ?? '',
    headers: Object.fromEntries(
      Object.entries(typeof headers === 'object' && headers !== null ? headers : {}).map(([name, text]) => [
        name,
        String(text),
      ]),
    ),
  };
}
