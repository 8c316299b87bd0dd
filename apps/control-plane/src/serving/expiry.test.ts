// People are told 30, 10 and 3 days before an authority ends, once each, and when a workload's renewal is overdue.
import { expect, test } from 'vitest';
import { expiryWarnings } from './expiry.ts';

const dayMs = 24 * 3_600_000;
const nowMs = Date.UTC(2026, 10, 21);

const root = (daysLeft: number, life = 3_650) => ({
  role: 'root' as const,
  fingerprint: 'f',
  subject: 'Root CA',
  notBefore: nowMs + (daysLeft - life) * dayMs,
  notAfter: nowMs + daysLeft * dayMs,
});

const warningsOf = (certificate: ReturnType<typeof root>) =>
  expiryWarnings(
    { authority: { certificates: [certificate], rotation: undefined }, reports: { all: [] } },
    nowMs,
  );

test.each([
  [31, undefined, ''],
  [30, 'warning', '30 days'],
  [11, 'warning', '30 days'],
  [10, 'warning', '10 days'],
  [3, 'error', '3 days'],
  [0.5, 'error', '3 days'],
  [0, 'error', 'has expired'],
  [-5, 'error', 'has expired'],
])('%s days before the end of a root: %s', (days, severity, words) => {
  const [warning] = warningsOf(root(days));
  expect(warning?.severity).toBe(severity);
  expect(warning?.message ?? '').toContain(words);
});

test('each step has a key of its own, and what lives for days only does not warn from its first one', () => {
  const keys = [30, 29, 10, 9, 3, 1, 0].map((days) => warningsOf(root(days))[0]?.key);
  expect(new Set(keys).size).toBe(4);
  expect(warningsOf(root(6, 7))).toEqual([]);
  expect(warningsOf(root(2, 7))).toHaveLength(1);
});

test('a certificate with less than a fifth of its life left should have been renewed', () => {
  const report = (left: number) => ({
    ...{ node: 'sidecar~10.0.0.1~reviews-1.default~x', bundle: '', issuer: '', serial: 'A', problem: '' },
    ...{ notBefore: nowMs - (100 - left) * 1_000, notAfter: nowMs + left * 1_000, atMs: nowMs },
    identity: { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' },
  });
  const authority = { certificates: [], rotation: undefined };
  const told = expiryWarnings({ authority, reports: { all: [report(21), report(19)] } }, nowMs);
  expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('reviews-1.default ends at')]);
});
