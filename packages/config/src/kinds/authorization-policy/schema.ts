// AuthorizationPolicy: which requests and connections a workload takes. What cannot be enforced is refused, never ignored.
import { andThen, type Decoder, list, oneOf, quote } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { defineKind, istioSecurity, manifestOf } from '../define.ts';
import { policyTargets, targetGatewaysOf } from '../policy-targets.ts';
import { condition } from './conditions.ts';
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from './spec.ts';
import { blocks, paths, patterns, ports, principals, requestPrincipals, serviceAccounts } from './values.ts';

const sourceShape = {
  principals: optional(principals),
  notPrincipals: optional(principals),
  requestPrincipals: optional(requestPrincipals),
  notRequestPrincipals: optional(requestPrincipals),
  namespaces: optional(patterns),
  notNamespaces: optional(patterns),
  serviceAccounts: optional(serviceAccounts),
  notServiceAccounts: optional(serviceAccounts),
  ipBlocks: optional(blocks),
  notIpBlocks: optional(blocks),
  remoteIpBlocks: optional(blocks),
  notRemoteIpBlocks: optional(blocks),
};

const operationShape = {
  hosts: optional(patterns),
  notHosts: optional(patterns),
  ports: optional(ports),
  notPorts: optional(ports),
  methods: optional(patterns),
  notMethods: optional(patterns),
  paths: optional(paths),
  notPaths: optional(paths),
};

const none: readonly never[] = [];

/** Every list of a shape, empty where it is not written. */
const filled = <T extends object>(names: readonly string[], value: object): T =>
  Object.fromEntries(names.map((name) => [name, Reflect.get(value, name) ?? none])) as T;

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

const empty = (what: string, walk: Walk): undefined =>
  refuse(walk, {
    code: 'missing-field',
    message: `the ${what} says nothing`,
    remedy: `remove it: without a ${what} a rule takes any`,
  });

function checkSource(value: Decoded<typeof sourceShape>, walk: Walk): AuthorizationSource | undefined {
  if (isEmpty(value)) return empty('source', walk);
  const accounts = value.serviceAccounts ?? value.notServiceAccounts;
  const others = value.principals ?? value.notPrincipals ?? value.namespaces ?? value.notNamespaces;
  if (accounts === undefined || others === undefined)
    return filled<AuthorizationSource>(Object.keys(sourceShape), value);
  return refuse(walk, {
    code: 'conflicting-fields',
    message: 'serviceAccounts exclude principals and namespaces',
    remedy: 'say who it is in one way',
  });
}

const source: Decoder<AuthorizationSource> = andThen(object(sourceShape), checkSource);

const operation: Decoder<AuthorizationOperation> = andThen(object(operationShape), (value, walk) =>
  isEmpty(value)
    ? empty('operation', walk)
    : filled<AuthorizationOperation>(Object.keys(operationShape), value),
);

const from = andThen(object({ source: required(source) }), (value) => value.source);
const to = andThen(object({ operation: required(operation) }), (value) => value.operation);

const rule: Decoder<AuthorizationRule> = andThen(
  object({
    from: withDefault<readonly AuthorizationSource[]>(list(from, { least: 1, most: 512 }), []),
    to: withDefault<readonly AuthorizationOperation[]>(list(to, { least: 1, most: 512 }), []),
    when: withDefault<readonly AuthorizationCondition[]>(list(condition, { least: 1, most: 512 }), []),
  }),
  ({ from: sources, to: operations, when: conditions }) => ({ sources, operations, conditions }),
);

const shape = {
  selector: optional(workloadSelector),
  ...policyTargets,
  action: withDefault(oneOf('ALLOW', 'DENY', 'AUDIT', 'CUSTOM'), 'ALLOW'),
  provider: optional(object({ name: required(nonEmptyPrintable) })),
  rules: withDefault<readonly AuthorizationRule[]>(list(rule, { most: 512 }), []),
};

function check(value: Decoded<typeof shape>, walk: Walk): AuthorizationPolicySpec | undefined {
  const { action, selector, rules, provider } = value;
  const complaint = providerComplaint(value);
  if (complaint !== undefined) return refuse(walk, complaint, 'provider');
  const targetGateways = targetGatewaysOf(value, walk);
  if (targetGateways === undefined) return undefined;
  const isSelecting = selector !== undefined && !isEmpty(selector);
  return {
    ...(isSelecting ? { selector } : {}),
    ...(targetGateways.length === 0 ? {} : { targetGateways }),
    action,
    ...(provider === undefined ? {} : { provider: provider.name }),
    rules,
  };
}

function providerComplaint({ action, provider }: Decoded<typeof shape>): Complaint | undefined {
  if (action === 'CUSTOM' && provider === undefined) {
    const message = 'a CUSTOM policy needs a provider to ask';
    return { code: 'missing-field', message, remedy: 'add provider: { name: … }' };
  }
  if (action === 'CUSTOM' || provider === undefined) return undefined;
  const message = `nobody is asked with the action ${action}`;
  return { code: 'conflicting-fields', message, remedy: 'write CUSTOM, or remove the provider' };
}

const nothing: AuthorizationPolicySpec = Object.freeze({ action: 'ALLOW', rules: [] });
const dryRun = 'istio.io/dry-run';

/** A policy that only watches must not be enforced by mistake, nor one that is to be enforced only watch. */
function checkDryRun(spec: AuthorizationPolicySpec, walk: Walk): AuthorizationPolicySpec | undefined {
  const written = walk.metadata.annotations[dryRun];
  if (written === undefined || written === 'false') return spec;
  const isTriable = spec.action === 'ALLOW' || spec.action === 'DENY';
  if (written === 'true' && isTriable) return { ...spec, isDryRun: true };
  const complaint: Complaint = isTriable
    ? {
        code: 'unknown-value',
        message: `${quote(written)} is neither "true" nor "false"`,
        remedy: 'write "true"',
      }
    : {
        code: 'conflicting-fields',
        message: `a policy with the action ${spec.action} cannot be tried: it decides nothing by itself`,
        remedy: 'remove the annotation, or try ALLOW or DENY',
      };
  return refuse(walk, complaint, 'metadata', 'annotations', dryRun);
}

export const authorizationPolicyKind = defineKind({
  ...istioSecurity,
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  shortNames: ['ap'],
  body: andThen(
    andThen(
      manifestOf(
        {
          spec: withDefault<AuthorizationPolicySpec>(andThen(object(shape), check), nothing),
        },
        { ignored: ['status'] },
      ),
      (value) => value.spec,
    ),
    checkDryRun,
  ),
});
