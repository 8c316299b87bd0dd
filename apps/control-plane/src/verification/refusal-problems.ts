// What proxies refuse, told as problems of the objects that caused it: of several the one that changed last.
import type { ObjectKey } from '@xebec/model';
import type { Store } from '@xebec/store';
import type { StreamStatus } from '@xebec/xds';
import type { RefusedBootstrapPatch } from './bootstraps.ts';
import { wordsOf } from './envoy-check.ts';
import type { ObjectProblem } from './filter-problems.ts';
import type { HeldObject } from './refused-objects.ts';

const shownProxies = 20;

/** Of an object of which an earlier value stands. */
export function heldObjectProblem(store: Store, held: HeldObject): ObjectProblem {
  const stays =
    held.stands === undefined
      ? 'nothing of it is in force'
      : `the value of revision ${held.stands} stays in force`;
  return {
    ...originOf(store, held.key),
    severity: 'error',
    code: 'refused-by-envoy',
    message: `Envoy refuses what this makes of ${typeOf(held.typeUrl)} ${held.resource}: ${held.message}; ${stays}`,
    remedy: 'correct the object, or go back with "xebec rollback"',
    proxies: held.proxies.slice(0, shownProxies),
  };
}

/** Of an EnvoyFilter that would keep proxies from starting. */
export const bootstrapProblem = (store: Store, { key, message }: RefusedBootstrapPatch): ObjectProblem => ({
  ...originOf(store, key),
  severity: 'error',
  code: 'refused-by-envoy',
  message: `Envoy refuses what this makes of Bootstrap: ${message}; proxies start without it`,
  remedy: 'correct the value of the patch',
  proxies: [],
});

interface Refusal {
  readonly typeUrl: string;
  readonly name: string;
  readonly message: string;
  readonly clients: Set<string>;
}

/** By object: what proxies refuse at this moment. */
export function refusedObjectProblems(
  store: Store,
  statuses: readonly StreamStatus[],
): ReadonlyMap<ObjectKey, readonly ObjectProblem[]> {
  const found = new Map<ObjectKey, Map<string, Refusal>>();
  for (const { client, types } of statuses) {
    for (const [typeUrl, { rejection }] of Object.entries(types)) {
      for (const { name, causes } of rejection?.resources ?? []) {
        const object = newestOf(store, causes);
        if (object === undefined || isOutdated(store, object, rejection?.atMs ?? 0)) continue;
        const refusals = found.get(object) ?? new Map<string, Refusal>();
        const refusal = refusals.get(`${typeUrl}|${name}`) ?? {
          ...{ typeUrl, name, clients: new Set() },
          message: rejection?.message ?? '',
        };
        refusal.clients.add(client);
        found.set(object, refusals.set(`${typeUrl}|${name}`, refusal));
      }
    }
  }
  return new Map(
    [...found].map(([object, refusals]) => [
      object,
      [...refusals.values()].map((each) => problemOf(store, object, each)),
    ]),
  );
}

/** What was refused was of an earlier value. */
function isOutdated(store: Store, key: ObjectKey, atMs: number): boolean {
  const revision = store.revision(Number(store.get(key)?.resourceVersion));
  return revision !== undefined && Date.parse(revision.time) > atMs;
}

function newestOf(store: Store, causes: readonly string[]): ObjectKey | undefined {
  const keys = [...new Set(causes.map((cause) => cause.split('#', 1)[0] as ObjectKey))];
  const [newest] = keys
    .flatMap((key) => {
      const object = store.get(key);
      return object === undefined || object.owner === 'runtime' ? [] : [object];
    })
    .sort((left, right) => Number(right.resourceVersion) - Number(left.resourceVersion));
  return newest?.key;
}

function problemOf(
  store: Store,
  object: ObjectKey,
  { typeUrl, name, message, clients }: Refusal,
): ObjectProblem {
  const count = clients.size === 1 ? 'a proxy refuses' : `${clients.size} proxies refuse`;
  return {
    ...originOf(store, object),
    severity: 'error',
    code: 'refused-by-proxy',
    message: `${count} what this makes of ${typeOf(typeUrl)} ${name}: ${wordsOf(message)}`,
    remedy: 'correct the object; "xebec proxy-status" names the proxies',
    proxies: [...clients].sort().slice(0, shownProxies),
  };
}

const typeOf = (typeUrl: string): string => typeUrl.slice(typeUrl.lastIndexOf('.') + 1);

function originOf(store: Store, key: ObjectKey): Pick<ObjectProblem, 'origin'> {
  const origin = store.locate(key);
  return origin === undefined ? {} : { origin };
}
