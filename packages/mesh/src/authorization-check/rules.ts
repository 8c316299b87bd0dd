// One rule of a policy against a call: whether it matches, and if not, what in it does not.
import type {
  AuthorizationAlternative,
  AuthorizationAttribute,
  AuthorizationPolicy,
  AuthorizationRule,
} from '@xebec/model';
import { every, some, type Truth } from './call.ts';
import { needsHttp, type TestContext, testHolds } from './tests.ts';

export interface CheckedRule {
  readonly rule: AuthorizationRule;
  readonly index: number;
  /** As access logs name it. */
  readonly name: string;
  readonly matches: Truth;
  /** The first part of the rule that keeps it from matching, or from being decided. */
  readonly failed?: RulePart;
  /** What the call would have to say, in the words of policies. */
  readonly unknown: readonly string[];
}

export type RulePart = 'from' | 'to' | 'when';

/** All rules of a policy, as they are written. */
export const checkRules = (
  policy: AuthorizationPolicy,
  context: Omit<TestContext, 'isRefusing'>,
): readonly CheckedRule[] =>
  policy.rules.map((rule, index) => {
    const name = `ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]`;
    return { rule, index, name, ...checkRule(rule, { ...context, isRefusing: policy.action !== 'ALLOW' }) };
  });

function checkRule(
  { clients, requests, conditions, isAboutRequests }: AuthorizationRule,
  context: TestContext,
): Pick<CheckedRule, 'matches' | 'failed' | 'unknown'> {
  if (isAboutRequests === true && context.call.http === undefined)
    return { matches: 'no', failed: 'when', unknown: [] };
  const holds = (tests: AuthorizationAlternative): Truth => alternativeHolds(tests, context);
  const parts: readonly (readonly [RulePart, Truth])[] = [
    ['from', clients.length === 0 ? 'yes' : some(clients.map(holds))],
    ['to', requests.length === 0 ? 'yes' : some(requests.map(holds))],
    ['when', holds(conditions)],
  ];
  const matches = every(parts.map(([, truth]) => truth));
  if (matches === 'yes') return { matches, unknown: [] };
  const [failed] = parts.find(([, truth]) => truth === matches) ?? [];
  const tests = matches === 'no' ? [] : [...clients.flat(), ...requests.flat(), ...conditions];
  const open = tests.filter((test) => alternativeHolds([test], context) === 'unknown');
  const unknown = [...new Set(open.map(({ attribute }) => wordFor(attribute)))];
  return { matches, ...(failed === undefined ? {} : { failed }), unknown };
}

/** On a connection what asks about HTTP never allows, and is passed over in all other policies. */
function alternativeHolds(tests: AuthorizationAlternative, context: TestContext): Truth {
  const isConnection = context.call.http === undefined;
  if (isConnection && !context.isRefusing && tests.some(needsHttp)) return 'no';
  const asked = isConnection ? tests.filter((test) => !needsHttp(test)) : tests;
  return every(asked.map((test) => testHolds(test, context)));
}

const words: Readonly<Record<string, string>> = {
  principal: 'source.principal',
  namespace: 'source.namespace',
  'service-account': 'source.serviceAccount',
  'peer-address': 'source.ip',
  'client-address': 'remote.ip',
  'destination-address': 'destination.ip',
  'destination-port': 'destination.port',
  'server-name': 'connection.sni',
  'request-principal': 'request.auth.principal',
};

function wordFor(attribute: AuthorizationAttribute): string {
  if (typeof attribute === 'string') return words[attribute] ?? attribute;
  return 'header' in attribute ? `request.headers[${attribute.header}]` : JSON.stringify(attribute);
}
