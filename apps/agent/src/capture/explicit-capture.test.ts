// Addresses without privilege: distinct, the same after a restart, never another mesh's, and with a clear word where there are none.
import { createServer } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { CaptureRequest } from './capture.ts';
import { createExplicitCapture } from './explicit-capture.ts';
import { type BindOutcome, firstPlaceOf, pairAt, tryBind } from './loopback-addresses.ts';

const request: CaptureRequest = {
  namespace: 'default',
  name: 'a',
  role: 'sidecar',
  ports: [9080],
  annotations: {},
};
const free = async (): Promise<BindOutcome> => ({ kind: 'free' });

test('places give addresses of their own, all in 127.16.0.0/12, proxies and applications apart', () => {
  fc.assert(
    fc.property(fc.nat(520_191), fc.nat(520_191), (left, right) => {
      const one = pairAt(left);
      const other = pairAt(right);
      expect(one.proxy === other.proxy).toBe(left === right);
      expect(one.proxy).toMatch(/^127\.(1[6-9]|2[0-3])\.\d+\.\d+$/);
      expect(one.application).toMatch(/^127\.(2[4-9]|3[01])\.\d+\.\d+$/);
      expect(one.proxy).not.toMatch(/\.(0|255)$/);
    }),
  );
  expect(firstPlaceOf('/a')).toBe(firstPlaceOf('/a'));
  expect(firstPlaceOf('/a')).not.toBe(firstPlaceOf('/b'));
});

test('a workload has a place of its own until it gives it back', async () => {
  const capture = createExplicitCapture({ stateDirectory: '/a', tryBind: free });
  const first = await capture.prepare(request);
  const second = await capture.prepare({ ...request, role: 'none' });
  if (!first.ok || !second.ok) throw new Error('no place');
  const { proxy, application } = pairAt(firstPlaceOf('/a'));
  expect(first.value).toMatchObject({
    address: proxy,
    applicationAddress: application,
    bindAddress: application,
    environment: { http_proxy: `http://${proxy}:15001` },
  });
  const next = pairAt(firstPlaceOf('/a') + 1).proxy;
  expect(second.value).toMatchObject({ address: next, bindAddress: next, environment: {} });
  expect(first.value.wrapCommand(['a', 'b'], 'app')).toEqual(['a', 'b']);
  await first.value.dispose();
  expect(await capture.prepare(request)).toMatchObject({ value: { address: proxy } });
});

test('an address where somebody listens is passed over', async () => {
  const { proxy } = pairAt(firstPlaceOf('/x'));
  const other = createServer().listen(15_021, proxy);
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  expect(await tryBind(proxy, 15_021)).toEqual({ kind: 'taken' });
  const prepared = await createExplicitCapture({ stateDirectory: '/x' }).prepare(request);
  expect(prepared).toMatchObject({ ok: true, value: { address: pairAt(firstPlaceOf('/x') + 1).proxy } });
});

test.each([
  ['no-such-address', 'no-loopback-address', 'sudo ifconfig lo0 alias 127.'],
  ['failed', 'loopback-address-refused', '1024'],
  ['taken', 'no-free-loopback-address', 'another state directory'],
] as const)('%s is a failure with a remedy', async (kind, code, remedy) => {
  const outcome: BindOutcome = kind === 'failed' ? { kind, reason: 'EACCES' } : { kind };
  const prepared = await createExplicitCapture({
    stateDirectory: '/a',
    tryBind: async () => outcome,
  }).prepare(request);
  expect(prepared).toMatchObject({
    ok: false,
    diagnostics: [{ code, remedy: expect.stringContaining(remedy) }],
  });
});
