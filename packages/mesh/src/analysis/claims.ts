// Routes by claims: where no tokens are verified there are no claims, and such a route is never taken.
import { isClaim, type ObjectOf } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { isPolicyFor, selectionOf } from '../policy-selection.ts';
import { expandGateway } from '../route-sources.ts';
import { problemAt, type Scene } from './scene.ts';
import { type KnownWorkload, selectWorkloads } from './workloads.ts';

type VirtualService = ObjectOf<'VirtualService'>;

export function* checkClaims(scene: Scene): Generator<Conflict> {
  for (const object of scene.objects.list('VirtualService')) {
    const places = claimsIn(object);
    const [where] = places.length === 0 ? [] : unverifiedAt(scene, object);
    if (where === undefined) continue;
    for (const field of places)
      yield problemAt(object, field, {
        code: 'claims-unverified',
        message: `no tokens are verified ${where}: there are no claims to look at`,
        remedy: "add a RequestAuthentication for the gateway's workloads",
      });
  }
}

const claimsIn = ({ spec }: VirtualService): readonly string[] =>
  spec.http.flatMap(({ matches }, rule) =>
    matches.flatMap((match, position) =>
      (['headers', 'withoutHeaders'] as const).flatMap((field) =>
        Object.keys(match[field])
          .filter(isClaim)
          .map((name) => `spec.http[${rule}].match[${position}].${field}[${JSON.stringify(name)}]`),
      ),
    ),
  );

/** In words; empty when all is well, or not known. */
function unverifiedAt(scene: Scene, { metadata, spec }: VirtualService): readonly string[] {
  return spec.gateways.flatMap((written) => {
    if (written === 'mesh') return ['on the way out of sidecars'];
    const name = expandGateway(written, metadata.namespace);
    const gateway = scene.gateways.get(name);
    if (gateway === undefined) return [];
    const workloads = selectWorkloads(scene.workloads, gateway.spec.selector);
    const isBare =
      workloads.length === 0
        ? [...scene.objects.list('RequestAuthentication')].length === 0
        : workloads.some((workload) => !isVerified(scene, workload));
    return isBare ? [`at Gateway ${name}`] : [];
  });
}

function isVerified({ objects, settings }: Scene, workload: KnownWorkload): boolean {
  for (const { metadata, spec } of objects.list('RequestAuthentication')) {
    const isNear = metadata.namespace === settings.rootNamespace || metadata.namespace === workload.namespace;
    if (isNear && isPolicyFor(selectionOf(metadata.namespace, spec), workload)) return true;
  }
  return false;
}
