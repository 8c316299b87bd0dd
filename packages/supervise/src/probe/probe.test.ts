import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { manualTimers } from '../testing/manual-timers.ts';
import { attemptProbe } from './attempt.ts';
import { startProbe } from './probe.ts';
import type { ProbeAnswer, ProbeSpec } from './spec.ts';

const target = { host: '127.0.0.1' };
const env = { PATH: process.env['PATH'] };

describe('attemptProbe', () => {
  it('takes 200 to 399 for a pass and sends the headers it was given', async () => {
    let seen: IncomingHttpHeaders = {};
    const server = createHttpServer((request, response) => {
      seen = request.headers;
      response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = (path: string) =>
      attemptProbe(
        { action: { kind: 'httpGet', port, path, httpHeaders: [{ name: 'X-A', value: 'b' }] } },
        target,
      );
    expect(await ask('/200')).toEqual({ passing: true, message: '200' });
    expect(await ask('302')).toEqual({ passing: true, message: '302' });
    expect(await ask('/404')).toEqual({ passing: false, message: 'status 404' });
    expect(await ask('/503')).toEqual({ passing: false, message: 'status 503' });
    expect(seen['x-a']).toBe('b');
    server.close();
  });

  it('fails on a refused connection and on silence', async () => {
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const http: ProbeSpec = { action: { kind: 'httpGet', port }, timeoutSeconds: 0.05 };
    expect(await attemptProbe(http, target)).toEqual({ passing: false, message: 'no answer within 0.05 s' });
    const tcp: ProbeSpec = { action: { kind: 'tcpSocket', port } };
    expect(await attemptProbe(tcp, target)).toEqual({ passing: true, message: 'connected' });
    silent.close();
    await once(silent, 'close');
    for (const spec of [http, tcp]) {
      expect(await attemptProbe(spec, target)).toEqual({ passing: false, message: 'connection refused' });
    }
  });

  it('runs commands', async () => {
    const run = (command: readonly string[], timeoutSeconds = 5) =>
      attemptProbe({ action: { kind: 'exec', command }, timeoutSeconds }, { ...target, env });
    expect(await run(['true'])).toEqual({ passing: true, message: 'exit 0' });
    expect(await run(['sh', '-c', 'exit 3'])).toEqual({ passing: false, message: 'exit 3' });
    expect(await run(['sleep', '60'], 0.05)).toEqual({ passing: false, message: 'no answer within 0.05 s' });
    expect(await run(['no-such-command'])).toEqual({
      passing: false,
      message: 'no-such-command is not there',
    });
    expect((await run([])).passing).toBe(false);
  });

  it('answers even to what cannot be asked', async () => {
    const spec: ProbeSpec = {
      action: { kind: 'httpGet', port: 1, httpHeaders: [{ name: 'a b', value: '\n' }] },
    };
    expect((await attemptProbe(spec, target)).passing).toBe(false);
  });
});

describe('startProbe', () => {
  const action = { kind: 'tcpSocket', port: 1 } as const;

  function script(spec: Partial<ProbeSpec>, answers: readonly boolean[]) {
    const timers = manualTimers();
    const left = [...answers];
    const changes: ProbeAnswer[] = [];
    const options = {
      timers,
      onChange: (answer: ProbeAnswer) => changes.push(answer),
      attempt: () => Promise.resolve({ passing: left.shift() ?? false, message: `${left.length} left` }),
    };
    const probe = startProbe({ action, ...spec }, target, options);
    const round = async () => {
      const [delay = 0] = timers.waiting();
      timers.pass(delay);
      await expect.poll(timers.waiting).toHaveLength(1);
      return delay;
    };
    return { probe, changes, round, timers };
  }

  it('waits, then asks once a period, and reports only what reached its threshold', async () => {
    const spec = { initialDelaySeconds: 3, periodSeconds: 2, successThreshold: 2, failureThreshold: 3 };
    const { probe, changes, round } = script(spec, [
      true,
      true,
      false,
      false,
      true,
      false,
      false,
      false,
      true,
    ]);
    const delays: number[] = [];
    const verdicts: unknown[] = [];
    for (let index = 0; index < 9; index++) {
      delays.push(await round());
      verdicts.push(probe.passing);
    }
    expect(delays).toEqual([3_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]);
    expect(verdicts).toEqual([undefined, true, true, true, true, true, true, false, false]);
    expect(changes.map(({ passing }) => passing)).toEqual([true, false]);
  });

  it('asks more often until the first success', async () => {
    const { round } = script({ firstSuccessPeriodMs: 100 }, [false, false, true, false]);
    const delays = [await round(), await round(), await round(), await round(), await round()];
    expect(delays).toEqual([0, 100, 100, 10_000, 10_000]);
  });

  it('is silent once disposed, even with a question under way', async () => {
    const { probe, changes, timers } = script({}, [true]);
    timers.pass(0);
    probe[Symbol.dispose]();
    await Promise.resolve();
    expect([changes, timers.waiting(), probe.passing]).toEqual([[], [], undefined]);
  });
});
