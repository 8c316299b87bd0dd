// Probes from a chosen source, and commands in the workload's place.
import { once } from 'node:events';
import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { attemptIn } from './probe-attempt.ts';

const wrapCommand = (command: readonly string[]): readonly string[] => [
  process.execPath,
  '-e',
  `process.exit(${command[0]})`,
];
const target = { host: '127.0.0.1' };

async function startServer() {
  const sources: string[] = [];
  const server = http.createServer((request, response) => {
    sources.push(`${request.socket.remoteAddress} ${request.headers['x-probe'] ?? ''}`.trim());
    response.writeHead(request.url === '/bad' ? 500 : 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, sources };
}

test('HTTP and TCP probes come from the source, and say why they fail', async () => {
  const { port, sources } = await startServer();
  const attempt = attemptIn({ probeSource: '127.9.9.9', wrapCommand });
  const httpHeaders = [{ name: 'x-probe', value: 'yes' }];
  expect(await attempt({ action: { kind: 'httpGet', port, path: '/good', httpHeaders } }, target)).toEqual({
    passing: true,
    message: '200',
  });
  expect(await attempt({ action: { kind: 'httpGet', port, path: '/bad' } }, target)).toMatchObject({
    passing: false,
    message: 'status 500',
  });
  expect(await attempt({ action: { kind: 'tcpSocket', port } }, target)).toMatchObject({ passing: true });
  expect(await attempt({ action: { kind: 'tcpSocket', port: 1 } }, target)).toMatchObject({ passing: false });
  expect(sources).toEqual(['127.9.9.9 yes', '127.9.9.9']);
});

test('without a source any will do, and commands are wrapped', async () => {
  const { port, sources } = await startServer();
  const attempt = attemptIn({ wrapCommand });
  expect(await attempt({ action: { kind: 'httpGet', port } }, target)).toMatchObject({ passing: true });
  expect(sources).toEqual(['127.0.0.1']);
  expect(
    await attempt({ action: { kind: 'exec', command: ['0'] }, timeoutSeconds: 10 }, target),
  ).toMatchObject({ passing: true });
  expect(await attempt({ action: { kind: 'exec', command: ['3'] }, timeoutSeconds: 10 }, target)).toEqual({
    passing: false,
    message: 'exit 3',
  });
});
