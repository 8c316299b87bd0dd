// Gateways without workloads, without a Service that leads to their ports, with certificates that two of them show.
import type { GatewayServerSpec, ObjectOf } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { isSelected, type Labels } from '../label-selectors.ts';
import { objectOf, problemAt, type Scene } from './scene.ts';
import { type KnownWorkload, selectWorkloads } from './workloads.ts';

type Gateway = ObjectOf<'Gateway'>;

export function* checkGateways(scene: Scene): Generator<Conflict> {
  const services = servicesByNamespace(scene);
  for (const object of scene.gateways.values()) {
    const selected = selectWorkloads(scene.workloads, object.spec.selector);
    if (selected.length > 0) yield* checkPorts(object, selected, services);
    else {
      yield problemAt(object, 'spec.selector', {
        code: 'gateway-selects-nothing',
        message: `no workload has the labels ${textOf(object.spec.selector)}: nobody serves this Gateway`,
        remedy: 'correct the selector, or deploy a gateway with these labels',
      });
    }
  }
  yield* checkCertificates(scene);
}

const textOf = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');

type Services = ReadonlyMap<string, readonly ObjectOf<'Service'>[]>;

function servicesByNamespace({ objects }: Scene): Services {
  const services = new Map<string, ObjectOf<'Service'>[]>();
  for (const service of objects.list('Service')) {
    if (Object.keys(service.spec.selector).length === 0) continue;
    const { namespace } = service.metadata;
    const known = services.get(namespace);
    if (known === undefined) services.set(namespace, [service]);
    else known.push(service);
  }
  return services;
}

/** Where Services lead to the gateway's workloads at all, one of them must lead to each port. */
function* checkPorts(
  object: Gateway,
  selected: readonly KnownWorkload[],
  services: Services,
): Generator<Conflict> {
  const leading = selected.flatMap(({ namespace, labels }) =>
    (services.get(namespace) ?? []).filter(({ spec }) => isSelected(spec.selector, labels)),
  );
  if (leading.length === 0) return;
  const open = new Set(
    leading.flatMap(({ spec }) => spec.ports.flatMap(({ port, targetPort }) => [port, targetPort])),
  );
  for (const [position, { port }] of object.spec.servers.entries()) {
    if (port.number === 0 || open.has(port.number)) continue;
    const [first] = leading;
    yield problemAt(object, `spec.servers[${position}].port`, {
      code: 'gateway-port-unserved',
      message: `port ${port.number} is opened, and no port of Service ${first?.metadata.namespace ?? ''}/${first?.metadata.name ?? ''} leads to it`,
      remedy: 'add the port to that Service',
    });
  }
}

/** Two Gateways of the same workloads that show one certificate for different hosts. */
function* checkCertificates(scene: Scene): Generator<Conflict> {
  const seen = new Map<string, Gateway[]>();
  for (const object of scene.gateways.values()) {
    const certificates = new Set(object.spec.servers.flatMap((server) => certificatesOf(object, server)));
    for (const certificate of certificates) {
      const others = seen.get(certificate) ?? [];
      const other = others.find(({ spec }) => areTogether(spec.selector, object.spec.selector));
      seen.set(certificate, [...others, object]);
      if (other === undefined) continue;
      yield sameCertificate(object, other, certificate);
      yield sameCertificate(other, object, certificate);
    }
  }
}

const sameCertificate = (object: Gateway, other: Gateway, certificate: string): Conflict =>
  problemAt(object, 'spec.servers', {
    code: 'gateway-certificate-twice',
    message: `${objectOf(other)} shows the same certificate (${certificate}): a browser may use one connection for the hosts of both, and get 404`,
    remedy: 'put the hosts into one server, or give each its own certificate',
  });

const certificatesOf = (object: Gateway, { tls }: GatewayServerSpec): readonly string[] =>
  (tls?.certificates ?? []).map((each) =>
    each.kind === 'secret' ? `Secret ${each.name}` : `${each.certificate} of ${textOf(object.spec.selector)}`,
  );

/** Some workload may have the labels of both. */
const areTogether = (left: Labels, right: Labels): boolean =>
  isSelected(left, right) || isSelected(right, left);
