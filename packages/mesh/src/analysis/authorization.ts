// AuthorizationPolicies: namespaces that are not there, and rules about requests where no requests are seen.
import type { AuthorizationOperation, AuthorizationRule, ObjectOf } from '@xebec/config';
import type { Inbound, InboundPort } from '@xebec/model';
import { matchesText } from '../authorization-check/texts.ts';
import type { Conflict } from '../conflict.ts';
import { isSelected } from '../label-selectors.ts';
import { problemAt, type Scene } from './scene.ts';

type Policy = ObjectOf<'AuthorizationPolicy'>;

export function* checkAuthorization(scene: Scene): Generator<Conflict> {
  const namespaces = namespacesOf(scene);
  const inbounds = [...scene.mesh.inbounds.entries()].map(([, inbound]) => inbound);
  for (const object of scene.objects.list('AuthorizationPolicy')) {
    yield* checkNamespaces(object, namespaces);
    yield* checkRequests(scene, object, inbounds);
  }
  yield* checkShadows(scene);
}

/** Whoever is denied everything is allowed nothing, whatever else is written. */
function* checkShadows(scene: Scene): Generator<Conflict> {
  const policies = [...scene.objects.list('AuthorizationPolicy')];
  const closed = policies.filter(
    ({ spec }) => spec.action === 'DENY' && spec.isDryRun !== true && spec.rules.some(fitsAll),
  );
  for (const object of policies) {
    const by = closed.find((each) => each !== object && isAround(scene, each, object));
    if (by === undefined || isSameShadow(scene, object, by)) continue;
    yield problemAt(object, 'spec', {
      code: 'policy-shadowed',
      message: `AuthorizationPolicy/${by.metadata.namespace}/${by.metadata.name} denies everything to all of its workloads: this one makes no difference`,
      remedy: 'remove one of them, or narrow the other',
    });
  }
}

const fitsAll = ({ sources, operations, conditions }: AuthorizationRule): boolean =>
  sources.length + operations.length + conditions.length === 0;

/** Everybody that `inner` is for, `outer` is for too. */
function isAround({ settings }: Scene, outer: Policy, inner: Policy): boolean {
  const { namespace } = outer.metadata;
  if (namespace !== settings.rootNamespace && namespace !== inner.metadata.namespace) return false;
  const { targetGateways = [] } = outer.spec;
  if (targetGateways.length > 0) return false;
  return isSelected(outer.spec.selector ?? {}, inner.spec.selector ?? {});
}

/** Of two that deny everything to the same the first one by name is not told. */
const isSameShadow = (scene: Scene, object: Policy, by: Policy): boolean =>
  object.spec.action === 'DENY' &&
  object.spec.rules.some(fitsAll) &&
  isAround(scene, object, by) &&
  `${object.metadata.namespace}/${object.metadata.name}` < `${by.metadata.namespace}/${by.metadata.name}`;

/** Every namespace that something is in. */
function namespacesOf({ objects, workloads }: Scene): ReadonlySet<string> {
  const names = new Set(workloads.namespaces);
  for (const { metadata } of objects.list('Namespace')) names.add(metadata.name);
  for (const { metadata } of objects.list('Service')) names.add(metadata.namespace);
  for (const { metadata } of objects.list('ServiceAccount')) names.add(metadata.namespace);
  return names;
}

function* checkNamespaces(object: Policy, known: ReadonlySet<string>): Generator<Conflict> {
  for (const [rule, { sources }] of object.spec.rules.entries()) {
    for (const [source, { namespaces, notNamespaces }] of sources.entries()) {
      for (const [field, patterns] of Object.entries({ namespaces, notNamespaces })) {
        for (const [position, pattern] of patterns.entries()) {
          if (pattern.kind === 'present' || [...known].some((name) => matchesText(name, pattern))) continue;
          yield problemAt(object, `spec.rules[${rule}].from[${source}].source.${field}[${position}]`, {
            code: 'namespace-unknown',
            message: `there is no namespace ${pattern.kind === 'suffix' ? '*' : ''}${pattern.value}${pattern.kind === 'prefix' ? '*' : ''}`,
            remedy: 'correct the name, or add the namespace',
          });
        }
      }
    }
  }
}

/** What a rule says about requests: the field that says it. */
function requestField({ operations, conditions, sources }: AuthorizationRule): string | undefined {
  const aboutRequest = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'] as const;
  for (const [position, operation] of operations.entries()) {
    const field = aboutRequest.find((name) => operation[name].length > 0);
    if (field !== undefined) return `to[${position}].operation.${field}`;
  }
  const header = conditions.findIndex(({ key }) => key.kind === 'header');
  if (header >= 0) return `when[${header}]`;
  const remote = sources.findIndex(
    ({ remoteIpBlocks, notRemoteIpBlocks }) => remoteIpBlocks.length + notRemoteIpBlocks.length > 0,
  );
  return remote < 0 ? undefined : `from[${remote}].source.remoteIpBlocks`;
}

const connectionProtocols: ReadonlySet<string> = new Set(['tcp', 'tls', 'https', 'mongo', 'redis', 'udp']);

function* checkRequests(scene: Scene, object: Policy, inbounds: readonly Inbound[]): Generator<Conflict> {
  const fields = object.spec.rules.map(requestField);
  if (fields.every((field) => field === undefined)) return;
  const ports = portsOf(scene, object, inbounds);
  for (const [position, rule] of object.spec.rules.entries()) {
    const field = fields[position];
    if (field === undefined) continue;
    const concerned = ports.filter(({ port }) => isNamed(rule.operations, port));
    const [first] = concerned.filter(({ protocol }) => connectionProtocols.has(protocol));
    // A rule that also fits HTTP ports is written for those.
    if (first === undefined || concerned.some(({ protocol }) => !connectionProtocols.has(protocol))) continue;
    yield problemAt(object, `spec.rules[${position}].${field}`, {
      code: 'http-rule-on-tcp-port',
      message: `the rule looks at requests, and port ${first.port} of ${first.service?.host ?? 'its workloads'} speaks ${first.protocol}: ${effects[object.spec.action]}`,
      remedy: 'limit the rule to ports that speak HTTP, or declare the protocol of the port',
    });
  }
}

const effects = {
  ALLOW: 'it never allows anything there',
  DENY: 'it denies whatever its other conditions fit',
  AUDIT: 'it marks whatever its other conditions fit',
  CUSTOM: 'its provider is asked about whatever its other conditions fit, or that is denied',
} as const;

function portsOf(scene: Scene, object: Policy, inbounds: readonly Inbound[]): readonly InboundPort[] {
  const { namespace } = object.metadata;
  const isRoot = namespace === scene.settings.rootNamespace;
  return inbounds
    .filter(
      ({ proxy }) =>
        (isRoot || proxy.namespace === namespace) &&
        (object.spec.targetGateways ?? []).length === 0 &&
        isSelected(object.spec.selector ?? {}, proxy.labels),
    )
    .flatMap((inbound) => [...inbound.ports, ...inbound.udpPorts]);
}

const isNamed = (operations: readonly AuthorizationOperation[], port: number): boolean =>
  operations.length === 0 ||
  operations.some(
    ({ ports, notPorts }) => (ports.length === 0 || ports.includes(port)) && !notPorts.includes(port),
  );
