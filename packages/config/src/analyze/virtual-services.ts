// VirtualServices that refer to hosts, ports, subsets or gateways that are not there.
import { nearest } from '../decode/suggest.ts';
import type { Path } from '../decode/walk.ts';
import type { ObjectOf } from '../kinds/kind-map.ts';
import type { DestinationRef, HttpRouteSpec } from '../kinds/virtual-service/spec.ts';
import { expandHost, findHost, type KnownHost, subsetsOf } from './hosts.ts';
import { find, type Scene } from './scene.ts';

type VirtualService = ObjectOf<'VirtualService'>;
type GatewaysByName = ReadonlyMap<string, ObjectOf<'Gateway'>>;

export function checkVirtualServices(scene: Scene): void {
  const gateways = new Map<string, ObjectOf<'Gateway'>>();
  for (const gateway of scene.lookup.list('Gateway')) {
    gateways.set(`${gateway.metadata.namespace}/${gateway.metadata.name}`, gateway);
  }
  for (const object of scene.lookup.list('VirtualService')) {
    checkGateways(scene, object, gateways);
    for (const [index, route] of object.spec.http.entries()) checkRoute(scene, object, { route, index });
    checkConnections(scene, object, 'tls');
    checkConnections(scene, object, 'tcp');
  }
}

function checkConnections(scene: Scene, object: VirtualService, kind: 'tls' | 'tcp'): void {
  for (const [index, { destinations }] of object.spec[kind].entries()) {
    for (const [at, to] of destinations.entries()) {
      checkDestination(scene, object, { to, path: ['spec', kind, index, 'route', at, 'destination'] });
    }
  }
}

function checkRoute(
  scene: Scene,
  object: VirtualService,
  { route, index }: { route: HttpRouteSpec; index: number },
): void {
  const base = ['spec', 'http', index];
  if (route.action.kind === 'forward') {
    for (const [at, to] of route.action.destinations.entries()) {
      checkDestination(scene, object, { to, path: [...base, 'route', at, 'destination'] });
    }
  }
  for (const { destination: to, field } of route.mirrors) {
    const at = /\[(\d+)\]/.exec(field)?.[1];
    const path = at === undefined ? [...base, 'mirror'] : [...base, 'mirrors', Number(at), 'destination'];
    checkDestination(scene, object, { to, path });
  }
}

interface Reference {
  readonly to: DestinationRef;
  readonly path: Path;
}

function checkDestination(scene: Scene, object: VirtualService, { to, path }: Reference): void {
  const { hosts, options } = scene;
  const host = expandHost(to.host, object.metadata.namespace, options.clusterDomain);
  const known = findHost(hosts, host);
  if (known === undefined) {
    find(scene, object, [...path, 'host'], {
      code: 'unknown-host',
      message: `no Service or ServiceEntry has the host "${host}"; what is sent there fails`,
      remedy: suggestHost(scene, to.host, object.metadata.namespace),
    });
    return;
  }
  checkPort(scene, object, { to, path, known, host });
  if (to.subset === '') return;
  const subsets = subsetsOf(hosts, host);
  if (subsets.has(to.subset)) return;
  const names = [...subsets];
  find(scene, object, [...path, 'subset'], {
    code: 'unknown-subset',
    message: `no DestinationRule defines the subset "${to.subset}" of "${host}"`,
    remedy:
      names.length === 0 ? 'add a DestinationRule with this subset' : `subsets known: ${names.join(', ')}`,
  });
}

function checkPort(
  scene: Scene,
  object: VirtualService,
  { to, path, known, host }: Reference & { readonly known: KnownHost; readonly host: string },
): void {
  const ports = [...known.ports].join(', ');
  if (to.port === undefined) {
    if (known.ports.size <= 1) return;
    const message = `"${host}" has several ports (${ports}) and none is chosen`;
    find(scene, object, path, { code: 'port-not-chosen', message, remedy: 'add port: {number: …}' });
    return;
  }
  if (known.ports.has(to.port)) return;
  const message = `"${host}" has no port ${to.port}`;
  find(scene, object, [...path, 'port'], { code: 'unknown-port', message, remedy: `ports known: ${ports}` });
}

function suggestHost(scene: Scene, written: string, namespace: string): string {
  const own = `.${namespace}.svc.${scene.options.clusterDomain}`;
  const names: string[] = [];
  for (const host of scene.hosts.byName.keys()) {
    if (written.includes('.')) names.push(host);
    else if (host.endsWith(own)) names.push(host.slice(0, -own.length));
    if (names.length >= 200) break;
  }
  const near = nearest(written, names);
  return near === undefined
    ? 'add the Service or ServiceEntry, or correct the name'
    : `did you mean "${near}"?`;
}

function checkGateways(scene: Scene, object: VirtualService, gateways: GatewaysByName): void {
  const { namespace } = object.metadata;
  for (const [index, name] of object.spec.gateways.entries()) {
    if (name === 'mesh') continue;
    const gateway = gateways.get(name.includes('/') ? name : `${namespace}/${name}`);
    if (gateway !== undefined) {
      checkGatewayHosts(scene, object, gateway);
      continue;
    }
    const near = nearest(
      name,
      [...gateways.keys()].map((key) =>
        key.startsWith(`${namespace}/`) ? key.slice(namespace.length + 1) : key,
      ),
    );
    find(scene, object, ['spec', 'gateways', index], {
      code: 'unknown-gateway',
      message: `there is no Gateway "${name}"`,
      remedy: near === undefined ? 'add the Gateway, or name another' : `did you mean "${near}"?`,
    });
  }
}

const covers = (pattern: string, host: string): boolean =>
  pattern === '*' || pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));

/** At least one of the Gateway's servers must let each host in. */
function checkGatewayHosts(scene: Scene, object: VirtualService, gateway: ObjectOf<'Gateway'>): void {
  const { namespace } = object.metadata;
  const open = gateway.spec.servers
    .flatMap(({ hosts }) => hosts)
    .filter(
      (host) =>
        host.namespace === '*' ||
        host.namespace === namespace ||
        (host.namespace === '.' && gateway.metadata.namespace === namespace),
    );
  for (const [index, written] of object.spec.hosts.entries()) {
    const host = expandHost(written, namespace, scene.options.clusterDomain);
    if (open.some((entry) => covers(entry.host, host) || covers(host, entry.host))) continue;
    if (object.spec.gateways.includes('mesh')) continue;
    const shown = open.length === 0 ? 'none for this namespace' : open.map((entry) => entry.host).join(', ');
    find(scene, object, ['spec', 'hosts', index], {
      code: 'host-not-in-gateway',
      message: `Gateway "${gateway.metadata.name}" does not serve the host "${written}"`,
      remedy: `add it to a server of the Gateway; hosts served: ${shown}`,
    });
  }
}
