// One encoded resource through a program of patches. The rule: what no patch changes is not encoded again, and is not a result.
import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { encode } from '@xebec/protos';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { type VirtualHost, VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { hashBytes } from '@xebec/std';
import { type EncodedResource, type ResourceReference, typeUrls } from '../resource.ts';
import { clustersOfHosts } from './clusters-of-hosts.ts';
import { patchCluster } from './patch-cluster.ts';
import { patchListener } from './patch-listener.ts';
import { patchHost, patchRouteConfiguration, takesHost } from './patch-routes.ts';
import type { Place, Side } from './place.ts';
import type { ReadyPatch } from './program.ts';

/** What became of a resource. */
export interface PatchedResource {
  /** `isAbsent` when it was removed. */
  readonly resource: EncodedResource;
  /** Equal for contents of which an Envoy takes all or none: they differ in the proxy's own address only. */
  readonly shape: string;
  /** Ids of the patches that were applied. */
  readonly hits: readonly string[];
  /** Only filters of extensions were put in, by us: there is nothing that Envoy could refuse. */
  readonly isTrusted?: true;
}

export interface PatchTask {
  readonly typeUrl: string;
  readonly resource: EncodedResource;
  readonly patches: readonly ReadyPatch[];
  readonly place: Omit<Place, 'hit'>;
}

/** The resource as patches leave it; undefined when none of them concerns it. */
export function patchResource(task: PatchTask): PatchedResource | undefined {
  const hits = new Set<ReadyPatch>();
  const place: Place = { ...task.place, hit: (ready) => hits.add(ready) };
  const draft = draftOf(task, place);
  if (hits.size === 0) return undefined;
  const applied = [...hits];
  const resource =
    draft === undefined ? absent(task.resource, applied) : finish(task.resource, draft, applied);
  const found = { resource, hits: [...new Set(applied.map(({ id }) => id))] };
  return applied.every(({ insertion }) => insertion !== undefined)
    ? { ...found, shape: `${task.typeUrl}|${resource.hash}`, isTrusted: true }
    : { ...found, shape: shapeOf(task.typeUrl, resource) };
}

function shapeOf(typeUrl: string, resource: EncodedResource): string {
  if (typeUrl !== typeUrls.listener || resource.isAbsent === true) return `${typeUrl}|${resource.hash}`;
  const listener = decode(ListenerSchema, resource);
  listener.name = '';
  listener.metadata = undefined;
  listener.address = undefined;
  return `${typeUrl}|${hashBytes(encode(ListenerSchema, listener))}`;
}

interface Draft {
  readonly bytes: Uint8Array;
  readonly needs: readonly ResourceReference[];
  readonly aliases?: readonly string[];
}

function draftOf(task: PatchTask, place: Place): Draft | undefined {
  switch (task.typeUrl) {
    case typeUrls.cluster:
      return draftCluster(task, place);
    case typeUrls.listener:
      return draftListener(task, place);
    case typeUrls.route:
      return draftTable(task, place);
    default:
      return draftHost(task, place);
  }
}

const decode = <Desc extends DescMessage>(schema: Desc, { chunks }: EncodedResource): MessageShape<Desc> =>
  fromBinary(schema, concatenate(chunks));

/** The bytes of a resource in one piece. */
export function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function draftCluster({ resource, patches }: PatchTask, place: Place): Draft | undefined {
  const cluster = decode(ClusterSchema, resource);
  if (patchCluster(cluster, patches, place) === 'removed') return undefined;
  return { bytes: encode(ClusterSchema, cluster), needs: resource.needs };
}

function draftListener({ resource, patches }: PatchTask, place: Place): Draft | undefined {
  const listener = decode(ListenerSchema, resource);
  if (patchListener(listener, patches, place) === 'removed') return undefined;
  return { bytes: encode(ListenerSchema, listener), needs: resource.needs };
}

const sideOf = ({ role }: Place): Side => (role === 'router' ? 'GATEWAY' : 'SIDECAR_OUTBOUND');

function draftTable({ resource, patches }: PatchTask, place: Place): Draft {
  const config = decode(RouteConfigurationSchema, resource);
  patchRouteConfiguration(config, patches, { place, names: { side: sideOf(place), name: config.name } });
  return {
    bytes: encode(RouteConfigurationSchema, config),
    needs: union(resource.needs, clustersOfHosts(config.virtualHosts)),
  };
}

const tableOf = (name: string): string => name.slice(0, name.indexOf('/'));

function draftHost({ resource, patches }: PatchTask, place: Place): Draft | undefined {
  const names = { side: sideOf(place), name: tableOf(resource.name) };
  let host: VirtualHost | undefined = decode(VirtualHostSchema, resource);
  for (const ready of patches) {
    if (host === undefined) return undefined;
    [host] = patchHost(host, ready, { place, names });
  }
  return host === undefined ? undefined : hostDraft(host, names.name);
}

function hostDraft(host: VirtualHost, table: string): Draft {
  return {
    bytes: encode(VirtualHostSchema, host),
    needs: clustersOfHosts([host]),
    aliases: host.domains.map((domain) => `${table}/${domain}`),
  };
}

function finish(before: EncodedResource, draft: Draft, applied: readonly ReadyPatch[]): EncodedResource {
  return {
    name: before.name,
    hash: hashBytes(draft.bytes),
    chunks: [draft.bytes],
    aliases: draft.aliases ?? before.aliases,
    needs: union(draft.needs, ...applied.map(({ needs }) => needs)),
    causes: [...before.causes, ...applied.map(({ id }) => id)],
    ...ownersOf(before),
  };
}

const ownersOf = ({ owners }: EncodedResource): Pick<EncodedResource, 'owners'> =>
  owners === undefined ? {} : { owners };

function absent(before: EncodedResource, applied: readonly ReadyPatch[]): EncodedResource {
  return {
    name: before.name,
    hash: 'absent',
    chunks: [],
    aliases: [],
    needs: [],
    causes: [...before.causes, ...applied.map(({ id }) => id)],
    isAbsent: true,
    ...ownersOf(before),
  };
}

function union(...lists: readonly (readonly ResourceReference[])[]): readonly ResourceReference[] {
  const byName = new Map(lists.flat().map((each) => [`${each.typeUrl}|${each.name}`, each]));
  return [...byName.values()];
}

/** Virtual hosts that patches add to a table whose hosts arrive one by one. */
export function addedHosts({ typeUrl, resource, patches, place }: PatchTask): readonly PatchedResource[] {
  if (typeUrl !== typeUrls.route) return [];
  const adding = patches.filter(({ patch }) => patch.applyTo === 'VIRTUAL_HOST' && patch.operation === 'ADD');
  if (adding.length === 0 || decode(RouteConfigurationSchema, resource).vhds === undefined) return [];
  const table: Place = { ...place, hit: () => undefined };
  const names = { side: sideOf(table), name: resource.name };
  return adding.flatMap((ready) => {
    if (!takesHost(ready, names, table)) return [];
    const host = ready.value() as VirtualHost;
    host.name = `${resource.name}/${host.name}`;
    const empty: EncodedResource = { ...resource, name: host.name, needs: [], aliases: [] };
    const added = finish(empty, hostDraft(host, resource.name), [ready]);
    return [{ resource: added, shape: shapeOf(typeUrls.virtualHost, added), hits: [ready.id] }];
  });
}

/** Resources of their own that patches add. */
export function addedResources(
  patches: readonly ReadyPatch[],
): readonly (PatchedResource & { readonly typeUrl: string })[] {
  return patches.flatMap((ready) => {
    const typeUrl = ready.patch.operation === 'ADD' ? ownTypes[ready.patch.applyTo] : undefined;
    if (typeUrl === undefined) return [];
    const message = ready.value();
    const name = 'name' in message && typeof message.name === 'string' ? message.name : '';
    const bytes = ready.bytes();
    const resource: EncodedResource = {
      name,
      hash: hashBytes(bytes),
      chunks: [bytes],
      aliases: [],
      needs: ready.needs,
      causes: [ready.id],
    };
    return [{ typeUrl, resource, shape: shapeOf(typeUrl, resource), hits: [ready.id] }];
  });
}

const ownTypes: Readonly<Partial<Record<string, string>>> = {
  LISTENER: typeUrls.listener,
  CLUSTER: typeUrls.cluster,
  EXTENSION_CONFIG: typeUrls.extension,
};
