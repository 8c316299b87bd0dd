// What a name leads to, as a client of a namespace may use it: the DNS of the mesh, read from outside the graph.
import type { Endpoint, Host, Layer, Service } from '@xebec/model';
import { seenIn } from '@xebec/model';
import { wildcardsOf } from './host-names.ts';
import type { MeshCollections } from './inputs.ts';

/** What DNS says of a name; `unknown`: not the mesh's, somebody else may know it. */
export type NameAnswer =
  | { readonly kind: 'unknown' }
  /** `isStable`: the addresses stand for the service, whatever becomes of its endpoints. */
  | { readonly kind: 'addresses'; readonly addresses: readonly string[]; readonly isStable: boolean }
  /** Another name, outside the mesh. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'places'; readonly places: readonly { readonly host: Host; readonly port: number }[] };

/** A fully qualified name in lower case without a dot at its end, and the namespace of who asks. */
export interface NameQuery {
  readonly name: string;
  readonly namespace: string;
}

type Names = Pick<MeshCollections, 'services' | 'endpointSets'>;

const unknown: NameAnswer = { kind: 'unknown' };

export function lookUpName(mesh: Names, { name, namespace }: NameQuery): NameAnswer {
  const lookup: Lookup = { mesh, layer: `ns:${namespace}` };
  if (name.startsWith('_')) return placesOf(name, lookup);
  const own = serviceAt(name, lookup);
  if (own !== undefined) return answerOf(own, lookup);
  const member = memberAnswer(name, lookup);
  if (member !== undefined) return member;
  const wildcard = wildcardsOf(name).find((host) => serviceAt(host, lookup) !== undefined);
  const covering = wildcard === undefined ? undefined : serviceAt(wildcard, lookup);
  return covering === undefined ? unknown : answerOf(covering, lookup);
}

interface Lookup {
  readonly mesh: Names;
  /** Whose view it is. */
  readonly layer: Layer;
}

const serviceAt = (host: Host, { mesh, layer }: Lookup): Service | undefined =>
  seenIn(mesh.services, layer, host);

function answerOf(service: Service, lookup: Lookup): NameAnswer {
  if (service.alias !== undefined) {
    const target = serviceAt(service.alias, lookup);
    return target === undefined ? unknown : answerOf(target, lookup);
  }
  if (service.externalName !== undefined) return { kind: 'name', name: service.externalName };
  const addresses = service.addresses.filter((address) => !address.includes('/'));
  if (addresses.length > 0) return { kind: 'addresses', addresses, isStable: true };
  // What proxies resolve themselves, or leave to the client, has real addresses that another server knows.
  if (service.resolution !== 'endpoints') return unknown;
  return { kind: 'addresses', addresses: addressesIn(endpointsOf(service, lookup)), isStable: false };
}

function endpointsOf(service: Service, lookup: Lookup): readonly Endpoint[] {
  const all = service.ports.flatMap(({ number }) => endpointsAt(service.host, number, lookup));
  return all.filter(({ health }) => health === 'healthy');
}

const endpointsAt = (host: Host, port: number, { mesh, layer }: Lookup): readonly Endpoint[] =>
  seenIn(mesh.endpointSets, layer, `${host}|${port}`)?.endpoints ?? [];

const addressesIn = (endpoints: readonly Endpoint[]): readonly string[] => [
  ...new Set(endpoints.map(({ address }) => address).filter((address) => !address.startsWith('/'))),
];

/** `pod-0.db.shop.svc.cluster.local`: one endpoint of a headless service, by its name or by its address with dashes. */
function memberAnswer(name: string, lookup: Lookup): NameAnswer | undefined {
  const dot = name.indexOf('.');
  const service = dot < 1 ? undefined : serviceAt(name.slice(dot + 1), lookup);
  if (service?.isHeadless !== true) return undefined;
  const label = name.slice(0, dot);
  const members = endpointsOf(service, lookup).filter(
    ({ hostname, address }) => hostname === label || dashed(address) === label,
  );
  const addresses = addressesIn(members);
  return addresses.length === 0 ? unknown : { kind: 'addresses', addresses, isStable: false };
}

const dashed = (address: string): string => address.replaceAll(/[.:]/g, '-');

/** `_http._tcp.reviews.default.svc.cluster.local`: the port of that name, and who listens on it. */
function placesOf(name: string, lookup: Lookup): NameAnswer {
  const [port = '', transport = '', ...rest] = name.split('.');
  const service = serviceAt(rest.join('.'), lookup);
  const isUdp = transport === '_udp';
  const found = service?.ports.find(
    (each) => `_${each.name}` === port && (each.protocol === 'udp') === isUdp,
  );
  if (service === undefined || found === undefined || !['_tcp', '_udp'].includes(transport)) return unknown;
  if (service.isHeadless !== true) {
    return { kind: 'places', places: [{ host: service.host, port: found.number }] };
  }
  const members = endpointsAt(service.host, found.number, lookup).filter(
    ({ health }) => health === 'healthy',
  );
  const places = members.map(({ hostname, address, port: number }) => ({
    host: `${hostname ?? dashed(address)}.${service.host}`,
    port: number,
  }));
  return { kind: 'places', places };
}
