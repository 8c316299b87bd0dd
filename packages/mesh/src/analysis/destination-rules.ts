// DestinationRules: hosts of nobody, subsets that select or serve nobody, servers that are not verified, rules that hold for no client.
import type { ObjectOf, PortTrafficPolicy, TrafficPolicySpec } from '@xebec/config';
import type { Host, Service } from '@xebec/model';
import type { Conflict } from '../conflict.ts';
import { isCoveredBy, isWildcard } from '../host-names.ts';
import { hostOf, objectOf, problemAt, type Scene } from './scene.ts';
import { selectWorkloads } from './workloads.ts';

type DestinationRule = ObjectOf<'DestinationRule'>;

export function* checkDestinationRules(scene: Scene): Generator<Conflict> {
  const used = usedSubsets(scene);
  const applied = appliedRules(scene);
  for (const object of scene.objects.list('DestinationRule')) {
    const host = hostOf(scene, object.spec.host, object.metadata.namespace);
    const services = servicesOf(scene, host);
    yield* checkServers(object);
    if (services.length === 0) {
      yield problemAt(object, 'spec.host', {
        code: 'rule-host-unknown',
        message: `no service has the host ${host}; the rule has no effect`,
        remedy: 'correct the host, or define it by a Service or ServiceEntry',
      });
      continue;
    }
    if (!applied.has(objectOf(object)) && Object.keys(object.spec.workloadSelector ?? {}).length === 0)
      yield unusedRule(object, host);
    yield* checkSubsets(scene, object, services);
    if (!isWildcard(host)) yield* checkUse(object, used.get(host));
  }
}

function servicesOf({ servicesByHost }: Scene, host: Host): readonly Service[] {
  if (!isWildcard(host)) return servicesByHost.get(host) ?? [];
  return [...servicesByHost].flatMap(([name, services]) => (isCoveredBy(name, host) ? services : []));
}

/** Rules that some destination is made by. */
function appliedRules({ mesh }: Scene): ReadonlySet<string> {
  const applied = new Set<string>();
  for (const [, { causes }] of mesh.destinations.entries())
    for (const { object } of causes) applied.add(object);
  return applied;
}

const unusedRule = (object: DestinationRule, host: Host): Conflict =>
  problemAt(object, 'spec.host', {
    code: 'rule-unused',
    message: `the rule holds for no client of ${host}: it is neither in the namespace of the clients or of the service nor in the root namespace, or others there come first`,
    remedy: 'put it into the namespace of the service or of its clients, or remove it',
  });

/** A subset must fit a workload of a service that the rule is for. */
function* checkSubsets(
  scene: Scene,
  object: DestinationRule,
  services: readonly Service[],
): Generator<Conflict> {
  const selections = services.map((service) => selectionOf(scene, service));
  if (selections.includes(undefined)) return;
  const selected = selections.flatMap((labels) => labels ?? []);
  for (const [position, { name, labels }] of object.spec.subsets.entries()) {
    if (Object.keys(labels).every(isOfPlace) || selected.some(fits(labels))) continue;
    yield problemAt(object, `spec.subsets[${position}].labels`, {
      code: 'subset-selects-nothing',
      message: `no workload of ${object.spec.host} has the labels of subset ${name}; requests to it get 503`,
      remedy: 'correct the labels, or deploy this version',
    });
  }
}

/** Labels that workloads have by the place they run at. */
const isOfPlace = (label: string): boolean => /^topology\.(kubernetes|istio)\.io\//.test(label);

type Labels = Readonly<Record<string, string>>;

const fits =
  (wanted: Labels) =>
  (labels: Labels): boolean =>
    Object.entries(wanted).every(([key, value]) => isOfPlace(key) || labels[key] === value);

/** Labels of all workloads of a service; undefined where they are not known. */
function selectionOf(scene: Scene, service: Service): readonly Labels[] | undefined {
  const owner = service.causes[0]?.object;
  if (owner === undefined || service.resolution !== 'endpoints') return undefined;
  const selector = selectorsOf(scene).get(owner);
  if (selector !== undefined)
    return selectWorkloads(scene.workloads, selector, service.namespace).map(({ labels }) => labels);
  const labels = [...endpointLabels(scene, service)];
  return labels.length === 0 ? undefined : labels;
}

function* endpointLabels({ mesh }: Scene, { host, ports }: Service): Generator<Labels> {
  for (const { number } of ports)
    for (const { labels } of mesh.endpointSets.get(`*|${host}|${number}`)?.endpoints ?? []) yield labels;
}

const selectors = new WeakMap<Scene, ReadonlyMap<string, Labels>>();

/** Selectors of Services and ServiceEntries by object. */
function selectorsOf(scene: Scene): ReadonlyMap<string, Labels> {
  const known = selectors.get(scene);
  if (known !== undefined) return known;
  const found = new Map<string, Labels>();
  for (const object of scene.objects.list('Service'))
    if (Object.keys(object.spec.selector).length > 0) found.set(objectOf(object), object.spec.selector);
  for (const object of scene.objects.list('ServiceEntry'))
    if (object.spec.workloadSelector !== undefined) found.set(objectOf(object), object.spec.workloadSelector);
  selectors.set(scene, found);
  return found;
}

function* checkUse(object: DestinationRule, used: ReadonlySet<string> | undefined): Generator<Conflict> {
  // Where nothing is routed by subsets, they are there for their numbers or for later.
  if (used === undefined) return;
  for (const [position, { name }] of object.spec.subsets.entries()) {
    if (used.has(name)) continue;
    yield problemAt(object, `spec.subsets[${position}]`, {
      code: 'subset-unused',
      message: `no route sends anything to subset ${name} of ${object.spec.host}`,
      remedy: 'nothing, if it is for later; else remove it',
    });
  }
}

/** Subsets that some route names, by host; hosts without such routes are not there. */
function usedSubsets(scene: Scene): ReadonlyMap<Host, ReadonlySet<string>> {
  const used = new Map<Host, Set<string>>();
  const add = (written: string, subset: string, namespace: string): void => {
    if (subset === '') return;
    const host = hostOf(scene, written, namespace);
    const names = used.get(host);
    if (names === undefined) used.set(host, new Set([subset]));
    else names.add(subset);
  };
  for (const { metadata, spec } of scene.objects.list('VirtualService')) {
    const { namespace } = metadata;
    for (const { action, mirrors } of spec.http) {
      if (action.kind === 'forward')
        for (const { host, subset } of action.destinations) add(host, subset, namespace);
      for (const { destination } of mirrors) add(destination.host, destination.subset, namespace);
    }
    for (const { destinations } of [...spec.tls, ...spec.tcp])
      for (const { host, subset } of destinations) add(host, subset, namespace);
  }
  return used;
}

/** TLS to applications whose certificates are not verified, or by the roots of the operating system only. */
function* checkServers(object: DestinationRule): Generator<Conflict> {
  const { trafficPolicy, subsets } = object.spec;
  yield* checkPolicy(object, 'spec.trafficPolicy', trafficPolicy);
  for (const [position, subset] of subsets.entries())
    yield* checkPolicy(object, `spec.subsets[${position}].trafficPolicy`, subset.trafficPolicy);
}

function* checkPolicy(
  object: DestinationRule,
  field: string,
  policy: TrafficPolicySpec | undefined,
): Generator<Conflict> {
  if (policy === undefined) return;
  yield* checkTls(object, `${field}.tls`, { policy, isPort: false });
  for (const [position, port] of policy.portLevelSettings.entries())
    yield* checkTls(object, `${field}.portLevelSettings[${position}].tls`, { policy: port, isPort: true });
}

function* checkTls(
  object: DestinationRule,
  field: string,
  { policy: { tls }, isPort }: { readonly policy: PortTrafficPolicy; readonly isPort: boolean },
): Generator<Conflict> {
  if (tls === undefined || (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL')) return;
  const { material, isUnverified, mode } = tls;
  if (isUnverified) {
    yield problemAt(object, `${field}.insecureSkipVerify`, {
      code: isPort ? 'server-unverified-at-port' : 'server-unverified',
      message: `TLS ${mode} to ${object.spec.host} does not verify who answers`,
      remedy: 'write caCertificates or credentialName, and remove insecureSkipVerify',
    });
  } else if (material.kind === 'files' && material.authorities === 'system') {
    yield problemAt(object, field, {
      code: isPort ? 'server-roots-of-system-at-port' : 'server-roots-of-system',
      message: `TLS ${mode} to ${object.spec.host} trusts every authority that the operating system of the proxy does`,
      remedy: 'nothing for public servers; write caCertificates for your own',
    });
  }
}
