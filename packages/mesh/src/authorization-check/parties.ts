// Who calls whom: the names that people use, looked up in the mesh. Names that nothing has come back with those that are near.
import { nearestName } from '@xebec/config';
import type { ServicePort, Workload } from '@xebec/model';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { compareText, serviceHost } from '../host-names.ts';
import { spiffeId } from '../settings.ts';
import type { AuthorizationQuestion, CheckScene } from './question.ts';

export interface Caller {
  /** Absent: nobody. */
  readonly identity?: string;
  /** Its requests pass a proxy of its own first. */
  readonly hasProxy: boolean;
}

/** One workload that may answer. */
export interface Target {
  readonly workload: Workload;
  /** That it listens on; absent: not known. */
  readonly port?: number;
  readonly protocol: ServicePort['protocol'];
}

const allOf = <V>(collection: { entries(): Iterable<readonly [unknown, V]> }): readonly V[] =>
  Array.from(collection.entries(), ([, value]) => value);

interface Name {
  readonly name: string;
  readonly namespace: string;
}

/** `NAME` in the usual namespace, or `NAME.NAMESPACE`: a name may hold dots itself. */
function namesIn(written: string, namespace: string): readonly Name[] {
  const dot = written.lastIndexOf('.');
  const own = { name: written, namespace };
  return dot <= 0 ? [own] : [own, { name: written.slice(0, dot), namespace: written.slice(dot + 1) }];
}

function workloadsNamed(written: string, { mesh, defaultNamespace }: CheckScene): readonly Workload[] {
  const all = allOf(mesh.workloads);
  for (const { name, namespace } of namesIn(written, defaultNamespace)) {
    const found = all.filter(
      (workload) =>
        workload.namespace === namespace && (workload.name === name || workload.ownerName === name),
    );
    if (found.length > 0) return found.sort((left, right) => compareText(left.object, right.object));
  }
  return [];
}

export function findCaller(from: string | undefined, scene: CheckScene): Result<Caller> {
  if (from === undefined) return succeed({ hasProxy: false });
  if (from.includes('://')) return identityOf(from);
  const found = workloadsNamed(from, scene);
  if (found.length === 0) return fail(unknownName(from, 'workload', workloadNames(scene)));
  const identities = new Set(found.map((workload) => identityOfWorkload(workload, scene)));
  const [identity] = identities;
  if (identities.size > 1)
    return fail({
      severity: 'error',
      code: 'ambiguous-workload',
      message: `workloads named "${from}" have different identities`,
      remedy: `name one of ${[...identities].map((each) => each ?? 'those without').join(', ')}`,
    });
  return succeed(identity === undefined ? { hasProxy: false } : { identity, hasProxy: true });
}

const identityOfWorkload = (
  { namespace, serviceAccount, isMeshed, isGateway }: Workload,
  { settings }: CheckScene,
): string | undefined =>
  isMeshed || isGateway === true ? spiffeId(settings.trustDomain, namespace, serviceAccount) : undefined;

function identityOf(written: string): Result<Caller> {
  if (/^spiffe:\/\/[^/\s]+\/[^\s]+$/.test(written)) return succeed({ identity: written, hasProxy: false });
  return fail({
    severity: 'error',
    code: 'invalid-identity',
    message: `"${written}" is no identity`,
    remedy: 'write spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT, or the name of a workload',
  });
}

/** Services come first: where a workload is named like one, all that the service reaches are meant. */
export function findTargets(question: AuthorizationQuestion, scene: CheckScene): Result<readonly Target[]> {
  const service = serviceNamed(question.to, scene);
  if (service !== undefined) return targetsOfService(service, question, scene);
  const found = workloadsNamed(question.to, scene);
  if (found.length > 0) return succeed(found.map((workload) => targetOf(workload, question, scene)));
  const known = [...serviceNames(scene), ...workloadNames(scene)];
  return fail(unknownName(question.to, 'service or workload', known));
}

/** All workloads that a name stands for, whatever their ports. */
export function findWorkloads(to: string, scene: CheckScene): Result<readonly Workload[]> {
  const service = serviceNamed(to, scene);
  if (service === undefined) {
    const targets = findTargets({ to }, scene);
    return targets.ok ? succeed(targets.value.map(({ workload }) => workload)) : targets;
  }
  const { acceptances, workloads } = scene.mesh;
  const found = allOf(workloads)
    .filter((workload) => acceptances(workload).served.some((each) => each.service?.host === service.host))
    .sort((left, right) => compareText(left.object, right.object));
  return found.length > 0 ? succeed(found) : fail(noWorkload(service.host));
}

const noWorkload = (host: string): Diagnostic => ({
  severity: 'error',
  code: 'no-workload',
  message: `no workload of the mesh is behind ${host}: no policy holds there`,
  remedy: 'ask about a service with workloads of its own',
});

interface NamedService {
  readonly host: string;
  readonly ports: readonly ServicePort[];
}

function serviceNamed(
  written: string,
  { mesh, settings, defaultNamespace }: CheckScene,
): NamedService | undefined {
  const { clusterDomain } = settings;
  const hosts = [
    ...namesIn(written, defaultNamespace).map(({ name, namespace }) =>
      serviceHost(name, { namespace, clusterDomain }),
    ),
    written.toLowerCase(),
  ];
  const services = allOf(mesh.services);
  for (const host of hosts) {
    const found = services.find((service) => service.host === host);
    if (found !== undefined) return found;
  }
  return undefined;
}

function targetsOfService(
  { host, ports }: NamedService,
  { to, port: asked }: AuthorizationQuestion,
  { mesh }: CheckScene,
): Result<readonly Target[]> {
  const [first] = ports;
  const port =
    asked === undefined && ports.length === 1 ? first : ports.find(({ number }) => number === asked);
  if (port === undefined) return fail(unknownPort(to, asked, ports));
  const targets = allOf(mesh.workloads).flatMap((workload) => {
    const { served, ports: accepted } = mesh.acceptances(workload);
    const by = served.find(({ service }) => service?.host === host && service.port === port.number);
    if (by === undefined) return [];
    const { protocol } = accepted.find((each) => each.port === by.port) ?? port;
    return [{ workload, port: by.port, protocol: port.protocol === 'udp' ? port.protocol : protocol }];
  });
  if (targets.length > 0)
    return succeed(targets.sort((left, right) => compareText(left.workload.object, right.workload.object)));
  return fail(noWorkload(host));
}

function targetOf(workload: Workload, { port: asked }: AuthorizationQuestion, { mesh }: CheckScene): Target {
  const { ports, udpPorts } = mesh.acceptances(workload);
  const [first] = ports;
  const port = asked ?? (ports.length === 1 ? first?.port : undefined);
  if (port === undefined) return { workload, protocol: 'auto' };
  const known = [...ports, ...udpPorts].find((each) => each.port === port);
  return { workload, port, protocol: known?.protocol ?? 'auto' };
}

const workloadNames = ({ mesh }: CheckScene): readonly string[] => [
  ...new Set(
    allOf(mesh.workloads).flatMap(({ name, ownerName, namespace }) => [
      `${ownerName}.${namespace}`,
      `${name}.${namespace}`,
    ]),
  ),
];

const serviceNames = ({ mesh }: CheckScene): readonly string[] => [
  ...new Set(
    allOf(mesh.services).map(({ name, host, namespace }) => (name === host ? host : `${name}.${namespace}`)),
  ),
];

const shownNames = 10;

function unknownName(written: string, what: string, known: readonly string[]): Diagnostic {
  const short = new Map(known.map((name) => [name.replace(/\.[^.]*$/, ''), name]));
  const near = nearestName(written, known) ?? short.get(nearestName(written, short.keys()) ?? '');
  const some = [...known].sort(compareText).slice(0, shownNames).join(', ');
  const rest = known.length > shownNames ? ', …' : '';
  return {
    severity: 'error',
    code: 'unknown-workload',
    message: `there is no ${what} "${written}"`,
    remedy:
      near === undefined
        ? some === ''
          ? 'none is known'
          : `there are: ${some}${rest}`
        : `did you mean "${near}"?`,
  };
}

const unknownPort = (to: string, asked: number | undefined, ports: readonly ServicePort[]): Diagnostic => ({
  severity: 'error',
  code: 'unknown-port',
  message: asked === undefined ? `${to} has several ports` : `${to} has no port ${asked}`,
  remedy: `name one of ${ports.map(({ number, name }) => (name === '' ? `${number}` : `${number} (${name})`)).join(', ')}`,
});
