// Random rules of connections for hosts of a random mesh.
import fc from 'fast-check';
import type { Backend } from './arbitrary-routes.ts';

type Manifest = Readonly<Record<string, unknown>>;

const match = fc.record(
  {
    destinationSubnets: fc.constantFrom(['10.0.0.0/8'], ['127.8.0.1', 'fd00::/8'], ['192.0.2.0/24']),
    port: fc.constantFrom(80, 81, 90, 91),
    sourceLabels: fc.constantFrom({ app: 's1' }, { version: 'v1' }),
    sourceNamespace: fc.constantFrom('a', 'b'),
  },
  { requiredKeys: [] },
);

/** One VirtualService with `tcp` and `tls` for a host; where it counts, all its destinations can be seen. */
export const connectionsOf = (to: Backend, backends: readonly Backend[]): fc.Arbitrary<Manifest> => {
  const reachable = backends.filter((each) => !each.isPrivate || each.namespace === to.namespace);
  const isClosed = to.isPrivate || reachable.some((each) => each.isPrivate);
  const route = fc
    .tuple(
      fc.uniqueArray(fc.constantFrom(...reachable.filter(({ host }) => !host.startsWith('*')), to), {
        minLength: 1,
        maxLength: 2,
        selector: ({ host }) => host,
      }),
      fc.integer({ min: 1, max: 99 }),
    )
    .map(([hosts, weight]) =>
      hosts
        .filter(({ host }) => !host.startsWith('*'))
        .map(({ host, ports }, i) => ({
          destination: { host, port: { number: ports[0] ?? 80 } },
          weight: i === 0 ? weight : 100 - weight,
        })),
    )
    .filter((destinations) => destinations.length > 0);
  const tcp = fc.array(fc.record({ match: fc.array(match, { minLength: 1, maxLength: 2 }), route }), {
    minLength: 1,
    maxLength: 3,
  });
  const sniHosts = to.host.startsWith('*') ? [to.host, `x${to.host.slice(1)}`] : [to.host];
  const tls = fc.array(fc.record({ match: match.map((each) => [{ ...each, sniHosts }]), route }), {
    maxLength: 2,
  });
  return fc.record({ tcp, tls }).map((rules) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: {
      name: `connections-${to.host.replace(/[^a-z0-9]/g, '-').replace(/^-+/, '')}`,
      namespace: to.namespace,
    },
    spec: { hosts: [to.host], exportTo: [isClosed ? '.' : '*'], ...rules },
  }));
};
