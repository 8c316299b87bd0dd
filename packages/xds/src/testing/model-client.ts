// A delta client that behaves as Envoy does where order matters, and records every moment in which a route had no cluster.
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../roles.ts';
import type { Outgoing } from '../session/state.ts';
import type { TypeUrl } from '../types.ts';
import { readBody, type TestBody } from './resources.ts';
import { type Rig, readDelta } from './rig.ts';

interface Held {
  readonly version: string;
  readonly body: TestBody;
}

/** Content with this word in it is refused. */
export const BAD = 'bad';

export function createModelClient() {
  const held = new Map<TypeUrl, Map<string, Held>>();
  const subscribed = new Map<TypeUrl, Set<string>>();
  const broken: string[] = [];
  const of = (typeUrl: TypeUrl): Map<string, Held> => {
    const found = held.get(typeUrl) ?? new Map<string, Held>();
    held.set(typeUrl, found);
    return found;
  };

  /** A route that serves must find its clusters. */
  function check(after: string): void {
    for (const typeUrl of [ROUTE, LISTENER]) {
      for (const { body } of of(typeUrl).values()) {
        for (const need of body.needs) {
          if (need.typeUrl === CLUSTER && !of(CLUSTER).has(need.name)) {
            broken.push(`${body.name} without ${need.name} after ${after}`);
          }
        }
      }
    }
  }

  function wantedNames(typeUrl: TypeUrl): Set<string> {
    const from = typeUrl === ENDPOINTS ? CLUSTER : LISTENER;
    const names = new Set<string>();
    for (const { body } of of(from).values()) {
      for (const need of body.needs) if (need.typeUrl === typeUrl) names.add(need.name);
    }
    return names;
  }

  function resubscribe(rig: Rig, typeUrl: TypeUrl): void {
    const wanted = wantedNames(typeUrl);
    const before = subscribed.get(typeUrl) ?? new Set<string>();
    const subscribe = [...wanted].filter((name) => !before.has(name));
    const unsubscribe = [...before].filter((name) => !wanted.has(name));
    subscribed.set(typeUrl, wanted);
    for (const name of unsubscribe) of(typeUrl).delete(name);
    if (subscribe.length + unsubscribe.length > 0) rig.delta(typeUrl, { subscribe, unsubscribe });
  }

  /** What nobody subscribed to is dropped. */
  const isWanted = (typeUrl: TypeUrl, name: string): boolean =>
    (typeUrl !== ENDPOINTS && typeUrl !== ROUTE) || subscribed.get(typeUrl)?.has(name) === true;

  return {
    held: of,
    broken,
    connect(rig: Rig): void {
      for (const typeUrl of [CLUSTER, LISTENER]) {
        const known = new Map([...of(typeUrl)].map(([name, { version }]) => [name, version]));
        rig.delta(typeUrl, { known });
      }
      for (const typeUrl of [ENDPOINTS, ROUTE]) {
        const names = [...(subscribed.get(typeUrl) ?? [])];
        if (names.length === 0) continue;
        const known = new Map([...of(typeUrl)].map(([name, { version }]) => [name, version]));
        rig.delta(typeUrl, { subscribe: names, known });
      }
    },
    /** Takes one response and answers it. A refused response changes nothing. */
    take(rig: Rig, response: Outgoing): void {
      const message = readDelta(response);
      const { typeUrl, nonce } = response;
      const bodies = message.resources.map((resource) => ({
        name: resource.name,
        version: resource.version,
        body: isEmptyEndpoints(resource.version)
          ? { name: resource.name, content: '', needs: [] }
          : readBody(resource.resource?.value ?? new Uint8Array()),
      }));
      if (bodies.some(({ body }) => body.content.includes(BAD))) {
        rig.delta(typeUrl, { nonce, error: 'some resource is no good' });
        return;
      }
      for (const { name, version, body } of bodies) {
        if (isWanted(typeUrl, name)) of(typeUrl).set(name, { version, body });
      }
      for (const name of message.removedResources) of(typeUrl).delete(name);
      check(`${typeUrl} ${nonce}`);
      rig.delta(typeUrl, { nonce });
      if (typeUrl === CLUSTER) resubscribe(rig, ENDPOINTS);
      if (typeUrl === LISTENER) resubscribe(rig, ROUTE);
    },
  };
}

const isEmptyEndpoints = (version: string): boolean => version === 'empty';
