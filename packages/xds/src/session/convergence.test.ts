// Random histories: a delta client ends with exactly what is true, and no route is ever without its cluster.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../roles.ts';
import { applyStep, type Step, startHistory, steps, truth } from '../testing/histories.ts';
import { BAD, createModelClient } from '../testing/model-client.ts';
import { createRig, layer, type Rig, type RigOptions, viewOf, type World } from '../testing/rig.ts';

interface Run {
  readonly world: World;
  readonly client: ReturnType<typeof createModelClient>;
  rig: Rig;
  inbox: ReturnType<Rig['taken']>;
}

function deliver(run: Run): void {
  run.inbox = [...run.inbox, ...run.rig.taken()];
  const [first, ...rest] = run.inbox;
  run.inbox = rest;
  if (first !== undefined) run.client.take(run.rig, first);
}

function play(history: readonly Step[], options: RigOptions & { readonly largeLayer?: number }): Run {
  const start = startHistory(options.largeLayer ?? 32);
  const { world } = start;
  const run: Run = { world, client: createModelClient(), rig: createRig(world, options), inbox: [] };
  run.client.connect(run.rig);
  for (const step of history) {
    applyStep(start, step);
    if (step.kind === 'block') run.rig.socket.isReady = step.isReady;
    if (step.kind === 'deliver') deliver(run);
    if (step.kind === 'reconnect') {
      run.rig = createRig(world, options);
      run.inbox = [];
      run.client.connect(run.rig);
    }
    run.rig.pump();
  }
  settle(run);
  return run;
}

function settle(run: Run): void {
  run.rig.socket.isReady = true;
  for (let round = 0; round < 2_000; round++) {
    deliver(run);
    if (run.inbox.length > 0) continue;
    run.inbox = [...run.rig.taken()];
    if (run.inbox.length > 0) continue;
    // Only what waits for time is left: the first seconds after a reconnect.
    if (run.rig.retryAtMs() === undefined) return;
    run.rig.clock.nowMs = run.rig.retryAtMs() ?? 0;
  }
  throw new Error('does not settle');
}

const heldBy = (run: Run, typeUrl: string): Map<string, string> =>
  new Map([...run.client.held(typeUrl)].map(([name, { version }]) => [name, version]));

/** With every layer taken as large, all work that can be shared is. */
const layered = { view: viewOf([layer('ns:a'), layer('*')]) };
const shared = { ...layered, largeLayer: 1 };

describe('a delta session', () => {
  it('ends with exactly what is true and never breaks a route', () => {
    fc.assert(
      fc.property(steps(false), (history) => {
        const run = play(history, layered);
        for (const typeUrl of [CLUSTER, LISTENER, ENDPOINTS, ROUTE]) {
          const expected = truth(run.world, typeUrl, ['ns:a', '*']);
          expect(heldBy(run, typeUrl)).toEqual(expected);
        }
        expect(run.client.broken).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('does so too with responses that streams share', () => {
    fc.assert(
      fc.property(steps(false), (history) => {
        const run = play(history, shared);
        for (const typeUrl of [CLUSTER, LISTENER, ENDPOINTS, ROUTE]) {
          expect(heldBy(run, typeUrl)).toEqual(truth(run.world, typeUrl, ['ns:a', '*']));
        }
        expect(run.client.broken).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gets every good resource in, whatever the client refuses', () => {
    fc.assert(
      fc.property(steps(true), (history) => {
        const run = play(history, shared);
        for (const [name, hash] of truth(run.world, CLUSTER, ['*'])) {
          const resource = run.world.types[0]?.resources.get(`*|${name}`);
          const isBad = Buffer.concat([...(resource?.chunks ?? [])]).includes(BAD);
          if (!isBad) expect(heldBy(run, CLUSTER).get(name)).toBe(hash);
        }
        expect(heldBy(run, ROUTE)).toEqual(truth(run.world, ROUTE, ['ns:a', '*']));
      }),
      { numRuns: 500 },
    );
  });

  it('sends parts of a response that is too large, and still the same set', () => {
    fc.assert(
      fc.property(steps(false), (history) => {
        const run = play(history, { ...layered, limits: { responseBytes: 200 } });
        expect(heldBy(run, CLUSTER)).toEqual(truth(run.world, CLUSTER, ['*']));
        expect(run.client.broken).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
