// fluentd against a server of the test's own that speaks the forward protocol.
import { createFluentd, type Handler, Timestamp } from '@xebec/policy';
import { afterEach, describe, expect, it } from 'vitest';
import { instanceOf, testContext } from '../testing/backend-server.ts';
import { openForward } from './open-forward.ts';
import { type ForwardMood, type ForwardServer, startForwardServer } from './testing/forward-server.ts';

const signal = new AbortController().signal;
const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each();
});

async function start(mood: ForwardMood): Promise<ForwardServer> {
  const server = await startForwardServer(mood);
  undo.push(() => void server.close());
  return server;
}

async function build(address: string): Promise<Handler> {
  const adapter = createFluentd(openForward);
  const parsed = adapter.parse({ address, pushTimeout: '0.3s' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  const handler = await adapter.build(parsed.value, testContext());
  undo.push(() => void handler.close?.());
  return handler;
}

const entry = instanceOf('logentry', 'log', {
  severity: 'warning',
  timestamp: new Timestamp(1_600_000_000_000_000_005n),
  variables: { code: 503n, path: '/'.repeat(40), isLate: true },
});

describe('fluentd', () => {
  it('[MX-6] gets entries in batches and acknowledges them', async () => {
    const { messages, address } = await start('well');
    const handler = await build(address);
    await handler.report?.([entry, entry], signal);
    const time = { seconds: 1_600_000_000, nanoseconds: 5 };
    const record = { severity: 'warning', code: 503, path: '/'.repeat(40), isLate: true };
    expect(messages).toEqual([
      {
        tag: 'log.instance.default',
        entries: [
          [time, record],
          [time, record],
        ],
        option: { size: 2, chunk: expect.any(String) },
      },
    ]);
  });

  it('[MX-11] fails when nothing is acknowledged, and works again on a new connection', async () => {
    const server = await start('silent');
    const handler = await build(server.address);
    await expect(Promise.resolve(handler.report?.([entry], signal))).rejects.toThrow('in time');
    server.mood = 'hang-up';
    await expect(Promise.resolve(handler.report?.([entry], signal))).rejects.toThrow();
    server.mood = 'well';
    await handler.report?.([entry], signal);
  });
});
