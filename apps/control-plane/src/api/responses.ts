// How objects, revisions and streams look in the admin API. These shapes are stable; docs/reference/admin-api.md lists them.
import { type KindName, kindDefinitions } from '@xebec/config';
import type { Finding } from '@xebec/mesh';
import { type Revision, type StoreObject, shownManifest } from '@xebec/store';
import type { StreamStatus } from '@xebec/xds';
import type { ControlPlaneContext } from '../context.ts';
import { allocatedAddressesOf } from './allocated-addresses.ts';

/** An object as `get -o json` shows it: the manifest with the store's bookkeeping, origin and status. */
export function shownObject(context: ControlPlaneContext, object: StoreObject, seen?: SeenObject) {
  return {
    ...shownManifest(object),
    key: object.key,
    origin: context.store.locate(object.key) ?? object.origin,
    owner: object.owner,
    status: statusOf(context, object, seen),
  };
}

/** What shows only when the whole mesh is looked at. */
export interface SeenObject {
  readonly findings: readonly Finding[];
  /** Proxies that have something of it, and those of them that have all of it. */
  readonly proxies: { readonly targeted: number; readonly programmed: number; readonly refused: number };
}

function statusOf(context: ControlPlaneContext, object: StoreObject, seen?: SeenObject) {
  const { store, health } = context;
  const runtime = Object.hasOwn(object.manifest, 'status') ? object.manifest['status'] : undefined;
  const acceptance = store.status(object.key);
  const problems = health.problems(object.key);
  return {
    ...(typeof runtime === 'object' && runtime !== null ? runtime : {}),
    ...allocatedAddressesOf(context, object.key),
    xebec: {
      ...acceptance,
      ...(problems.length === 0 ? {} : { problems }),
      ...keysOf(context, object),
      ...seen,
    },
  };
}

/** Of what needs something of an issuer, keys or endpoints: whether it is there, since when, and what is wrong. */
function keysOf({ keys }: ControlPlaneContext, { key }: StoreObject) {
  const isLogin = key.startsWith('BrowserLogin/');
  if (!isLogin && !key.startsWith('RequestAuthentication/')) return {};
  const now = Date.now();
  const states = keys.of(key).map(({ source, state, keys: count, fetchedAtMs, problem }) => ({
    source,
    state,
    ...(count === undefined || isLogin ? {} : { keys: count }),
    ...(fetchedAtMs === undefined
      ? {}
      : {
          fetchedAt: new Date(fetchedAtMs).toISOString(),
          ageSeconds: Math.max(0, Math.round((now - fetchedAtMs) / 1_000)),
        }),
    ...(problem === undefined ? {} : { problem }),
  }));
  if (states.length === 0) return {};
  return isLogin ? { issuer: states } : { keys: states };
}

export const shownRevision = (revision: Revision) => ({
  number: revision.number,
  time: revision.time,
  author: revision.author,
  owner: revision.owner,
  message: revision.message,
  changes: revision.changes.map(({ key, change }) => ({ key, change })),
});

/** A stream with what the proxy behind it is, and where the causes of its refusals were written. */
export function shownProxy({ registry, store, health }: ControlPlaneContext, status: StreamStatus) {
  const proxy = registry.proxy(status.client);
  const types = Object.fromEntries(
    Object.entries(status.types).map(([typeUrl, type]) => [
      typeUrl,
      type.rejection === undefined ? type : { ...type, rejection: located(store, type.rejection) },
    ]),
  );
  const held = health.heldFrom(status.client).map(({ key, typeUrl, resource, message, atMs, stands }) => ({
    ...{ object: key, origin: store.locate(key), typeUrl, resource, message, atMs },
    inForce: stands ?? null,
  }));
  return { ...status, types, ...(held.length === 0 ? {} : { held }), node: proxy };
}

type Rejection = NonNullable<StreamStatus['types'][string]['rejection']>;

function located(store: ControlPlaneContext['store'], rejection: Rejection) {
  return {
    ...rejection,
    resources: rejection.resources.map(({ name, causes }) => ({
      name,
      causes: causes.map((cause) => ({ cause, origin: locateCause(store, cause) })),
    })),
  };
}

/** `Kind/namespace/name#field` to file:line:column. */
export function locateCause(store: ControlPlaneContext['store'], cause: string) {
  const [object = '', field] = cause.split('#', 2);
  return isObjectKey(object) ? store.locate(object, field) : undefined;
}

export const isKindName = (text: string): text is KindName => Object.hasOwn(kindDefinitions, text);

export const isObjectKey = (text: string): text is `${string}/${string}/${string}` =>
  text.split('/').length === 3;
