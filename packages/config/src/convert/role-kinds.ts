// The kinds of role-based access control of 2018: what a valid object of each holds (rbac.istio.io/v1alpha1).
import { andThen, type Decoder, list, mapOf, oneOf, text } from '../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../decode/object.ts';
import { refuse } from '../decode/walk.ts';

const texts = withDefault<readonly string[]>(list(text), []);

const constraintFields = { key: required(text), values: required(list(text, { least: 1 })) };
type Constraint = Decoded<typeof constraintFields>;

const accessRuleFields = {
  services: withDefault<readonly string[]>(list(text), []),
  methods: texts,
  notMethods: texts,
  paths: texts,
  notPaths: texts,
  hosts: texts,
  notHosts: texts,
  constraints: withDefault<readonly Constraint[]>(list(object(constraintFields)), []),
};

export type AccessRule = Decoded<typeof accessRuleFields>;

const serviceRoleFields = { rules: required(list(object(accessRuleFields), { least: 1 })) };
export type ServiceRole = Decoded<typeof serviceRoleFields>;
export const serviceRole: Decoder<ServiceRole> = object(serviceRoleFields);

const subjectFields = {
  user: optional(text),
  group: optional(text),
  names: texts,
  notNames: texts,
  groups: texts,
  namespaces: texts,
  notNamespaces: texts,
  ips: texts,
  notIps: texts,
  properties: withDefault<Readonly<Record<string, string>>>(mapOf(text), {}),
};
export type Subject = Decoded<typeof subjectFields>;

/** One that says nothing could mean nobody or everybody. */
const subject: Decoder<Subject> = andThen(object(subjectFields, { later: ['notGroups'] }), (value, walk) => {
  const { user, group, properties, ...lists } = value;
  const said = [user, group, ...Object.keys(properties), ...Object.values(lists).flat()];
  if (said.some((each) => each !== undefined)) return value;
  const message = 'the subject says nothing';
  return refuse(walk, { code: 'missing-field', message, remedy: 'write user: "*" for everybody' });
});

const enforcement = withDefault(oneOf('ENFORCED', 'PERMISSIVE'), 'ENFORCED');

const bindingFields = {
  subjects: required(list(subject, { least: 1 })),
  roleRef: required(object({ kind: withDefault(oneOf('ServiceRole'), 'ServiceRole'), name: required(text) })),
  mode: enforcement,
};
export type ServiceRoleBinding = Decoded<typeof bindingFields>;
export const serviceRoleBinding: Decoder<ServiceRoleBinding> = object(bindingFields, {
  later: ['actions', 'role'],
});

const target = object({ services: texts, namespaces: texts });
const rbacConfigFields = {
  mode: withDefault(oneOf('OFF', 'ON', 'ON_WITH_INCLUSION', 'ON_WITH_EXCLUSION'), 'OFF'),
  inclusion: optional(target),
  exclusion: optional(target),
  enforcement_mode: enforcement,
  enforcementMode: enforcement,
};
export type RbacConfig = Decoded<typeof rbacConfigFields>;
export const rbacConfig: Decoder<RbacConfig> = object(rbacConfigFields);
