// VirtualServices and the Gateways they are bound to: names of nobody, hosts that are not let in, claims that nobody verifies.
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
    yield* checkClaims(scene, object);
  }
  yield* checkHiddenRules(scene);
}

function* checkGateways(scene: Scene, object: VirtualService): Generator<Conflict> {
  const { namespace } = object.metadata;
  for (const [position, written] of object.spec.gateways.entries()) {
    if (written === 'mesh') continue;
    const field = `spec.gateways[${position}]`;
    const gateway = scene.gateways.get(expandGateway(written, namespace));
    if (gateway !== undefined) {
      yield* checkHosts(scene, object, { gateway, field });
      continue;
    }
    const names = [...scene.gateways.keys()].map((name) =>
      name.startsWith(`${namespace}/`) ? name.slice(namespace.length + 1) : name,
    );
    const near = nearestName(written, names);
    yield problemAt(object, field, {
      code: 'gateway-unknown',
      message: `there is no Gateway ${expandGateway(written, namespace)}; these rules do not take effect there`,
      remedy: near === undefined ? 'add the Gateway, or name another' : `did you mean "${near}"?`,
    });
  }
}

interface Binding {
  readonly gateway: ObjectOf<'Gateway'>;
  readonly field: string;
}

/** Some host of the VirtualService must be one that a server of the Gateway lets in. */
function* checkHosts(scene: Scene, object: VirtualService, { gateway, field }: Binding): Generator<Conflict> {
  const { namespace } = object.metadata;
  const servers = gateway.spec.servers.flatMap(({ hosts }) => hosts);
  const open = servers.filter((host) => isOpenFor(gateway.metadata, host, namespace));
  const isLetIn = (written: string): boolean =>
    [written, hostOf(scene, written, namespace)].some((host) =>
      open.some((entry) => intersectHosts(host, entry.host) !== undefined),
    );
  const refused = object.spec.hosts.filter((host) => !isLetIn(host));
  const isForMesh = object.spec.gateways.includes('mesh');
  if (refused.length === 0 || (isForMesh && refused.length < object.spec.hosts.length)) return;
  const [first = ''] = refused;
  const place =
    refused.length === object.spec.hosts.length ? field : `spec.hosts[${object.spec.hosts.indexOf(first)}]`;
  const shown =
    open.length === 0 ? `none for namespace ${namespace}` : open.map(({ host }) => host).join(', ');
  yield problemAt(object, place, {
    code: 'host-not-in-gateway',
    message: `no server of Gateway ${gateway.metadata.namespace}/${gateway.metadata.name} lets ${refused.join(', ')} in`,
    remedy: `add the host to a server there; hosts that are let in: ${shown}`,
  });
}

/** Headers that stand for claims of a verified token. */
const claims = /^@request\.auth\.claims[.[]/i;

function* checkClaims(scene: Scene, object: VirtualService): Generator<Conflict> {
  if (
    !object.spec.gateways.some((name) => scene.gateways.has(expandGateway(name, object.metadata.namespace)))
  )
    return;
  for (const [rule, { matches }] of object.spec.http.entries()) {
    for (const [match, { headers, withoutHeaders }] of matches.entries()) {
      const claim = [...Object.keys(headers), ...Object.keys(withoutHeaders)].find((name) =>
        claims.test(name),
      );
      if (claim === undefined) continue;
      yield problemAt(object, `spec.http[${rule}].match[${match}]`, {
        code: 'claims-unverified',
        message: `${claim} is a claim of a token, and no RequestAuthentication verifies tokens at the gateway`,
        remedy: 'add a RequestAuthentication for the gateway, or match a header',
      });
    }
  }
}

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
