// Objects of the policy service as Istio 1.0 had them, with a kind for each adapter and template: handlers and instances today. Rules that name them name the new ones.
import type { RawObject } from '../types.ts';
import { isMap } from '../values/plain-map.ts';
import type { Manifest } from './sources.ts';

const adapterKinds = [
  'bypass',
  'circonus',
  'cloudwatch',
  'denier',
  'dogstatsd',
  'fluentd',
  'kubernetesenv',
  'listchecker',
  'memquota',
  'noop',
  'opa',
  'prometheus',
  'rbac',
  'redisquota',
  'servicecontrol',
  'signalfx',
  'solarwinds',
  'stackdriver',
  'statsd',
  'stdio',
  'zipkin',
];

const templateKinds = [
  'quota',
  'apikey',
  'authorization',
  'checknothing',
  'edge',
  'kubernetes',
  'listentry',
  'logentry',
  'metric',
  'reportnothing',
  'servicecontrolreport',
  'tracespan',
];

type NewKind = 'handler' | 'instance';

const newKinds: ReadonlyMap<string, NewKind> = new Map([
  ...adapterKinds.map((kind) => [kind, 'handler'] as const),
  ...templateKinds.map((kind) => [kind, 'instance'] as const),
]);

/** What an old kind is today; undefined: it is none. */
export const newPolicyKind = (kind: string): NewKind | undefined => newKinds.get(kind);

const apiVersion = 'config.istio.io/v1alpha2';

interface Old {
  readonly kind: string;
  readonly newKind: NewKind;
  readonly namespace: string;
  readonly name: string;
  readonly value: Manifest;
}

export const isOldPolicyObject = ({ value }: RawObject): boolean => readKind(value) !== undefined;

function readKind(value: unknown): string | undefined {
  if (!isMap(value) || value['apiVersion'] !== apiVersion) return undefined;
  const kind = value['kind'];
  return typeof kind === 'string' && newKinds.has(kind) ? kind : undefined;
}

function readOld({ value }: RawObject, defaultNamespace: string): readonly Old[] {
  const kind = readKind(value);
  const newKind = kind === undefined ? undefined : newKinds.get(kind);
  if (kind === undefined || newKind === undefined || !isMap(value)) return [];
  const metadata = isMap(value['metadata']) ? value['metadata'] : {};
  const { name = '', namespace = defaultNamespace } = metadata;
  return [{ kind, newKind, namespace: String(namespace), name: String(name), value }];
}

export interface ConvertedPolicy {
  readonly manifests: readonly Manifest[];
  /** A rule with the new names; anything else as it is. */
  rename(manifest: Manifest): Manifest;
}

/** Quotas keep their names, since QuotaSpecs name them; of two others with one name the later gets its kind behind it. */
export function convertPolicyObjects(raws: readonly RawObject[], defaultNamespace: string): ConvertedPolicy {
  const olds = raws.flatMap((raw) => readOld(raw, defaultNamespace));
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const byRank = [...olds].sort((left, right) => rankOf(left) - rankOf(right));
  for (const { kind, newKind, namespace, name } of byRank) {
    const wanted = `${newKind}/${namespace}/${name}`;
    names.set(`${kind}/${namespace}/${name}`, taken.has(wanted) ? `${name}-${kind}` : name);
    taken.add(wanted);
  }
  return {
    manifests: olds.map((old) => newObject(old, names)),
    rename: (manifest) => renameRule(manifest, names, defaultNamespace),
  };
}

const rankOf = ({ kind }: Old): number => Number(kind !== 'quota');

function newObject(
  { kind, newKind, namespace, name, value }: Old,
  names: ReadonlyMap<string, string>,
): Manifest {
  const metadata = isMap(value['metadata']) ? value['metadata'] : {};
  const {
    attribute_bindings: old,
    attributeBindings = old,
    ...params
  } = isMap(value['spec']) ? value['spec'] : {};
  const spec =
    newKind === 'handler'
      ? { compiledAdapter: kind, params: value['spec'] ?? {} }
      : {
          compiledTemplate: kind,
          params,
          ...(attributeBindings === undefined ? {} : { attributeBindings }),
        };
  return {
    apiVersion,
    kind: newKind,
    metadata: { ...metadata, name: names.get(`${kind}/${namespace}/${name}`) ?? name, namespace },
    spec,
  };
}

function renameRule(
  manifest: Manifest,
  names: ReadonlyMap<string, string>,
  defaultNamespace: string,
): Manifest {
  const { spec, metadata } = manifest;
  if (manifest['apiVersion'] !== apiVersion || manifest['kind'] !== 'rule' || !isMap(spec)) return manifest;
  const own = isMap(metadata) ? metadata['namespace'] : undefined;
  const namespace = typeof own === 'string' ? own : defaultNamespace;
  const rename = (reference: unknown): unknown => renamed(reference, names, namespace);
  const actions = Array.isArray(spec['actions']) ? spec['actions'] : [];
  return {
    ...manifest,
    spec: {
      ...spec,
      actions: actions.map((action: unknown) => (isMap(action) ? renameAction(action, rename) : action)),
    },
  };
}

const renameAction = (action: Manifest, rename: (reference: unknown) => unknown): Manifest => ({
  ...action,
  handler: rename(action['handler']),
  ...(Array.isArray(action['instances']) ? { instances: action['instances'].map(rename) } : {}),
});

/** `NAME.KIND` and `NAME.KIND.NAMESPACE` with an old kind; anything else as it is. */
function renamed(reference: unknown, names: ReadonlyMap<string, string>, own: string): unknown {
  if (typeof reference !== 'string') return reference;
  const parts = reference.split('.');
  const at = parts.findLastIndex((part, index) => index > 0 && newKinds.has(part));
  if (at < 0 || parts.length - at > 2) return reference;
  const kind = parts[at] ?? '';
  const name = parts.slice(0, at).join('.');
  const namespace = parts[at + 1] ?? own;
  const today = names.get(`${kind}/${namespace}/${name}`) ?? name;
  return namespace === own ? today : `${today}.${namespace}`;
}
