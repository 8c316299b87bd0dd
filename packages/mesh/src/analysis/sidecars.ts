// Sidecars and ProxyConfigs: of several that would hold alike only one does; imports and ports that lead nowhere.
import { keyOf, type ObjectOf, type SidecarImport } from '@xebec/config';
import type { ObjectKey } from '@xebec/model';
import type { Conflict } from '../conflict.ts';
import { compareText } from '../host-names.ts';
import { isSelected, type Labels } from '../label-selectors.ts';
import { selectsNothing } from './policies.ts';
import { hostOf, isKnown, problemAt, type Scene } from './scene.ts';
import { type KnownWorkload, selectWorkloads } from './workloads.ts';

type Sidecar = ObjectOf<'Sidecar'>;

export function* checkSidecars(scene: Scene): Generator<Conflict> {
  const sidecars = [...scene.objects.list('Sidecar')].sort((left, right) =>
    compareText(keyOf(left), keyOf(right)),
  );
  yield* checkRivals(scene, sidecars);
  for (const object of sidecars) {
    yield* checkSelection(scene, object, 'spec.workloadSelector');
    yield* checkImports(scene, object);
    yield* checkIngress(scene, object);
  }
  for (const object of scene.objects.list('ProxyConfig'))
    yield* checkSelection(scene, object, 'spec.selector');
}

/** The first by name holds: what the others say is lost. */
function* checkRivals(scene: Scene, sidecars: readonly Sidecar[]): Generator<Conflict> {
  const ofNamespace = new Map<string, Sidecar>();
  const ofWorkload = new Map<ObjectKey, Sidecar>();
  const told = new Set<string>();
  for (const object of sidecars) {
    const { namespace } = object.metadata;
    const { selector } = object.spec;
    if (selector === undefined) {
      const first = ofNamespace.get(namespace);
      if (first === undefined) ofNamespace.set(namespace, object);
      else yield withoutSelector(object, first);
      continue;
    }
    for (const workload of selectWorkloads(scene.workloads, selector, namespace)) {
      const first = ofWorkload.get(workload.object);
      if (first === undefined) ofWorkload.set(workload.object, object);
      else if (!told.has(`${keyOf(object)} ${keyOf(first)}`)) yield selectsSame(object, first, workload);
      if (first !== undefined) told.add(`${keyOf(object)} ${keyOf(first)}`);
    }
  }
}

const withoutSelector = (object: Sidecar, first: Sidecar): Conflict =>
  problemAt(object, 'metadata.name', {
    code: 'sidecars-without-selector',
    message: `${keyOf(first)} has no workloadSelector either, and holds as it is the first by name: this one has no effect`,
    remedy: 'make them one, or give this one a workloadSelector',
  });

const selectsSame = (object: Sidecar, first: Sidecar, { object: workload }: KnownWorkload): Conflict =>
  problemAt(object, 'spec.workloadSelector', {
    code: 'sidecars-select-same',
    message: `${keyOf(first)} selects ${workload}, too, and holds as it is the first by name: this one has no effect there`,
    remedy: 'select each workload once',
  });

/** A selector selects in its own namespace, also in the root namespace. */
function* checkSelection(
  scene: Scene,
  object: Sidecar | ObjectOf<'ProxyConfig'>,
  field: string,
): Generator<Conflict> {
  const { selector } = object.spec;
  const { namespace } = object.metadata;
  if (selector === undefined) return;
  const selected = selectWorkloads(scene.workloads, selector);
  const elsewhere = selected.find((workload) => workload.namespace !== namespace);
  const isForeign = namespace === scene.settings.rootNamespace && elsewhere !== undefined;
  if (!isForeign && isKnown(scene, namespace) && selected.every((each) => each.namespace !== namespace))
    yield* selectsNothing(scene, object, field);
  if (!isForeign) return;
  yield problemAt(object, field, {
    code: 'selects-in-root-only',
    message: `with a selector it holds for workloads of namespace ${namespace} only, not for ${elsewhere.object}`,
    remedy: 'write it in the namespace of the workloads, or without a selector for the whole mesh',
  });
}

function* checkImports(scene: Scene, object: Sidecar): Generator<Conflict> {
  const { namespace: own } = object.metadata;
  const isForAll = own === scene.settings.rootNamespace && object.spec.selector === undefined;
  for (const [listener, { port, imports }] of (object.spec.egress ?? []).entries()) {
    for (const written of imports) {
      // `.` of a Sidecar for the whole mesh is another namespace for each workload.
      if (written.host === '*' || (written.namespace === '.' && isForAll)) continue;
      const wanted = { ...written, namespace: written.namespace === '.' ? own : written.namespace };
      if (!scene.isWhole && (wanted.namespace === '*' || !isKnown(scene, wanted.namespace))) continue;
      const ports = portsOf(scene, wanted);
      const isThere =
        ports !== undefined && (port === undefined || ports.size === 0 || ports.has(port.number));
      if (!isThere)
        yield imported(object, listener, { written, port: ports === undefined ? undefined : port?.number });
    }
  }
}

const imported = (
  object: Sidecar,
  listener: number,
  { written, port }: { readonly written: SidecarImport; readonly port: number | undefined },
): Conflict =>
  problemAt(object, `spec.egress[${listener}].hosts`, {
    code: 'import-unknown',
    message:
      port === undefined
        ? `no host is ${written.namespace}/${written.host}: nothing is imported by it`
        : `no host that is ${written.namespace}/${written.host} has port ${port}: nothing is imported by it`,
    remedy: 'write the namespace of the Service or ServiceEntry and its whole host name',
  });

/** Undefined: there is no such host. Empty: only a VirtualService names one, which has every port. */
function portsOf(scene: Scene, { namespace, host }: SidecarImport): ReadonlySet<number> | undefined {
  const isMeant = (owner: string, name: string): boolean =>
    (namespace === '*' || namespace === owner) &&
    (host === name || (host.startsWith('*.') && name.endsWith(host.slice(1))));
  for (const { metadata, spec } of scene.objects.list('VirtualService')) {
    if (spec.hosts.some((name) => isMeant(metadata.namespace, hostOf(scene, name, metadata.namespace))))
      return new Set();
  }
  const known = host.startsWith('*.')
    ? scene.servicesByHost.values()
    : [scene.servicesByHost.get(host) ?? []];
  const found = [...known].flat().filter((service) => isMeant(service.namespace, service.host));
  if (found.length === 0) return undefined;
  return new Set(found.flatMap(({ ports }) => ports.map(({ number }) => number)));
}

/** Ports are those that Services lead to, which is often taken for the Service's own. */
function* checkIngress(scene: Scene, object: Sidecar): Generator<Conflict> {
  const { ingress = [], selector = {} } = object.spec;
  const { namespace } = object.metadata;
  if (ingress.length === 0 || !isKnown(scene, namespace)) return;
  const selected = selectWorkloads(scene.workloads, selector, namespace);
  if (selected.length === 0) return;
  const leading = ledIn(scene, namespace);
  const reached = new Set(selected.flatMap((workload) => targetsOf(workload, leading)));
  for (const [position, { port }] of ingress.entries()) {
    if (reached.has(port.number)) continue;
    const known = [...reached].sort((left, right) => left - right).join(', ');
    yield problemAt(object, `spec.ingress[${position}].port.number`, {
      code: 'ingress-port-unreached',
      message: `no Service leads to port ${port.number} of what it selects (${known === '' ? 'to none' : known}); the number is that of targetPort`,
      remedy: 'write the targetPort of the Service',
    });
  }
}

interface Led {
  readonly selector: Labels;
  readonly targets: readonly (number | string)[];
}

/** What leads to workloads of a namespace, and to which of their ports. */
function ledIn({ objects }: Scene, namespace: string): readonly Led[] {
  const services = [...objects.list('Service')]
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map(({ spec: { selector, ports } }) => ({
      selector,
      targets: ports.map(({ targetPort }) => targetPort),
    }));
  const entries = [...objects.list('ServiceEntry')]
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map(({ spec: { workloadSelector: selector = {}, ports } }) => ({
      selector,
      targets: ports.map(({ number, targetPort }) => targetPort ?? number),
    }));
  return [...services, ...entries].filter(({ selector }) => Object.keys(selector).length > 0);
}

const targetsOf = ({ labels, ports }: KnownWorkload, leading: readonly Led[]): readonly number[] =>
  leading
    .filter(({ selector }) => isSelected(selector, labels))
    .flatMap(({ targets }) => targets)
    .flatMap((target) =>
      typeof target === 'number'
        ? [target]
        : ports.filter(({ name }) => name === target).map(({ number }) => number),
    );
