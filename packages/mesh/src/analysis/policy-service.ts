// Objects of the policy service that name each other: what is not there, what nobody uses, what is bound to nothing.
import { type NamedObject, type ObjectOf, policyReferences, type ServiceReference } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { problemAt, type Scene, serviceSeen } from './scene.ts';

export function* checkPolicyService(scene: Scene): Generator<Conflict> {
  const handlers = namesOf(scene, 'handler');
  const instances = namesOf(scene, 'instance');
  for (const rule of scene.objects.list('rule')) yield* checkRule(rule, { handlers, instances });
  for (const spec of scene.objects.list('QuotaSpec')) yield* checkQuotas(spec, instances);
  for (const kind of ['handler', 'instance'] as const)
    for (const object of scene.objects.list(kind))
      if (!(kind === 'handler' ? handlers : instances).used.has(idOf(object))) yield unused(object);
  yield* checkBindings(scene, 'QuotaSpec');
  yield* checkBindings(scene, 'HTTPAPISpec');
}

type Named = { readonly metadata: { readonly namespace: string; readonly name: string } };
type ReferredKind = 'handler' | 'instance';

const idOf = ({ metadata }: Named): string => `${metadata.namespace}/${metadata.name}`;

/** The objects of a kind by `NAMESPACE/NAME`, and those that something names. */
interface Names {
  readonly kind: ReferredKind;
  readonly known: ReadonlySet<string>;
  readonly used: Set<string>;
}

const namesOf = (scene: Scene, kind: ReferredKind): Names => ({
  kind,
  known: new Set([...scene.objects.list(kind)].map(idOf)),
  used: new Set(),
});

/** Whether a reference means something that is there; it is used then. */
function isFound({ kind, known, used }: Names, from: Named, reference: string): boolean {
  const candidates = policyReferences(reference, { kind, namespace: from.metadata.namespace });
  const id = candidates.map(({ namespace, name }) => `${namespace}/${name}`).find((each) => known.has(each));
  if (id !== undefined) used.add(id);
  return id !== undefined;
}

interface RuleNames {
  readonly handlers: Names;
  readonly instances: Names;
}

function* checkRule(rule: ObjectOf<'rule'>, { handlers, instances }: RuleNames): Generator<Conflict> {
  for (const [position, action] of rule.spec.actions.entries()) {
    const at = `spec.actions[${position}]`;
    if (!isFound(handlers, rule, action.handler))
      yield unknown(rule, `${at}.handler`, 'handler', action.handler);
    for (const [index, instance] of action.instances.entries())
      if (!isFound(instances, rule, instance))
        yield unknown(rule, `${at}.instances[${index}]`, 'instance', instance);
  }
}

function* checkQuotas(spec: ObjectOf<'QuotaSpec'>, instances: Names): Generator<Conflict> {
  for (const [position, { quotas }] of spec.spec.rules.entries())
    for (const [index, { quota }] of quotas.entries())
      if (!isFound(instances, spec, quota))
        yield unknown(spec, `spec.rules[${position}].quotas[${index}].quota`, 'instance', quota);
}

const unknown = (
  object: Named & { readonly kind: string; readonly metadata: ObjectOf<'rule'>['metadata'] },
  field: string,
  kind: ReferredKind,
  reference: string,
): Conflict =>
  problemAt(object, field, {
    code: `policy-${kind}-unknown`,
    message: `there is no ${kind} ${reference}: what is to be asked of it fails as the rule says it should`,
    remedy: `add the ${kind}, or write NAME.NAMESPACE for one of another namespace`,
  });

const unused = (object: ObjectOf<'handler' | 'instance'>): Conflict =>
  problemAt(object, 'metadata.name', {
    code: 'policy-object-unused',
    message: `no rule names this ${object.kind}`,
    remedy: 'name it in the actions of a rule, or remove it',
  });

type BoundKind = 'QuotaSpec' | 'HTTPAPISpec';

interface Binding {
  readonly object: ObjectOf<'QuotaSpecBinding' | 'HTTPAPISpecBinding'>;
  readonly field: string;
  readonly specs: readonly NamedObject[];
}

function bindingsOf(scene: Scene, kind: BoundKind): readonly Binding[] {
  return kind === 'QuotaSpec'
    ? [...scene.objects.list('QuotaSpecBinding')].map((object) => ({
        object,
        field: 'spec.quotaSpecs',
        specs: object.spec.quotaSpecs,
      }))
    : [...scene.objects.list('HTTPAPISpecBinding')].map((object) => ({
        object,
        field: 'spec.apiSpecs',
        specs: object.spec.apiSpecs,
      }));
}

function* checkBindings(scene: Scene, kind: BoundKind): Generator<Conflict> {
  const specs = new Map([...scene.objects.list(kind)].map((object) => [idOf(object), object]));
  const bound = new Set<string>();
  for (const { object, field, specs: named } of bindingsOf(scene, kind)) {
    for (const [position, metadata] of named.entries()) {
      const id = idOf({ metadata });
      bound.add(id);
      if (specs.has(id)) continue;
      yield problemAt(object, `${field}[${position}]`, {
        code: 'policy-spec-unknown',
        message: `there is no ${kind} ${metadata.name} in namespace ${metadata.namespace}`,
        remedy: 'correct name and namespace, or add it',
      });
    }
    yield* checkServices(scene, object);
  }
  for (const [id, object] of specs) {
    if (bound.has(id)) continue;
    yield problemAt(object, 'metadata.name', {
      code: 'policy-spec-unbound',
      message: `no ${kind}Binding names this ${kind}: it has no effect`,
      remedy: `add a ${kind}Binding that names it and its services`,
    });
  }
}

function* checkServices(scene: Scene, object: Binding['object']): Generator<Conflict> {
  for (const [position, service] of object.spec.services.entries()) {
    if (service.name === '*' || isThere(scene, service)) continue;
    yield problemAt(object, `spec.services[${position}]`, {
      code: 'service-unknown',
      message: `there is no service ${service.host ?? `${service.name} in namespace ${service.namespace}`}`,
      remedy: 'correct the name, or add its namespace',
    });
  }
}

const isThere = (scene: Scene, { host, name, namespace }: ServiceReference): boolean =>
  serviceSeen(scene, host ?? name, namespace) !== undefined;
