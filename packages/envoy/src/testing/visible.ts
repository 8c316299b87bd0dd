// What one proxy can see: per type and name the first of its layers that has it.
import { fromBinary } from '@bufbuild/protobuf';
import type { ProxyNode } from '@xebec/model';
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { styleOf } from '../demand.ts';
import { httpProxyRoute } from '../names.ts';
import { type EncodedResource, typeUrls } from '../resource.ts';
import { bytesOf, type ConfigMesh } from './config-mesh.ts';

export type Visible = ReadonlyMap<string, ReadonlyMap<string, EncodedResource>>;

export function visibleTo(proxy: ProxyNode, { types, views }: Pick<ConfigMesh, 'types' | 'views'>): Visible {
  const layers = views.get(proxy.id)?.layers ?? {};
  const visible = new Map<string, Map<string, EncodedResource>>();
  for (const typeUrl of new Set(types.map((type) => type.typeUrl))) {
    // A type may be served from several collections; a name that is absent on purpose hides less specific ones.
    const entries = types
      .filter((type) => type.typeUrl === typeUrl)
      .flatMap(({ resources }) => [...resources.entries()]);
    const seen = new Map<string, EncodedResource>();
    for (const { layer } of layers[typeUrl] ?? [])
      for (const [key, resource] of entries)
        if (
          key.startsWith(`${layer}|`) &&
          !seen.has(resource.name) &&
          isAskedBy(proxy, typeUrl, resource.name)
        )
          seen.set(resource.name, resource);
    visible.set(typeUrl, new Map([...seen].filter(([, { isAbsent }]) => isAbsent !== true)));
  }
  return visible;
}

/** Virtual hosts are asked for by route configuration, and of those a proxy has only its own style. */
const isAskedBy = (proxy: ProxyNode, typeUrl: string, name: string): boolean =>
  typeUrl !== typeUrls.virtualHost ||
  name.startsWith(`${httpProxyRoute}/`) === (styleOf(proxy) === httpProxyRoute);

/** `TYPE NAME ← BY` for everything that is needed and cannot be seen. */
export function missingFrom(visible: Visible): readonly string[] {
  return [...visible.values()].flatMap((resources) =>
    [...resources.values()].flatMap(({ name, needs }) =>
      needs
        .filter((need) => visible.get(need.typeUrl)?.has(need.name) !== true)
        .map((need) => `${need.typeUrl.split('.').at(-1)} ${need.name} ← ${name}`),
    ),
  );
}

/** `ROUTE DOMAIN` for every domain that two virtual hosts of one table claim. */
export function duplicateDomains(visible: Visible): readonly string[] {
  const whole = [...(visible.get(typeUrls.route)?.values() ?? [])].flatMap((resource) =>
    fromBinary(RouteConfigurationSchema, bytesOf(resource)).virtualHosts.flatMap(({ domains }) =>
      domains.map((domain) => `${resource.name} ${domain}`),
    ),
  );
  const single = [...(visible.get(typeUrls.virtualHost)?.values() ?? [])].flatMap((resource) =>
    fromBinary(VirtualHostSchema, bytesOf(resource)).domains.map(
      (domain) => `${resource.name.slice(0, resource.name.indexOf('/'))} ${domain}`,
    ),
  );
  const seen = new Set<string>();
  return [...whole, ...single].filter((claim) => {
    const isTwice = seen.has(claim);
    seen.add(claim);
    return isTwice;
  });
}
