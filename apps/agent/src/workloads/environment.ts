// The environment of an application: little from this machine, the Pod's facts, what the container says, and its place.
import type { Container, FieldReference } from '@xebec/config';

export interface PodFacts {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly address: string;
  readonly nodeName: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface EnvironmentSources {
  readonly pod: PodFacts;
  readonly container: Container;
  readonly bindAddress: string;
  /** From the capture: where the proxy is. */
  readonly place: Readonly<Record<string, string>>;
  /** This process's own environment. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  /** All of it: somebody started this very program here. */
  readonly inheritsAll?: boolean;
}

/** What programs need to run at all; everything else here is none of their business. */
const inheritedNames = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TERM'];

export function applicationEnvironment(sources: EnvironmentSources): Readonly<Record<string, string>> {
  const { pod, container, bindAddress, place, inherited } = sources;
  const port = container.ports.find(({ transport }) => transport === 'TCP')?.port;
  const environment: Record<string, string> = {
    ...pick(inherited, sources.inheritsAll === true ? Object.keys(inherited) : inheritedNames),
    HOSTNAME: pod.name,
    POD_NAME: pod.name,
    POD_NAMESPACE: pod.namespace,
    POD_IP: pod.address,
    SERVICE_ACCOUNT: pod.serviceAccount,
    ...(port === undefined ? {} : { PORT: String(port) }),
    ...place,
  };
  for (const variable of container.env) {
    environment[variable.name] =
      'field' in variable ? fieldOf(pod, variable.field) : expand(variable.value, environment);
  }
  // The application must not be reachable but through its proxy, whatever it would choose.
  environment['BIND_ADDRESS'] = bindAddress;
  return environment;
}

function fieldOf(pod: PodFacts, field: FieldReference): string {
  switch (field.kind) {
    case 'name':
      return pod.name;
    case 'namespace':
      return pod.namespace;
    case 'uid':
      return pod.uid;
    case 'podIP':
    case 'podIPs':
      return pod.address;
    case 'hostIP':
      return '127.0.0.1';
    case 'serviceAccountName':
      return pod.serviceAccount;
    case 'nodeName':
      return pod.nodeName;
    case 'label':
      return pod.labels[field.key] ?? '';
    case 'annotation':
      return pod.annotations[field.key] ?? '';
  }
}

/** Kubernetes' `$(NAME)`; `$$(NAME)` is a literal, and an unknown name stays as it is written. */
export const expand = (text: string, environment: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$(\$|\(([-._a-zA-Z0-9]+)\))/g, (written, what: string, name: string | undefined) => {
    if (what === '$') return '$';
    return name !== undefined && Object.hasOwn(environment, name) ? (environment[name] ?? '') : written;
  });

function pick(
  from: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = from[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
