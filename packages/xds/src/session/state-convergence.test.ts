// Random histories: a state-of-the-world client ends with exactly what is true, and no route is ever without its cluster.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../roles.ts';
import { applyStep, type Step, startHistory, steps, truth } from '../testing/histories.ts';
import { readBody } from '../testing/resources.ts';
import { createRig, layer, type Rig, readState, viewOf } from '../testing/rig.ts';
import type { Outgoing } from './state.ts';

interface Known {
  readonly held: Map<string, string>;
  names: readonly string[];
  nonce: string;
}

const namedFrom: Readonly<Record<string, string>> = { [CLUSTER]: ENDPOINTS, [LISTENER]: ROUTE };

/** Takes listeners and clusters as whole sets, routes and endpoints one by one, and asks for what they name. */
function createStateClient() {
  const types = new Map<string, Known>();
  const broken: string[] = [];
  const of = (typeUrl: string): Known => {
    const known = types.get(typeUrl) ?? { held: new Map(), names: [], nonce: '' };
    types.set(typeUrl, known);
    return known;
  };
  const request = (rig: Rig, typeUrl: string): void => {
    const { names, nonce } = of(typeUrl);
    rig.state(typeUrl, { names, nonce });
  };
  return {
    held: (typeUrl: string) => of(typeUrl).held,
    broken,
    connect(rig: Rig): void {
      for (const known of types.values()) known.nonce = '';
      for (const typeUrl of [CLUSTER, LISTENER]) request(rig, typeUrl);
      for (const typeUrl of [ENDPOINTS, ROUTE]) if (of(typeUrl).names.length > 0) request(rig, typeUrl);
    },
    take(rig: Rig, response: Outgoing): void {
      const message = readState(response);
      const known = of(message.typeUrl);
      known.nonce = message.nonce;
      const named = namedFrom[message.typeUrl];
      const bodies = message.resources.map(({ value }) => (value[0] === 0x7b ? readBody(value) : undefined));
      if (named !== undefined) known.held.clear();
      for (const body of bodies) {
        // What nobody subscribed to is dropped.
        const isWanted = named !== undefined || known.names.includes(body?.name ?? '');
        if (body !== undefined && isWanted) known.held.set(body.name, body.content);
      }
      for (const body of message.typeUrl === ROUTE ? bodies : []) {
        for (const need of body?.needs ?? []) {
          if (!of(CLUSTER).held.has(need.name)) broken.push(`${body?.name} without ${need.name}`);
        }
      }
      request(rig, message.typeUrl);
      if (named === undefined) return;
      const names = bodies.flatMap((body) => body?.needs.map((need) => need.name) ?? []).sort();
      const target = of(named);
      if (names.join() === target.names.join()) return;
      target.names = names;
      for (const name of target.held.keys()) if (!names.includes(name)) target.held.delete(name);
      request(rig, named);
    },
  };
}

function play(history: readonly Step[], largeLayer: number) {
  const options = { view: viewOf([layer('ns:a'), layer('*')]), protocol: 'state-of-the-world' as const };
  const start = startHistory(largeLayer);
  const { world } = start;
  const client = createStateClient();
  let rig = createRig(world, options);
  let inbox: readonly Outgoing[] = [];
  const deliver = (): void => {
    inbox = [...inbox, ...rig.taken()];
    const [first, ...rest] = inbox;
    inbox = rest;
    if (first !== undefined) client.take(rig, first);
  };
  client.connect(rig);
  for (const step of history) {
    applyStep(start, step);
    if (step.kind === 'block') rig.socket.isReady = step.isReady;
    if (step.kind === 'deliver') deliver();
    if (step.kind === 'reconnect') {
      // A whole set cannot say that a cluster waits for its removal: everything is taken over first.
      settle();
      rig = createRig(world, options);
      inbox = [];
      client.connect(rig);
    }
    rig.pump();
  }
  function settle(): void {
    rig.socket.isReady = true;
    for (let round = 0; round < 2_000; round++) {
      deliver();
      if (inbox.length > 0) continue;
      inbox = rig.taken();
      if (inbox.length > 0) continue;
      if (rig.retryAtMs() === undefined) return;
      rig.clock.nowMs = rig.retryAtMs() ?? 0;
    }
    throw new Error('does not settle');
  }
  settle();
  return { client, world };
}

describe('a state-of-the-world session', () => {
  it.each([1, 32])(
    'ends with exactly what is true and never breaks a route (shared from %i)',
    (largeLayer) => {
      fc.assert(
        fc.property(steps(false), (history) => {
          const { client, world } = play(history, largeLayer);
          for (const typeUrl of [CLUSTER, LISTENER, ENDPOINTS, ROUTE]) {
            const expected = truth(world, typeUrl, ['ns:a', '*']);
            // The protocol cannot say that a route is gone; its listener has to stop naming it.
            const held = [...client.held(typeUrl).keys()].filter(
              (name) => typeUrl !== ROUTE || expected.has(name),
            );
            expect(held.sort()).toEqual([...expected.keys()].sort());
            const type = world.types.find((candidate) => candidate.typeUrl === typeUrl);
            for (const name of held) {
              const resource = type?.resources.get(`ns:a|${name}`) ?? type?.resources.get(`*|${name}`);
              const body = readBody(Buffer.concat([...(resource?.chunks ?? [])]));
              expect(client.held(typeUrl).get(name)).toBe(body.content);
            }
          }
          expect(client.broken).toEqual([]);
        }),
        { numRuns: 500 },
      );
    },
  );
});
