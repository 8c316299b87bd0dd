// The parameters of rbac: roles, and who has them. They are what ServiceRole and ServiceRoleBinding said, written where they are used.
import {
  andThen,
  type Decoder,
  durationOrZero,
  list,
  mapOf,
  object,
  optional,
  quote,
  refuse,
  required,
  suggestion,
  text,
  withDefault,
} from '@xebec/config/decode';

export interface AccessRule {
  readonly services: readonly string[];
  /** Empty: any. */
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  readonly constraints: readonly { readonly key: string; readonly values: readonly string[] }[];
}

export interface Role {
  readonly name: string;
  /** Of the services it is about; empty: of all. */
  readonly namespace: string;
  readonly rules: readonly AccessRule[];
}

export interface RoleSubject {
  readonly user: string;
  readonly group: string;
  readonly properties: Readonly<Record<string, string>>;
}

export interface RbacConfig {
  readonly roles: readonly Role[];
  /** Subjects by the role's name. */
  readonly subjects: ReadonlyMap<string, readonly RoleSubject[]>;
  readonly cacheDurationMs: number;
}

const most = 10_000;
const noTexts: readonly string[] = [];
const texts = withDefault<readonly string[]>(list(text, { most }), noTexts);

const constraint = object({
  key: required(text),
  values: required(list(text, { least: 1, most })),
});

const rule: Decoder<AccessRule> = object({
  services: required(list(text, { least: 1, most })),
  paths: texts,
  methods: required(list(text, { least: 1, most })),
  constraints: withDefault<AccessRule['constraints']>(list(constraint, { most }), []),
});

const role: Decoder<Role> = object({
  name: required(text),
  namespace: withDefault(text, ''),
  rules: required(list(rule, { least: 1, most })),
});

const noProperties: Readonly<Record<string, string>> = {};

/** A subject that says nothing would be everybody: that has to be written as `user: "*"`. */
const subject: Decoder<RoleSubject> = andThen(
  object({
    user: withDefault(text, ''),
    group: withDefault(text, ''),
    properties: withDefault<Readonly<Record<string, string>>>(mapOf(text), noProperties),
  }),
  (value, walk) => {
    const isEmpty = value.user === '' && value.group === '' && Object.keys(value.properties).length === 0;
    if (!isEmpty) return value;
    const remedy = 'write user, group or properties; user: "*" is everybody';
    return refuse(walk, { code: 'missing-field', message: 'the subject is nobody', remedy });
  },
);

const binding = object({
  role: required(text),
  subjects: required(list(subject, { least: 1, most })),
});

const minuteMs = 60_000;

export const rbacParams: Decoder<RbacConfig> = andThen(
  object(
    {
      roles: withDefault<readonly Role[]>(list(role, { most }), []),
      bindings: withDefault<readonly { role: string; subjects: readonly RoleSubject[] }[]>(
        list(binding, { most }),
        [],
      ),
      cacheDuration: withDefault(durationOrZero, minuteMs),
      configStoreUrl: optional(text),
    },
    {},
  ),
  ({ roles, bindings, cacheDuration, configStoreUrl }, walk) => {
    if (configStoreUrl !== undefined) {
      const message = 'ServiceRole objects are not read from a store';
      const remedy =
        'write roles and bindings here; `xebec convert` makes AuthorizationPolicies of ServiceRoles';
      return refuse(walk, { code: 'not-supported', message, remedy }, 'configStoreUrl');
    }
    const names = new Set(roles.map(({ name }) => name));
    const subjects = new Map<string, RoleSubject[]>();
    let isGood = true;
    bindings.forEach((each, index) => {
      if (names.has(each.role))
        subjects.set(each.role, [...(subjects.get(each.role) ?? []), ...each.subjects]);
      else {
        isGood = false;
        const message = `there is no role ${quote(each.role)}`;
        const remedy = suggestion(each.role, [...names]);
        refuse(walk, { code: 'unknown-role', message, remedy }, 'bindings', index, 'role');
      }
    });
    return isGood ? { roles, subjects, cacheDurationMs: cacheDuration } : undefined;
  },
);
