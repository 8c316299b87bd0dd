// ServiceEntries: TCP without an address to know it by, and entries that say different protocols for one port.
import type { ObjectOf } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { isWildcard } from '../host-names.ts';
import { isVisible, layersOf } from '../visibility.ts';
import { isKnown, objectOf, problemAt, type Scene, serviceSeen } from './scene.ts';
import { selectWorkloads } from './workloads.ts';

type ServiceEntry = ObjectOf<'ServiceEntry'>;

export function* checkServiceEntries(scene: Scene): Generator<Conflict> {
  const seen = new Map<string, Written[]>();
  for (const object of scene.objects.list('ServiceEntry')) {
    yield* checkSelector(scene, object);
    yield* checkAddresses(scene, object);
    yield* checkProtocols(scene, object, seen);
  }
}

function* checkSelector(scene: Scene, object: ServiceEntry): Generator<Conflict> {
  const { workloadSelector } = object.spec;
  const { namespace } = object.metadata;
  if (workloadSelector === undefined || !isKnown(scene, namespace)) return;
  if (selectWorkloads(scene.workloads, workloadSelector, namespace).length > 0) return;
  yield problemAt(object, 'spec.workloadSelector', {
    code: 'selects-nothing',
    message: `no workload in namespace ${namespace} has these labels: the hosts have no endpoints`,
    remedy: 'correct the labels, or deploy such a workload',
  });
}

const told: ReadonlySet<string> = new Set(['http', 'http2', 'grpc', 'grpc-web', 'https', 'tls', 'udp']);

/** Hosts of which connections are known by an address, and which have none. */
function* checkAddresses(scene: Scene, object: ServiceEntry): Generator<Conflict> {
  const { hosts, ports, isAllocated, addresses } = object.spec;
  if (isAllocated || addresses.length > 0) return;
  const bare = hosts.filter((host) => {
    const service = serviceSeen(scene, host, object.metadata.namespace);
    return (
      !isWildcard(host) && service?.causes[0]?.object === objectOf(object) && service.addresses.length === 0
    );
  });
  for (const [position, { number, protocol }] of ports.entries()) {
    if (told.has(protocol) || bare.length === 0) continue;
    yield problemAt(object, `spec.ports[${position}]`, {
      code: 'addresses-missing',
      message: `connections to ${bare[0] ?? ''} on port ${number} cannot be told from others: it has no address`,
      remedy: 'write addresses, or let the mesh allocate one',
    });
  }
}

interface Written {
  readonly object: ServiceEntry;
  readonly protocol: string;
  /** Of the port. */
  readonly position: number;
}

interface WrittenPort extends Omit<Written, 'object'> {
  readonly host: string;
  readonly number: number;
}

const differ = (
  object: ServiceEntry,
  { host, number, position, protocol }: WrittenPort,
  other: Written,
): Conflict =>
  problemAt(object, `spec.ports[${position}].protocol`, {
    code: 'entry-protocols',
    message: `${objectOf(other.object)} says that port ${number} of ${host} speaks ${other.protocol}, this one says ${protocol}`,
    remedy: 'write the same protocol in both',
  });

function* checkProtocols(
  scene: Scene,
  object: ServiceEntry,
  seen: Map<string, Written[]>,
): Generator<Conflict> {
  for (const host of new Set(object.spec.hosts)) {
    for (const [position, { number, protocol }] of object.spec.ports.entries()) {
      const key = `${host}|${number}`;
      const others = seen.get(key) ?? [];
      const other = others.find(
        (each) => each.protocol !== protocol && areBothSeen(scene, each.object, object),
      );
      seen.set(key, [...others, { object, position, protocol }]);
      if (other === undefined) continue;
      yield differ(object, { host, number, position, protocol }, other);
      yield differ(other.object, { host, number, ...other }, { object, position, protocol });
    }
  }
}

function areBothSeen({ settings }: Scene, left: ServiceEntry, right: ServiceEntry): boolean {
  const layers = [left, right].map(({ spec, metadata }) =>
    layersOf(spec.exportTo, metadata.namespace, settings.exportTo?.services),
  );
  const [one = [], other = []] = layers;
  return one.some((layer) => isVisible(other, layer)) || other.some((layer) => isVisible(one, layer));
}
