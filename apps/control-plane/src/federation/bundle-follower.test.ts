// Bundles of others: what was good once stays, what is bad or older never comes in, and a restart forgets nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLiveAuthority, writeSpiffeBundle } from '@xebec/ca';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { Fetched } from '../outbound/guarded-fetch.ts';
import { type BundleState, createBundleFollower } from './bundle-follower.ts';
import { type BundleStore, openBundleStore } from './bundle-store.ts';
import { createOwnBundle } from './own-bundle.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-follower-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function authorityOf(trustDomain: string) {
  const opened = openLiveAuthority({ directory: mkdtempSync(join(directory, 'ca-')), trustDomain });
  if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
  onTestFinished(() => opened.value[Symbol.dispose]());
  return opened.value;
}

const source = { trustDomain: 'west.example', url: 'https://west.example/bundle' };
const bundle = (authority: ReturnType<typeof authorityOf>, sequence: number): Fetched => ({
  kind: 'text',
  text: writeSpiffeBundle(authority.publication, { sequence, refreshHintMs: 1_000 }),
});
const away: Fetched = { kind: 'failed', reason: 'nobody is there' };
const nothing = (): BundleStore => openBundleStore(undefined, () => undefined);

function start(answer: () => Fetched, store = nothing()) {
  const problems: BundleState[] = [];
  let changes = 0;
  const follower = createBundleFollower({
    store,
    clock: Date.now,
    random: () => 0,
    retryMs: 5,
    fetchText: async () => answer(),
    onChange: () => changes++,
    onProblem: (state) => problems.push({ ...state }),
  });
  onTestFinished(() => follower[Symbol.dispose]());
  follower.follow([source]);
  return { follower, problems, changes: () => changes };
}

test('[F21] a bundle is read, replaced, and stays while the other mesh is away', async () => {
  const [old, next] = [authorityOf('west.example'), authorityOf('west.example')];
  let answer = bundle(old, 1);
  const { follower, problems } = start(() => answer);
  await expect.poll(() => follower.of(source)?.bundle?.rootsPem).toEqual(old.rootsPem);
  answer = bundle(next, 2);
  await expect.poll(() => follower.of(source)?.bundle?.rootsPem, { timeout: 5_000 }).toEqual(next.rootsPem);
  answer = away;
  await expect
    .poll(() => problems.map(({ problem }) => problem), { timeout: 5_000 })
    .toEqual(['nobody is there']);
  expect(follower.of(source)?.bundle?.rootsPem).toEqual(next.rootsPem);
  // Somebody plays an old answer back.
  answer = bundle(old, 1);
  await expect.poll(() => problems.at(-1)?.problem, { timeout: 5_000 }).toContain('older');
  expect(follower.of(source)?.bundle?.rootsPem).toEqual(next.rootsPem);
});

test('[F21] after a restart the bundle of before is there at once', async () => {
  const file = join(directory, 'bundles.json');
  const open = () => openBundleStore(file, (error) => expect(error).toBeUndefined());
  const west = authorityOf('west.example');
  const first = start(() => bundle(west, 1), open());
  await expect.poll(() => first.follower.of(source)?.bundle).toBeDefined();
  first.follower[Symbol.dispose]();
  const second = start(() => away, open());
  expect(second.follower.of(source)?.bundle?.rootsPem).toEqual(west.rootsPem);
  second.follower.follow([]);
  expect(start(() => away, open()).follower.of(source)?.bundle).toBeUndefined();
});

test('who says the same again changes nothing', async () => {
  const west = authorityOf('west.example');
  let asked = 0;
  const { follower, changes } = start(() => {
    asked++;
    return bundle(west, 1);
  });
  await expect.poll(() => asked, { timeout: 5_000 }).toBeGreaterThan(1);
  await expect.poll(() => follower.of(source)?.problem).toBeUndefined();
  expect(changes()).toBe(1);
});

test('the number of the own bundle grows with every change, also over restarts', () => {
  const authority = authorityOf('west.example');
  const file = join(directory, 'sequence.json');
  const sequence = (clock: number): number =>
    JSON.parse(
      createOwnBundle({
        ...{ authority, file, refreshHintMs: 1_000, clock: () => clock },
        onFault: (error) => expect(error).toBeUndefined(),
      }).document(),
    ).spiffe_sequence;
  expect([sequence(5_000), sequence(9_000)]).toEqual([5, 5]);
  expect(authority.rotate({ kind: 'root', goal: 'retire' }).ok).toBe(true);
  expect([sequence(1_000), sequence(9_000)]).toEqual([6, 6]);
});
