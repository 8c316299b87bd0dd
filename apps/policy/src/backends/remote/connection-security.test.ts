import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { enrol, hasOpenssl, openssl, openTestAuthority } from '@xebec/ca/testing';
import type { RemoteAdapterCall } from '@xebec/policy';
import { CheckResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/check_pb';
import {
  HandleListEntryRequestSchema,
  HandleListEntryService,
} from '@xebec/protos/istio/mixer/template/listentry_pb';
import { afterAll, afterEach, expect, test } from 'vitest';
import { AdapterConnection, type MeshCredentials } from './connection.ts';
import { type AdapterServer, serve, startAdapterServer } from './testing/adapter-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-adapter-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const method = HandleListEntryService.method.handleListEntry;
const seen: (string | undefined)[] = [];

async function start(credentials: grpc.ServerCredentials): Promise<AdapterServer> {
  const answer = serve(method, (_request, metadata) => {
    seen.push(metadata.get('authorization')[0]?.toString());
    return create(CheckResultSchema, { validUseCount: 1 });
  });
  const server = await startAdapterServer([answer], { credentials });
  cleanups.push(() => server.kill());
  return server;
}

async function ask(call: Pick<RemoteAdapterCall, 'address' | 'authentication'>, mesh?: MeshCredentials) {
  const rest = { name: 'x', timeoutMs: 2_000, isSessionBased: false, config: '', params: {} };
  const connection = new AdapterConnection({ ...rest, ...call }, mesh);
  cleanups.push(() => connection.close());
  const request = create(HandleListEntryRequestSchema);
  const { signal } = new AbortController();
  return await connection.unary({ method, output: method.output, request, signal });
}

const secured = (key: string, chain: string, roots?: string): grpc.ServerCredentials =>
  grpc.ServerCredentials.createSsl(
    roots === undefined ? null : Buffer.from(roots),
    [{ private_key: Buffer.from(key), cert_chain: Buffer.from(chain) }],
    roots !== undefined,
  );

test('with mutual: {} both show a certificate of the mesh; anybody else is not spoken to', async () => {
  const authority = openTestAuthority(directory);
  const own = await enrol(authority, 'spiffe://cluster.local/ns/istio-system/sa/xebec-policy');
  const theirs = await enrol(authority, 'spiffe://cluster.local/ns/default/sa/adapter');
  const roots = authority.rootsPem;
  const server = await start(secured(theirs.privateKeyPem, theirs.certificatesPem, roots.join('')));
  const credentials = (spiffeId: string): MeshCredentials => ({
    current: {
      spiffeId,
      rootsPem: roots,
      privateKeyPem: own.privateKeyPem,
      certificatesPem: own.certificatesPem,
    },
  });
  const call = { address: server.address, authentication: { kind: 'mesh' } } as const;
  const mesh = credentials('spiffe://cluster.local/ns/istio-system/sa/xebec-policy');
  expect(await ask(call, mesh)).toMatchObject({ validUseCount: 1 });
  await expect(ask(call, credentials('spiffe://other.domain/ns/a/sa/b'))).rejects.toThrow('UNAVAILABLE');
  const named = { ...call, authentication: { kind: 'mesh', serverName: 'other.example' } } as const;
  await expect(ask(named, mesh)).rejects.toThrow('UNAVAILABLE');
  await expect(ask({ address: server.address }, mesh)).rejects.toThrow('UNAVAILABLE');
});

test.skipIf(!hasOpenssl)('tls: the name is checked, the token is sent, and is in no message', async () => {
  const [key, certificate, token] = ['key.pem', 'cert.pem', 'token'].map((name) => join(directory, name));
  if (key === undefined || certificate === undefined || token === undefined) throw new Error('no names');
  const names = ['-subj', '/CN=guard', '-addext', 'subjectAltName=DNS:guard.example'];
  const made = openssl([
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...[...names, '-keyout', key],
  ]);
  writeFileSync(certificate, made);
  writeFileSync(token, 'secret-1\n');
  const pem = openssl(['pkey', '-in', key]).toString();
  const server = await start(secured(pem, made.toString()));
  const authentication = {
    kind: 'tls',
    caCertificates: certificate,
    serverName: 'guard.example',
    token: { path: token, header: 'authorization', prefix: 'Bearer ' },
  } as const;
  const { address } = server;
  seen.length = 0;
  expect(await ask({ address, authentication })).toMatchObject({ validUseCount: 1 });
  expect(seen).toEqual(['Bearer secret-1']);
  const wrong = { ...authentication, serverName: 'other.example' };
  const problem = await ask({ address, authentication: wrong }).catch((error: unknown) => String(error));
  expect(problem).toContain('UNAVAILABLE');
  expect(problem).not.toContain('secret-1');
  expect(seen).toHaveLength(1);
});
