// The admin API's answers as values: refusals with their own words, and what cannot be reached with a remedy.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createControlClient } from './control-client.ts';
import { collectText } from './unix-http.ts';

async function startApi(
  answer: (line: string, body: string) => { readonly status: number; readonly body: unknown },
) {
  const directory = mkdtempSync(path.join(tmpdir(), 'xebec-api-'));
  const socketPath = path.join(directory, 's');
  const server = http.createServer((request, response) => {
    void collectText(request, 10_000).then((text) => {
      const { status, body } = answer(`${request.method} ${request.url}`, text);
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  server.listen(socketPath);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  return createControlClient(socketPath);
}

test('tokens, Pods that come and Pods that go', async () => {
  const seen: string[] = [];
  const client = await startApi((line, body) => {
    seen.push(`${line} ${body}`);
    return { status: line.startsWith('DELETE') ? 404 : 200, body: { token: 'once' } };
  });
  expect(await client.issueToken({ namespace: 'default', serviceAccount: 'a' })).toMatchObject({
    value: 'once',
  });
  expect(await client.putRuntime({ kind: 'Pod' })).toMatchObject({ ok: true });
  expect(await client.deleteRuntime('Pod/default/a')).toMatchObject({ ok: true });
  expect(seen).toEqual([
    'POST /v1/tokens {"namespace":"default","serviceAccount":"a"}',
    'PUT /v1/runtime {"object":{"kind":"Pod"}}',
    'DELETE /v1/runtime/Pod%2Fdefault%2Fa ',
  ]);
});

test('a refusal keeps its code, its field and its remedy', async () => {
  const diagnostic = { code: 'bad-pod', message: 'no', field: 'spec', remedy: 'write spec' };
  const client = await startApi(() => ({ status: 422, body: { diagnostics: [diagnostic] } }));
  expect(await client.putRuntime({})).toEqual({
    ok: false,
    diagnostics: [{ severity: 'error', ...diagnostic }],
  });
});

test('answers that say nothing useful are refusals too', async () => {
  const client = await startApi((line) => ({ status: line.startsWith('POST') ? 200 : 500, body: 'oops' }));
  expect(await client.putRuntime({})).toMatchObject({
    ok: false,
    diagnostics: [{ code: 'control-plane-refused' }],
  });
  expect(await client.issueToken({ namespace: 'a', serviceAccount: 'b' })).toMatchObject({ ok: false });
});

test('a control plane that is not there can be asked later', async () => {
  const client = createControlClient(path.join(tmpdir(), 'nobody-listens-here.sock'));
  expect(await client.putRuntime({})).toMatchObject({
    ok: false,
    diagnostics: [{ code: 'control-plane-unreachable' }],
  });
});
