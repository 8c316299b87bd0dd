// ServiceRoles and their bindings → AuthorizationPolicies that allow: for each binding one per service of its role.
import type { AccessRule, ServiceRole, ServiceRoleBinding, Subject } from './role-kinds.ts';
import { scopeOf } from './role-scope.ts';
import { allowPolicy, type RoleTarget, targetsOfService, withLabel } from './role-targets.ts';
import { type Conversion, type Doubt, groupBy, type Manifest, type Source, type Sources } from './sources.ts';

export function convertRoles(sources: Sources): Conversion {
  const { serviceRoleBindings: bindings, serviceRoles: roles, rbacConfigs } = sources;
  const scope = scopeOf(sources);
  const doubts: Doubt[] = [...scope.doubts];
  const [first] = bindings;
  if (first !== undefined && rbacConfigs.length === 0) {
    doubts.push({
      source: first,
      severity: 'warning',
      path: [],
      message:
        'without a ClusterRbacConfig nothing says where roles are enforced: they are wherever a role allows something',
      remedy: 'convert it together with its ClusterRbacConfig',
    });
  }
  const policies = bindings.flatMap((binding) => {
    const role = roles.find(
      ({ metadata }) =>
        metadata.namespace === binding.metadata.namespace && metadata.name === binding.spec.roleRef.name,
    );
    if (role !== undefined) return policiesOf(binding, role, { sources, doubts, scope });
    const message = `there is no ServiceRole ${binding.spec.roleRef.name} in its namespace`;
    const path = ['spec', 'roleRef', 'name'];
    doubts.push({
      source: binding,
      severity: 'error',
      path,
      message,
      remedy: 'convert it together with its role',
    });
    return [];
  });
  return { manifests: [...scope.manifests, ...policies], doubts };
}

interface Context {
  readonly sources: Sources;
  readonly doubts: Doubt[];
  readonly scope: ReturnType<typeof scopeOf>;
}

interface Granted {
  readonly target: RoleTarget;
  readonly rules: readonly Manifest[];
}

function policiesOf(
  binding: Source<ServiceRoleBinding>,
  role: Source<ServiceRole>,
  context: Context,
): readonly Manifest[] {
  const granted = role.spec.rules.flatMap((rule, index) => grantsOf(binding, role, { rule, index, context }));
  return groupBy(granted, ({ target }) => target.name).flatMap(([name, grants]) => {
    const [{ target } = { target: undefined }] = grants;
    if (target === undefined) return [];
    if (context.scope.isPartly(target)) {
      context.doubts.push({
        source: role,
        severity: 'error',
        path: ['spec', 'rules'],
        message:
          'the role is for all services of its namespace, and roles are enforced for some of them only',
        remedy: 'name the services in the role',
      });
      return [];
    }
    const isTried = binding.spec.mode === 'PERMISSIVE' || !context.scope.isEnforced(target);
    const rules = grants.flatMap((grant) => grant.rules);
    return [allowPolicy(`${binding.metadata.name}-${name}`, target, { rules, isTried })];
  });
}

interface RuleContext {
  readonly rule: AccessRule;
  readonly index: number;
  readonly context: Context;
}

function grantsOf(
  binding: Source<ServiceRoleBinding>,
  role: Source<ServiceRole>,
  { rule, index, context: { sources, doubts } }: RuleContext,
): readonly Granted[] {
  const { namespace } = role.metadata;
  let targets = rule.services.flatMap((service, position) =>
    targetsOfService(service, namespace, {
      sources,
      doubts,
      source: role,
      path: ['spec', 'rules', index, 'services', position],
    }),
  );
  const when: Manifest[] = [];
  for (const [position, { key, values }] of rule.constraints.entries()) {
    const label = /^destination\.labels\[(.+)\]$/.exec(key)?.[1];
    if (label !== undefined) targets = [...withLabel(targets, label, values)];
    else if (key === 'destination.namespace') targets = values.includes(namespace) ? targets : [];
    else if (isCondition(key)) when.push({ key, values });
    else refuseKey(doubts, role, { key, path: ['spec', 'rules', index, 'constraints', position, 'key'] });
  }
  return targets.map((target) => ({
    target,
    rules: binding.spec.subjects.flatMap((subject, position) =>
      ruleFor(subject, rule, {
        target,
        when,
        refuse: (key) =>
          refuseKey(doubts, binding, { key, path: ['spec', 'subjects', position, 'properties'] }),
      }),
    ),
  }));
}

/** `when` of today has them under the same names. */
const isCondition = (key: string): boolean =>
  /^(destination\.(ip|port)|request\.headers\[.+\]|request\.auth\.(principal|audiences|presenter|claims\[.+\]))$/.test(
    key,
  );

function refuseKey(
  doubts: Doubt[],
  source: Source<unknown>,
  { key, path }: { readonly key: string; readonly path: readonly (string | number)[] },
): void {
  const message = `no policy of today looks at ${key}`;
  const remedy = 'remove it, and write a policy that says the same in other words';
  if (doubts.some((each) => each.source === source && each.message === message)) return;
  doubts.push({ source, severity: 'error', path, message, remedy });
}

interface RuleParts {
  readonly target: RoleTarget;
  readonly when: readonly Manifest[];
  readonly refuse: (key: string) => void;
}

const filled = (fields: Readonly<Record<string, readonly string[]>>): Manifest =>
  Object.fromEntries(Object.entries(fields).filter(([, list]) => list.length > 0));

/** Conditions of a subject hold for it alone: each has a rule of its own. */
function ruleFor(
  subject: Subject,
  access: AccessRule,
  { target, when, refuse }: RuleParts,
): readonly Manifest[] {
  const operation = filled({
    hosts: access.hosts,
    notHosts: access.notHosts,
    methods: access.methods,
    notMethods: access.notMethods,
    paths: access.paths,
    notPaths: access.notPaths,
    ports: target.ports,
  });
  const { source, conditions } = clientOf(subject, refuse);
  const all = [...when, ...conditions];
  return [
    {
      ...(Object.keys(source).length === 0 ? {} : { from: [{ source }] }),
      ...(Object.keys(operation).length === 0 ? {} : { to: [{ operation }] }),
      ...(all.length === 0 ? {} : { when: all }),
    },
  ];
}

const sourceFields: Readonly<Record<string, string>> = {
  'source.principal': 'principals',
  'source.namespace': 'namespaces',
  'source.ip': 'ipBlocks',
  'request.auth.principal': 'requestPrincipals',
};

function clientOf(
  subject: Subject,
  refuse: (key: string) => void,
): { readonly source: Manifest; readonly conditions: readonly Manifest[] } {
  const { user, group, groups, properties } = subject;
  // As a user the star is everybody, also who has not said who it is.
  const names = [...subject.names, ...(user === undefined ? [] : [user])];
  const lists: Record<string, readonly string[]> = {
    principals: names.includes('*') ? [] : names,
    notPrincipals: subject.notNames,
    namespaces: subject.namespaces,
    notNamespaces: subject.notNamespaces,
    ipBlocks: subject.ips,
    notIpBlocks: subject.notIps,
  };
  const claims = [...groups, ...(group === undefined ? [] : [group])];
  const conditions: Manifest[] =
    claims.length === 0 ? [] : [{ key: 'request.auth.claims[groups]', values: claims }];
  for (const [key, value] of Object.entries(properties)) {
    const field = sourceFields[key];
    // A second word about the same thing narrows it, which only another condition does.
    if (field !== undefined && (lists[field] ?? []).length === 0) lists[field] = [value];
    else if (isCondition(key) || field !== undefined) conditions.push({ key, values: [value] });
    else refuse(key);
  }
  return { source: filled(lists), conditions };
}
