// Authorization policies as tests, and which of them hold at a workload: those of the root namespace and of its own that select it.
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationSource,
  ObjectOf,
} from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type {
  Authorization,
  AuthorizationAlternative,
  AuthorizationAttribute,
  AuthorizationPolicy,
  AuthorizationRule,
  AuthorizationTest,
  ObjectKey,
  TextPattern,
} from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { type ProviderReads, withProvider } from './authorization-providers.ts';
import type { MeshInputs } from './inputs.ts';
import type { Labels, SelectorAnchor } from './label-selectors.ts';
import type { AnchorLookup } from './lookups.ts';
import { anchorsOfPolicy, type PolicySelection, policiesFor, selectionOf } from './policy-selection.ts';
import { settingsOf } from './settings.ts';

export interface SelectedPolicy extends PolicySelection {
  readonly policy: AuthorizationPolicy;
}

export interface AuthorizationSources {
  readonly policiesBySelector: Index<SelectorAnchor, ObjectKey, SelectedPolicy>;
}

export interface AuthorizationReads extends ProviderReads {
  readonly policiesBySelector: AnchorLookup<SelectorAnchor, ObjectKey, SelectedPolicy>;
}

export function deriveAuthorization(graph: Graph, inputs: MeshInputs): AuthorizationSources {
  const policies: Collection<ObjectKey, SelectedPolicy> = graph.derive({
    name: 'mesh.authorizationPolicies',
    from: inputs.authorizationPolicies,
    equals: deepEqual,
    fn: (object, key) => {
      const { selector, targetGateways = [] } = object.spec;
      const written = { ...(selector === undefined ? {} : { selector }), targetGateways };
      return [[key, { ...selectionOf(object.metadata.namespace, written), policy: policyOf(object, key) }]];
    },
  });
  const policiesBySelector = graph.index(policies, 'bySelector', anchorsOfPolicy);
  return { policiesBySelector };
}

/** The policies that hold for whatever runs in a namespace with these labels. */
export function authorizationOf(namespace: string, labels: Labels, read: AuthorizationReads): Authorization {
  const { rootNamespace } = settingsOf(read.settings);
  return policiesFor(read.policiesBySelector, { namespace, labels }, rootNamespace).map(({ policy }) =>
    withProvider(policy, namespace, read),
  );
}

function policyOf(
  { metadata, spec }: ObjectOf<'AuthorizationPolicy'>,
  object: ObjectKey,
): AuthorizationPolicy {
  const { namespace, name } = metadata;
  const rules = spec.rules.map(
    ({ sources, operations, conditions }, index): AuthorizationRule => ({
      clients: sources.map(testsOfSource),
      requests: operations.map(testsOfOperation),
      conditions: conditions.flatMap(testsOfCondition),
      cause: { object, field: `spec.rules[${index}]` },
    }),
  );
  const { action, provider, isDryRun } = spec;
  const unresolved = { name: provider ?? '', problem: 'it was not looked for', remedy: '' };
  return {
    object,
    namespace,
    name,
    action,
    ...(isDryRun === undefined ? {} : { isDryRun }),
    ...(provider === undefined ? {} : { provider: unresolved }),
    rules,
  };
}

const exact = (value: string | number): TextPattern => ({ kind: 'exact', value: String(value) });

function tests(
  attribute: AuthorizationAttribute,
  values: readonly TextPattern[],
  notValues: readonly TextPattern[],
): readonly AuthorizationTest[] {
  return [
    ...(values.length === 0 ? [] : [{ attribute, values, isNegated: false }]),
    ...(notValues.length === 0 ? [] : [{ attribute, values: notValues, isNegated: true }]),
  ];
}

const testsOfSource = (source: AuthorizationSource): AuthorizationAlternative => [
  ...tests('principal', source.principals, source.notPrincipals),
  ...tests('request-principal', source.requestPrincipals, source.notRequestPrincipals),
  ...tests('namespace', source.namespaces, source.notNamespaces),
  ...tests('service-account', source.serviceAccounts.map(exact), source.notServiceAccounts.map(exact)),
  ...tests('peer-address', source.ipBlocks.map(exact), source.notIpBlocks.map(exact)),
  ...tests('client-address', source.remoteIpBlocks.map(exact), source.notRemoteIpBlocks.map(exact)),
];

const testsOfOperation = (operation: AuthorizationOperation): AuthorizationAlternative => [
  ...tests('host', operation.hosts, operation.notHosts),
  ...tests('destination-port', operation.ports.map(exact), operation.notPorts.map(exact)),
  ...tests('method', operation.methods, operation.notMethods),
  ...tests('path', operation.paths, operation.notPaths),
];

const attributes = {
  'source.ip': 'peer-address',
  'remote.ip': 'client-address',
  'source.namespace': 'namespace',
  'source.principal': 'principal',
  'source.serviceAccount': 'service-account',
  'destination.ip': 'destination-address',
  'destination.port': 'destination-port',
  'connection.sni': 'server-name',
  'request.auth.principal': 'request-principal',
  'request.auth.audiences': { claim: ['aud'] },
  'request.auth.presenter': { claim: ['azp'] },
} as const satisfies Record<string, AuthorizationAttribute>;

function testsOfCondition({ key, values, notValues }: AuthorizationCondition): readonly AuthorizationTest[] {
  return tests(attributeOf(key), values, notValues);
}

function attributeOf(key: AuthorizationCondition['key']): AuthorizationAttribute {
  switch (key.kind) {
    case 'header':
      return { header: key.name };
    case 'claim':
      return { claim: key.path };
    default:
      return attributes[key.kind];
  }
}
