// Services: ports that do not say what they speak, selectors and named ports that fit nothing, Deployments that they tell differently.
import type { ObjectOf, ServicePortSpec } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { isSelected, type Labels } from '../label-selectors.ts';
import { isKnown, objectOf, problemAt, type Scene } from './scene.ts';
import { selectWorkloads } from './workloads.ts';

type Service = ObjectOf<'Service'>;

export function* checkServices(scene: Scene): Generator<Conflict> {
  for (const object of scene.objects.list('Service')) {
    if (object.metadata.namespace === scene.settings.rootNamespace) continue;
    yield* checkPortNames(object);
    yield* checkSelector(scene, object);
  }
  yield* checkDeployments(scene);
  yield* checkSlices(scene);
}

function* checkPortNames(object: Service): Generator<Conflict> {
  const isExternal = object.spec.type === 'ExternalName';
  for (const [position, { name, port, protocol }] of object.spec.ports.entries()) {
    const field = `spec.ports[${position}]`;
    if (isExternal && (protocol === 'auto' || name === 'tcp')) {
      yield problemAt(object, field, {
        code: 'external-port-name',
        message: `port ${port} is named ${name === '' ? 'nothing' : name}, which does not tell this host from others on that port`,
        remedy: 'name it http…, https… or tls…, where that is spoken',
      });
    } else if (protocol === 'auto') {
      yield problemAt(object, field, {
        code: 'port-name-free',
        message: `neither appProtocol nor the name ${name === '' ? '(none)' : name} says what port ${port} speaks: proxies look at each connection`,
        remedy: `name it http-${name === '' ? 'web' : name}, or whatever it speaks; or write appProtocol`,
      });
    }
  }
}

function* checkSelector(scene: Scene, object: Service): Generator<Conflict> {
  const { selector, ports } = object.spec;
  const { namespace } = object.metadata;
  if (Object.keys(selector).length === 0 || !isKnown(scene, namespace)) return;
  const selected = selectWorkloads(scene.workloads, selector, namespace);
  if (selected.length === 0) {
    yield problemAt(object, 'spec.selector', {
      code: 'selects-nothing',
      message: `no workload in namespace ${namespace} has these labels: the Service has no endpoints`,
      remedy: 'correct the labels, or deploy such a workload',
    });
    return;
  }
  for (const [position, { targetPort }] of ports.entries()) {
    if (typeof targetPort === 'number') continue;
    if (selected.some((workload) => workload.ports.some(({ name }) => name === targetPort))) continue;
    yield problemAt(object, `spec.ports[${position}].targetPort`, {
      code: 'target-port-unknown',
      message: `no selected workload has a port named ${targetPort}`,
      remedy: 'name the container port, or write its number',
    });
  }
}

/** What several Services say about one Deployment must fit together. */
function* checkDeployments(scene: Scene): Generator<Conflict> {
  const services = new Map<string, Service[]>();
  for (const service of scene.objects.list('Service')) {
    if (Object.keys(service.spec.selector).length === 0) continue;
    const { namespace } = service.metadata;
    const known = services.get(namespace);
    if (known === undefined) services.set(namespace, [service]);
    else known.push(service);
  }
  for (const object of scene.objects.list('Deployment')) {
    const { labels } = object.spec.template;
    const selecting = selectingServices(services.get(object.metadata.namespace) ?? [], labels);
    if (selecting.length < 2) continue;
    yield* checkProtocols(object, selecting);
    yield* checkTargets(object, selecting);
  }
}

const selectingServices = (services: readonly Service[], labels: Labels): readonly Service[] =>
  services.filter(({ spec }) => isSelected(spec.selector, labels));

type Deployment = ObjectOf<'Deployment'>;
type NamedPort = readonly [service: string, port: ServicePortSpec];

const portsOf = (services: readonly Service[]): readonly NamedPort[] =>
  services.flatMap(({ metadata, spec }) => spec.ports.map((port): NamedPort => [metadata.name, port]));

function groupPorts(
  ports: readonly NamedPort[],
  keyed: (port: ServicePortSpec) => string,
): ReadonlyMap<string, readonly NamedPort[]> {
  const groups = new Map<string, NamedPort[]>();
  for (const named of ports) {
    const key = keyed(named[1]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [named]);
    else group.push(named);
  }
  return groups;
}

const namesOf = (ports: readonly NamedPort[]): string =>
  [...new Set(ports.map(([service]) => service))].join(', ');

/** Services of one Deployment that use one port number for different transports. */
function* checkProtocols(object: Deployment, services: readonly Service[]): Generator<Conflict> {
  for (const [number, ports] of groupPorts(portsOf(services), ({ port }) => String(port))) {
    const transports = new Set(ports.map(([, { transport }]) => transport));
    if (transports.size < 2 || new Set(ports.map(([service]) => service)).size < 2) continue;
    yield problemAt(object, 'metadata.name', {
      code: 'deployment-port-protocols',
      message: `Services ${namesOf(ports)} select it and use port ${number} with different protocols (${[...transports].join(', ')})`,
      remedy: 'use different port numbers',
    });
  }
}

function* checkTargets(object: Deployment, services: readonly Service[]): Generator<Conflict> {
  const keyed = ({ targetPort, transport }: ServicePortSpec): string => `${targetPort}/${transport}`;
  for (const [target, ports] of groupPorts(portsOf(services), keyed)) {
    const numbers = new Set(ports.map(([, { port }]) => port));
    const protocols = new Set(ports.map(([, { protocol }]) => protocol));
    if (new Set(ports.map(([service]) => service)).size < 2) continue;
    if (numbers.size < 2 && protocols.size < 2) continue;
    const what =
      numbers.size > 1
        ? `different ports (${[...numbers].join(', ')})`
        : `different protocols (${[...protocols].join(', ')})`;
    yield problemAt(object, 'metadata.name', {
      code: 'deployment-target-ports',
      message: `Services ${namesOf(ports)} give its port ${target.split('/')[0] ?? ''} ${what}; the workload knows it by the first one's`,
      remedy: 'let these Services use the same port',
    });
  }
}

function* checkSlices(scene: Scene): Generator<Conflict> {
  const services = new Set([...scene.objects.list('Service')].map(objectOf));
  for (const object of scene.objects.list('EndpointSlice')) {
    const { service } = object.spec;
    const { namespace } = object.metadata;
    if (service === '' || services.has(`Service/${namespace}/${service}`)) continue;
    yield problemAt(object, 'metadata.labels["kubernetes.io/service-name"]', {
      code: 'service-unknown',
      message: `there is no Service ${service} in namespace ${namespace}: nobody has these endpoints`,
      remedy: 'add it, or correct the label',
    });
  }
}
