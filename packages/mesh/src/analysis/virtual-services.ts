// VirtualServices and the Gateways they are bound to: names of nobody, hosts that are not let in, rules that they miss.
import { nearestName, type ObjectOf } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { isOpenFor } from '../gateway-hosts.ts';
import { intersectHosts } from '../host-names.ts';
import { expandGateway } from '../route-sources.ts';
import { hostOf, objectOf, problemAt, type Scene } from './scene.ts';

type VirtualService = ObjectOf<'VirtualService'>;

export function* checkVirtualServices(scene: Scene): Generator<Conflict> {
  for (const object of scene.objects.list('VirtualService')) {
    yield* checkGateways(scene, object);
  }
  yield* checkHiddenRules(scene);
}

function* checkGateways(scene: Scene, object: VirtualService): Generator<Conflict> {
  const { namespace } = object.metadata;
  const bound: Binding[] = [];
  for (const [position, written] of object.spec.gateways.entries()) {
    if (written === 'mesh') continue;
    const field = `spec.gateways[${position}]`;
    const gateway = scene.gateways.get(expandGateway(written, namespace));
    if (gateway !== undefined) bound.push({ gateway, field });
    else yield unknownGateway(scene, object, { written, field });
  }
  yield* checkHosts(scene, object, bound);
}

function unknownGateway(
  scene: Scene,
  object: VirtualService,
  { written, field }: { readonly written: string; readonly field: string },
): Conflict {
  const { namespace } = object.metadata;
  const names = [...scene.gateways.keys()].map((name) =>
    name.startsWith(`${namespace}/`) ? name.slice(namespace.length + 1) : name,
  );
  const near = nearestName(written, names);
  return problemAt(object, field, {
    code: 'gateway-unknown',
    message: `there is no Gateway ${expandGateway(written, namespace)}; these rules do not take effect there`,
    remedy: near === undefined ? 'add the Gateway, or name another' : `did you mean "${near}"?`,
  });
}

interface Binding {
  readonly gateway: ObjectOf<'Gateway'>;
  readonly field: string;
}

/** Each Gateway must let some host in, and each host must be let in by some Gateway. */
function* checkHosts(scene: Scene, object: VirtualService, bound: readonly Binding[]): Generator<Conflict> {
  const { namespace } = object.metadata;
  const { hosts, gateways } = object.spec;
  const refusals = bound.map(({ gateway, field }) => {
    const servers = gateway.spec.servers.flatMap((server) => server.hosts);
    const open = servers
      .filter((host) => isOpenFor(gateway.metadata, host, namespace))
      .map(({ host }) => host);
    const refused = hosts.filter((written) => !isLetIn([written, hostOf(scene, written, namespace)], open));
    return { gateway, field, open, refused };
  });
  const shut = refusals.filter(({ refused }) => hosts.length > 0 && refused.length === hosts.length);
  for (const { gateway, field, open, refused } of shut) {
    yield problemAt(object, field, {
      code: 'host-not-in-gateway',
      message: `no server of Gateway ${gateway.metadata.namespace}/${gateway.metadata.name} lets ${refused.join(', ')} in`,
      remedy: `add the host to a server there; hosts that are let in: ${open.length === 0 ? `none for namespace ${namespace}` : open.join(', ')}`,
    });
  }
  if (gateways.length > bound.length || shut.length === bound.length) return;
  for (const [position, host] of hosts.entries()) {
    if (!refusals.every(({ refused }) => refused.includes(host))) continue;
    yield problemAt(object, `spec.hosts[${position}]`, {
      code: 'host-not-in-gateway',
      message: `no server of its Gateways lets ${host} in`,
      remedy: 'add the host to a server of one of them',
    });
  }
}

const isLetIn = (names: readonly string[], open: readonly string[]): boolean =>
  names.some((name) => open.some((host) => intersectHosts(name, host) !== undefined));

/** Routes of gateways to hosts whose subsets another VirtualService chooses for sidecars only. */
function* checkHiddenRules(scene: Scene): Generator<Conflict> {
  const choosers = subsetChoosers(scene);
  if (choosers.size === 0) return;
  for (const object of scene.objects.list('VirtualService')) {
    const { namespace } = object.metadata;
    if (object.spec.gateways.includes('mesh')) continue;
    for (const [rule, { action }] of object.spec.http.entries()) {
      if (action.kind !== 'forward') continue;
      for (const [position, { host, subset }] of action.destinations.entries()) {
        const chooser = choosers.get(hostOf(scene, host, namespace));
        if (subset !== '' || chooser === undefined || chooser === object) continue;
        yield problemAt(object, `spec.http[${rule}].route[${position}].destination`, {
          code: 'gateway-misses-rules',
          message: `${objectOf(chooser)} chooses subsets of ${host} for sidecars only; what comes through a gateway goes to all of them`,
          remedy: 'choose the subset here too, or bind that VirtualService to the gateway',
        });
      }
    }
  }
}

/** VirtualServices for sidecars alone that send requests of a host to subsets of it, by host. */
function subsetChoosers(scene: Scene): ReadonlyMap<string, VirtualService> {
  const choosers = new Map<string, VirtualService>();
  for (const object of scene.objects.list('VirtualService')) {
    const { namespace } = object.metadata;
    if (object.spec.gateways.some((name) => name !== 'mesh')) continue;
    const hosts = new Set(object.spec.hosts.map((host) => hostOf(scene, host, namespace)));
    for (const { action } of object.spec.http) {
      if (action.kind !== 'forward') continue;
      for (const { host, subset } of action.destinations) {
        const full = hostOf(scene, host, namespace);
        if (subset !== '' && hosts.has(full)) choosers.set(full, object);
      }
    }
  }
  return choosers;
}
