// Policies of one action as one RBAC message. Where a test cannot be made, the result is stricter, never looser.
import type {
  Authorization,
  AuthorizationAction,
  AuthorizationAlternative,
  AuthorizationPolicy,
  AuthorizationRule,
  AuthorizationTest,
} from '@xebec/model';
import { type PolicySchema, RBAC_Action } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import type { Fields } from '../resource.ts';
import {
  anyPermission,
  anyPrincipal,
  isAboutClient,
  needsHttp,
  type Permission,
  type Principal,
  permissionOf,
  principalOf,
} from './tests.ts';

export interface RuleContext {
  readonly trustDomains: readonly string[];
  /** Whether there are requests to look at, or only a connection. */
  readonly protocol: 'http' | 'tcp';
}

/** Actions of policies that have rules. */
export type RuleAction = Exclude<AuthorizationAction, 'REPORT'>;

/** Undefined where no policy has this action. */
export function rulesFor(
  authorization: Authorization,
  action: RuleAction,
  context: RuleContext,
): Rules | undefined {
  const policies = authorization.filter((policy) => policy.action === action);
  if (policies.length === 0) return undefined;
  const entries = policies.flatMap((policy) =>
    policy.rules.flatMap((rule, index) => {
      const encoded = encodeRule(rule, action, context);
      return encoded === undefined ? [] : [[`${policyIdPrefix(policy)}rule[${index}]`, encoded] as const];
    }),
  );
  return {
    action: rbacActions[action],
    policies: Object.fromEntries(entries),
  };
}

/** With what the names of a policy's rules begin, in filters, statistics and metadata. */
export const policyIdPrefix = ({ namespace, name }: AuthorizationPolicy): string =>
  `ns[${namespace}]-policy[${name}]-`;

const rbacActions = {
  ALLOW: RBAC_Action.ALLOW,
  DENY: RBAC_Action.DENY,
  AUDIT: RBAC_Action.LOG,
  CUSTOM: RBAC_Action.DENY,
  QUOTA: RBAC_Action.DENY,
} as const;

export interface Rules {
  readonly action: RBAC_Action;
  readonly policies: Record<string, Fields<typeof PolicySchema>>;
}

/**
 * On TCP a rule that allows and asks about HTTP never matches; any other matches whatever the rest of it says.
 * Undefined: it never matches.
 */
function encodeRule(
  rule: AuthorizationRule,
  action: RuleAction,
  { trustDomains, protocol }: RuleContext,
): Fields<typeof PolicySchema> | undefined {
  if (protocol === 'tcp' && rule.isAboutRequests === true) return undefined;
  const testable = (tests: AuthorizationAlternative): AuthorizationAlternative | undefined => {
    if (protocol === 'http' || !tests.some(needsHttp)) return tests;
    return action === 'ALLOW' ? undefined : tests.filter((test) => !needsHttp(test));
  };
  const conditions = testable(rule.conditions);
  const requests = testableOnes(rule.requests, testable);
  const callers = testableOnes(rule.clients, testable);
  if (conditions === undefined || requests === undefined || callers === undefined) return undefined;
  const permission = (test: AuthorizationTest): Permission => permissionOf(test, action);
  const clientConditions = conditions.filter(isAboutClient).map((test) => principalOf(test, trustDomains));
  const requestConditions = conditions.filter(isAboutRequest).map(permission);
  const clients = callers.map((tests) => tests.map((test) => principalOf(test, trustDomains)));
  return {
    principals: alternatives(clients).map((ids) => allPrincipals([...ids, ...clientConditions])),
    permissions: alternatives(requests.map((tests) => tests.map(permission))).map((rules) =>
      allPermissions([...rules, ...requestConditions]),
    ),
  };
}

/** Undefined: there are alternatives, and none of them can match. */
function testableOnes(
  alternatives: readonly AuthorizationAlternative[],
  testable: (tests: AuthorizationAlternative) => AuthorizationAlternative | undefined,
): readonly AuthorizationAlternative[] | undefined {
  const left = alternatives.map(testable).filter((tests) => tests !== undefined);
  return alternatives.length > 0 && left.length === 0 ? undefined : left;
}

/** Whoever calls, whatever is called. */
export const refusesAll: Fields<typeof PolicySchema> = {
  principals: [anyPrincipal],
  permissions: [anyPermission],
};

const isAboutRequest = (test: AuthorizationTest): boolean => !isAboutClient(test);

/** No alternative means that there is nothing to ask. */
const alternatives = <T>(lists: readonly (readonly T[])[]): readonly (readonly T[])[] =>
  lists.length === 0 ? [[]] : lists;

function allPrincipals(ids: readonly Principal[]): Principal {
  return ids.length === 0 ? anyPrincipal : { identifier: { case: 'andIds', value: { ids: [...ids] } } };
}

function allPermissions(rules: readonly Permission[]): Permission {
  return rules.length === 0 ? anyPermission : { rule: { case: 'andRules', value: { rules: [...rules] } } };
}
