// Rules about connections, on real Envoys: who may open one is asked of the policy service, a refused one never reaches the application, and each is reported with what went over it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { at, type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { documents, handler, instance, rule } from './support/policy-objects.ts';
import { dial } from './support/tunnel.ts';

let mesh: Mesh;
let client: string;
let echo: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  client = (await mesh.pod('client')).ip;
  echo = (await mesh.pod('echo')).ip;
  await apply(
    callers(['client']),
    instance('caller', 'listentry', { value: 'source.labels["app"] | "nobody"' }),
    asking({}),
    handler('lines', 'stdio', {
      logStream: 'FILE',
      outputPath: join(mesh.state, 'connections.log'),
      outputAsJson: true,
    }),
    instance('connection', 'logentry', {
      severity: '"info"',
      timestamp: 'context.time',
      variables: {
        event: 'connection.event | "?"',
        id: 'connection.id | ""',
        mtls: 'connection.mtls | false',
        received: 'connection.received.bytes | 0',
        receivedTotal: 'connection.received.bytes_total | 0',
        sent: 'connection.sent.bytes | 0',
        sentTotal: 'connection.sent.bytes_total | 0',
        duration: 'connection.duration | "0ms"',
        protocol: 'context.protocol | "?"',
        reporter: 'context.reporter.kind | "?"',
        source: 'source.workload.name | "?"',
        principal: 'source.principal | "?"',
        service: 'destination.service.host | "?"',
        port: 'destination.port | 0',
      },
    }),
    rule('lines', `${isEcho} && context.protocol == "tcp"`, { lines: ['connection'] }),
  );
  await until('a connection is let in', async () => (await say('ready?')).endsWith('ready?\n'), 60_000);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const isEcho = 'destination.labels["app"] == "echo"';
const callers = (overrides: readonly string[]): string => handler('callers', 'list', { overrides });
/** Of connections to the TCP port only. */
const asking = (annotations: Readonly<Record<string, string>>): string =>
  rule('callers', `${isEcho} && destination.port == 9000`, { callers: ['caller'] }, annotations);

async function apply(...objects: readonly string[]): Promise<void> {
  const { code, stderr } = await mesh.apply(documents(...objects));
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

/** What the server said: its greeting and what it was told, or nothing. */
const say = (word: string): Promise<string> =>
  dial({ proxy: `${client}:15001`, target: 'echo:9000', say: `${word}\n`, until: `${word}\n` });

const reached = async (): Promise<unknown> =>
  at(JSON.parse((await fetchText({ url: `http://${echo}:8080/counts` })).body), 'tcp');

const told = (): readonly Readonly<Record<string, unknown>>[] =>
  readFileSync(join(mesh.state, 'connections.log'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => Object(JSON.parse(line)));

describe('[MX-1] connections', () => {
  it('are let in, and refused before the application hears of them, as a list says that changes live', async () => {
    expect(await say('hello')).toBe('ready\nhello\n');
    await apply(callers(['somebody-else']));
    await until('it is refused', async () => (await say('refused?')) === '');
    const before = await reached();
    expect(await Promise.all([say('one'), say('two'), say('three')])).toEqual(['', '', '']);
    expect(await reached()).toBe(before);
    // Other ports of the same application are none of the rule's business.
    const other = await fetchText({ url: 'http://echo/free', proxy: `${client}:15001` });
    expect(other.status).toBe(200);
    await apply(callers(['client']));
    await until('it is let in again', async () => (await say('again')) === 'ready\nagain\n');
  }, 60_000);
});

describe('[DP-22] a connection that is over', () => {
  it('is reported once, with both sides, its bytes and its time', async () => {
    const word = 'x'.repeat(993);
    expect(await say(word)).toBe(`ready\n${word}\n`);
    const line = await until('it is told', async () => told().find(({ received }) => received === 994));
    expect(line).toMatchObject({
      event: 'close',
      mtls: true,
      receivedTotal: 994,
      sent: 1_000,
      sentTotal: 1_000,
      protocol: 'tcp',
      reporter: 'inbound',
      source: 'client',
      principal: 'cluster.local/ns/default/sa/client',
      service: 'echo.default.svc.cluster.local',
      port: 9_000,
      id: expect.stringMatching(/.+/),
      duration: expect.stringMatching(/s$/),
    });
    const ended = told().filter(({ event }) => event === 'close');
    expect(new Set(ended.map(({ id }) => id)).size).toBe(ended.length);
  }, 60_000);
});

describe('[MX-1] [F19] connections while the policy service does not answer', () => {
  let stopped: number | undefined;
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    stopped ??= Number(JSON.parse(readFileSync(join(mesh.state, 'run/policy.pid'), 'utf8')).pid);
    process.kill(stopped, name);
  };
  afterEach(() => {
    if (stopped !== undefined) signal('SIGCONT');
  });

  it('are refused, or let through where the rule says open', async () => {
    signal('SIGSTOP');
    const before = await reached();
    expect(await dial({ ...asked('closed'), timeoutMs: 20_000 })).toBe('');
    expect(await reached()).toBe(before);
    await apply(asking({ 'policy.xebec.io/failure-policy': 'open' }));
    await until(
      'it passes',
      async () => (await dial({ ...asked('open'), timeoutMs: 20_000 })) === 'ready\nopen\n',
      60_000,
    );
  }, 120_000);

  const asked = (word: string) => ({
    proxy: `${client}:15001`,
    target: 'echo:9000',
    say: `${word}\n`,
    until: `${word}\n`,
  });
});
