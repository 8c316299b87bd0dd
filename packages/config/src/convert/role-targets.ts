// Services that roles name as workloads and ports that policies select: never more of them than the role had.
import { type Doubt, type Manifest, type Source, type Sources, subsetName } from './sources.ts';

export interface RoleTarget {
  /** For names of policies: the service, or `all`. */
  readonly name: string;
  readonly namespace: string;
  /** Undefined: the whole namespace. */
  readonly selector: Readonly<Record<string, unknown>> | undefined;
  /** Of the workloads; empty: all. */
  readonly ports: readonly string[];
  /** Undefined: all of them. */
  readonly service: string | undefined;
}

export interface TargetContext {
  readonly sources: Sources;
  readonly doubts: Doubt[];
  readonly source: Source<unknown>;
  readonly path: readonly (string | number)[];
}

/** `*`, `NAME`, `NAME.NAMESPACE…`, or a pattern of one of these with a star at its beginning or end. */
export function targetsOfService(
  service: string,
  namespace: string,
  context: TargetContext,
): readonly RoleTarget[] {
  if (service === '*')
    return [{ name: 'all', namespace, selector: undefined, ports: [], service: undefined }];
  const { sources } = context;
  const found = [...sources.services.keys()].filter((key) => fits(service, namespace, key));
  if (found.length === 0) doubt(context, 'error', `no Service here is ${service}`, 'give its Service, too');
  return found.flatMap((key) => targetOf(key, namespace, context));
}

function fits(written: string, namespace: string, key: string): boolean {
  const [of = '', name = ''] = key.split('/');
  if (of !== namespace) return false;
  const names = [name, `${name}.${of}`, `${name}.${of}.svc`, `${name}.${of}.svc.cluster.local`];
  if (written.endsWith('*')) return names.some((each) => each.startsWith(written.slice(0, -1)));
  if (written.startsWith('*')) return names.some((each) => each.endsWith(written.slice(1)));
  return names.includes(written);
}

function targetOf(key: string, namespace: string, context: TargetContext): readonly RoleTarget[] {
  const facts = context.sources.services.get(key);
  const name = key.slice(key.indexOf('/') + 1);
  if (facts === undefined || Object.keys(facts.selector).length === 0) {
    doubt(context, 'error', `the Service ${name} selects no workloads`, 'write a policy for its workloads');
    return [];
  }
  const ports = facts.ports.map(({ port, targetPort = port }) => targetPort);
  const numbers = ports.filter((port) => typeof port === 'number');
  if (numbers.length < ports.length) {
    const message = `a targetPort of ${name} is a name: what the role allows at one port holds for all of them`;
    doubt(context, 'warning', message, 'write the number, or add ports to the policy');
  }
  const listed = numbers.length < ports.length ? [] : numbers.map(String);
  return [{ name, namespace, selector: facts.selector, ports: listed, service: name }];
}

function doubt(
  { doubts, source, path }: TargetContext,
  severity: Doubt['severity'],
  message: string,
  remedy: string,
): void {
  doubts.push({ source, severity, path, message, remedy });
}

/** With one more label each, for every value. */
export const withLabel = (
  targets: readonly RoleTarget[],
  label: string,
  values: readonly string[],
): readonly RoleTarget[] =>
  targets.flatMap((target) =>
    values.map((value) => ({
      ...target,
      name: `${target.name}-${subsetName({ [label]: value })}`,
      selector: { ...target.selector, [label]: value },
    })),
  );

export const isTriedAnnotation = { 'istio.io/dry-run': 'true' };

/** Without rules it allows nothing. */
export const allowPolicy = (
  name: string,
  { namespace, selector }: RoleTarget,
  { rules, isTried }: { readonly rules: readonly Manifest[] | undefined; readonly isTried: boolean },
): Manifest => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace, ...(isTried ? { annotations: isTriedAnnotation } : {}) },
  spec: {
    ...(selector === undefined ? {} : { selector: { matchLabels: selector } }),
    ...(rules === undefined ? {} : { rules }),
  },
});
