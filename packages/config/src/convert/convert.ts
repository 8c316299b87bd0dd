// Old objects into objects of today: nothing is lost silently, and every result is valid or its source is refused.
import { type Diagnostic, fail, type Origin, type Result, succeed } from '@xebec/std';
import type { Decoder } from '../decode/decoder.ts';
import { required } from '../decode/object.ts';
import { formatPath, startWalk } from '../decode/walk.ts';
import { manifestOf } from '../kinds/define.ts';
import { decodeMetadata } from '../object/metadata.ts';
import { parseObject } from '../object/parse-object.ts';
import { rawObject } from '../object/raw-object.ts';
import type { Metadata, RawObject } from '../types.ts';
import { isMap } from '../values/plain-map.ts';
import { convertDestinationPolicies } from './destination-policies.ts';
import { convertEgressRules } from './egress-rules.ts';
import { convertIngressRules } from './ingress-rules.ts';
import { mergeDestinationRules } from './merge-destination-rules.ts';
import { destinationPolicy, egressRule, ingressRule, routeRule } from './old-kinds.ts';
import { convertPolicyObjects, isOldPolicyObject } from './policy-kinds.ts';
import { rbacConfig, serviceRole, serviceRoleBinding } from './role-kinds.ts';
import { convertRoles } from './roles.ts';
import { convertRouteRules } from './route-rules.ts';
import type { Conversion, Doubt, Manifest, ServiceFacts, Source, Sources } from './sources.ts';

export interface Converted {
  /** Objects of today, in the order in which they may be applied; documents of other kinds stay as they are. */
  readonly manifests: readonly Manifest[];
  /** Errors for what could not be converted, warnings for what should be looked at. */
  readonly diagnostics: readonly Diagnostic[];
  /** How many objects were of an old kind. */
  readonly found: number;
}

const ruleKinds = ['RouteRule', 'DestinationPolicy', 'EgressRule', 'IngressRule'] as const;
const roleKinds = ['ServiceRole', 'ServiceRoleBinding', 'ClusterRbacConfig', 'RbacConfig'] as const;
type OldKind = (typeof ruleKinds)[number] | (typeof roleKinds)[number];

const oldKindOf = ({ value }: RawObject): OldKind | undefined => {
  if (!isMap(value)) return undefined;
  const apiVersion = value['apiVersion'];
  const kindIn = (kinds: readonly OldKind[]): OldKind | undefined =>
    kinds.find((kind) => kind === value['kind']);
  const isOf = (group: string): boolean =>
    apiVersion === undefined || (typeof apiVersion === 'string' && apiVersion.startsWith(`${group}/`));
  return (
    (isOf('config.istio.io') ? kindIn(ruleKinds) : undefined) ??
    (isOf('rbac.istio.io') ? kindIn(roleKinds) : undefined)
  );
};

/** Converts the rules of istio/api 0.3.0 and the roles of `rbac.istio.io/v1alpha1`. */
export function convertObjects(raws: readonly RawObject[], defaultNamespace: string): Converted {
  const diagnostics: Diagnostic[] = [];
  const decode = <T>(kind: OldKind, spec: Decoder<T>): readonly Source<T>[] =>
    raws
      .filter((raw) => oldKindOf(raw) === kind)
      .flatMap((raw) => {
        const decoded = decodeOld(raw, { kind, spec, defaultNamespace });
        diagnostics.push(...(decoded.ok ? decoded.warnings : decoded.diagnostics));
        return decoded.ok ? [decoded.value] : [];
      });
  const sources: Sources = {
    routeRules: decode('RouteRule', routeRule),
    destinationPolicies: decode('DestinationPolicy', destinationPolicy),
    egressRules: decode('EgressRule', egressRule),
    ingressRules: decode('IngressRule', ingressRule),
    serviceRoles: decode('ServiceRole', serviceRole),
    serviceRoleBindings: decode('ServiceRoleBinding', serviceRoleBinding),
    rbacConfigs: [...decode('ClusterRbacConfig', rbacConfig), ...decode('RbacConfig', rbacConfig)],
    services: servicesOf(raws, defaultNamespace),
  };
  const conversions: readonly Conversion[] = [
    convertEgressRules(sources),
    convertDestinationPolicies(sources),
    convertRouteRules(sources),
    convertIngressRules(sources),
    convertRoles(sources),
  ];
  const policy = convertPolicyObjects(raws, defaultNamespace);
  const others = raws.filter((raw) => oldKindOf(raw) === undefined && !isOldPolicyObject(raw));
  const made = [
    ...policy.manifests,
    ...mergeDestinationRules(conversions.flatMap(({ manifests }) => manifests)),
  ];
  return {
    manifests: [
      ...others
        .map(({ value }) => value)
        .filter(isMap)
        .map(policy.rename),
      ...made,
    ],
    diagnostics: [
      ...diagnostics,
      ...conversions.flatMap(({ doubts }) => doubts).map(diagnosticOf),
      ...made.flatMap((one) => checkResult(one, defaultNamespace)),
    ],
    found: raws.length - others.length,
  };
}

interface OldDeclaration<T> {
  readonly kind: OldKind;
  readonly spec: Decoder<T>;
  readonly defaultNamespace: string;
}

function decodeOld<T>(
  raw: RawObject,
  { kind, spec, defaultNamespace }: OldDeclaration<T>,
): Result<Source<T>> {
  const nobody: Metadata = { name: '', namespace: '', labels: {}, annotations: {} };
  const walk = startWalk(nobody);
  const value = isMap(raw.value) ? raw.value : {};
  const rules = { kind, isNamespaced: true, nameRule: 'dns-subdomain', defaultNamespace } as const;
  const metadata = decodeMetadata(value['metadata'], rules, walk);
  const body = manifestOf({ spec: required(spec) }, { ignored: ['status'] })(value, walk);
  const diagnostics = walk.problems.map(
    ({ path, ...problem }): Diagnostic => ({ ...problem, origin: raw.locate(path), field: formatPath(path) }),
  );
  if (metadata === undefined || body === undefined) return fail(...diagnostics);
  return succeed({ metadata, spec: body['spec'] as T, raw }, diagnostics);
}

const diagnosticOf = ({ source, path, ...doubt }: Doubt): Diagnostic => ({
  ...doubt,
  code: doubt.severity === 'error' ? 'not-convertible' : 'check-conversion',
  origin: source.raw.locate(path),
  field: formatPath(path),
});

/** The result must be something that we would accept: a rule can hold a regex or a host that is not allowed today. */
function checkResult(manifest: Manifest, defaultNamespace: string): readonly Diagnostic[] {
  const metadata = manifest['metadata'];
  const name = isMap(metadata)
    ? `${manifest['kind']}/${metadata['namespace']}/${metadata['name']}`
    : 'the result';
  const origin: Origin = { object: name };
  const parsed = parseObject(rawObject(manifest, origin), { defaultNamespace });
  return parsed.ok ? [] : parsed.diagnostics;
}

function servicesOf(raws: readonly RawObject[], defaultNamespace: string): ReadonlyMap<string, ServiceFacts> {
  const services = new Map<string, ServiceFacts>();
  for (const { value } of raws) {
    if (!isMap(value) || value['kind'] !== 'Service' || !isMap(value['metadata']) || !isMap(value['spec']))
      continue;
    const { name, namespace = defaultNamespace } = value['metadata'];
    const { selector, ports } = value['spec'];
    services.set(`${namespace}/${name}`, {
      selector: isMap(selector) ? selector : {},
      ports: Array.isArray(ports) ? ports.filter(isMap) : [],
    });
  }
  return services;
}
