// rbac: allows what a role of the caller allows, and nothing else. Rule: what is not known about a call matches no role; only `*` matches it.
import { decodeWith, isMap } from '@xebec/config/decode';
import type { Instance, InstanceValue } from '../../templates/template.ts';
import type { Adapter, CheckVerdict } from '../sdk.ts';
import { type AccessRule, type RbacConfig, type Role, type RoleSubject, rbacParams } from './params.ts';

const permissionDenied = 7;
const uses = 1_000_000_000;

export const rbac: Adapter<RbacConfig> = {
  name: 'rbac',
  description: 'allows what the roles of the caller allow',
  templates: ['authorization'],
  parse: (params) => decodeWith(rbacParams, params),
  build: (config) => {
    const life = { validDurationMs: config.cacheDurationMs, validUseCount: uses };
    const allowed: CheckVerdict = { status: { code: 0, message: '' }, ...life };
    const denied: CheckVerdict = {
      status: { code: permissionDenied, message: 'no role of the caller allows it' },
      ...life,
    };
    return { check: (instance) => (isAllowed(config, questionOf(instance)) ? allowed : denied) };
  },
};

interface Question {
  readonly user: string;
  readonly groups: string;
  readonly subject: Properties;
  readonly namespace: string;
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly action: Properties;
}

type Properties = Readonly<Record<string, unknown>>;

function questionOf({ fields }: Instance): Question {
  const subject = mapOf(fields['subject']);
  const action = mapOf(fields['action']);
  return {
    user: textOf(subject['user']),
    groups: textOf(subject['groups']),
    subject: mapOf(subject['properties']),
    namespace: textOf(action['namespace']),
    service: textOf(action['service']),
    method: textOf(action['method']),
    path: textOf(action['path']),
    action: mapOf(action['properties']),
  };
}

const nothing: Properties = Object.freeze(Object.create(null));
const mapOf = (value: InstanceValue | unknown): Properties => (isMap(value) ? value : nothing);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** As Mixer: without the four that say what is done, nothing is. */
function isAllowed({ roles, subjects }: RbacConfig, question: Question): boolean {
  const { namespace, service, method, path } = question;
  if ([namespace, service, method, path].includes('')) return false;
  return roles.some(
    (role) =>
      isAbout(role, question) &&
      (subjects.get(role.name) ?? []).some((subject) => isSubject(subject, question)),
  );
}

const isAbout = ({ namespace, rules }: Role, question: Question): boolean =>
  (namespace === '' || namespace === question.namespace) && rules.some((rule) => allows(rule, question));

const allows = (rule: AccessRule, { service, path, method, action }: Question): boolean =>
  isAmong(service, rule.services) &&
  (rule.paths.length === 0 || isAmong(path, rule.paths)) &&
  isAmong(method, rule.methods) &&
  rule.constraints.every(({ key, values }) => {
    const value = action[key];
    return typeof value === 'string' && isAmong(value, values);
  });

/** Equal, `*`, `prefix*` or `*suffix`. */
const isAmong = (value: string, patterns: readonly string[]): boolean =>
  patterns.some(
    (pattern) =>
      pattern === value ||
      pattern === '*' ||
      (pattern.endsWith('*') && value.startsWith(pattern.slice(0, -1))) ||
      (pattern.startsWith('*') && value.endsWith(pattern.slice(1))),
  );

/** All that a subject says must hold. */
const isSubject = (subject: RoleSubject, question: Question): boolean =>
  (subject.user === '' || subject.user === '*' || subject.user === question.user) &&
  (subject.group === '' || subject.group === '*' || subject.group === question.groups) &&
  Object.entries(subject.properties).every(([name, value]) => question.subject[name] === value);
