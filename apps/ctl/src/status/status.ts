// The front page of a mesh: one line a part, and below it everything that somebody should look at. Exit code 1 when there is an error among that.
import type { Diagnostic } from '@xebec/std';
import { type ControlPlane, controlPlaneOf, diagnosticsOf } from '../admin/control-plane.ts';
import { at, type JsonObject, listOf, numberOf, objectsOf, textOf } from '../admin/json.ts';
import { type AuthorityState, readAuthority } from '../authority/read-status.ts';
import { left } from '../authority/status.ts';
import type { Cli } from '../cli.ts';
import type { StatusOptions } from '../commands/status.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { readMeshRecord } from '../mesh/mesh-record.ts';
import { paletteFor } from '../output/colour.ts';
import { formatProblem, problem, refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable, plural, type TableCell } from '../output/table.ts';
import { nameOf, type ProxyStatus, readProxies } from '../proxies/proxy-statuses.ts';
import { stateDirectory } from '../state/state-directory.ts';

interface Front {
  readonly status: unknown;
  readonly authority: AuthorityState | undefined;
  readonly proxies: readonly ProxyStatus[];
  readonly pods: readonly JsonObject[];
}

export async function status(cli: Cli, options: StatusOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const controlPlane = controlPlaneOf(state);
  const answer = await controlPlane.get('/v1/status');
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const front = await readFront(controlPlane, answer.value);
  const problems = problemsOf(front);
  const isBad = problems.some(({ severity }) => severity === 'error');
  if (options.output === 'json') {
    await printStructured(cli, 'json', { ...shownFront(front), problems });
    return isBad ? exitCode.failed : exitCode.done;
  }
  const palette = paletteFor(cli, cli.stdout);
  const ingress = readMeshRecord(state)?.ingress ?? '';
  const rows = [...rowsOf(front), ...(ingress === '' ? [] : [['ingress', ingress, '']])];
  cli.stdout.write(formatTable(['PART', 'STATE', ''], rows));
  const lines = problems.map((diagnostic) => formatProblem(diagnostic, palette));
  cli.stdout.write(
    lines.length === 0 ? `\n${palette.green('nothing is wrong')}\n` : `\n${lines.join('\n')}\n`,
  );
  return isBad ? exitCode.failed : exitCode.done;
}

async function readFront(controlPlane: ControlPlane, found: unknown): Promise<Front> {
  const [authority, proxies, pods] = await Promise.all([
    controlPlane.get('/v1/ca'),
    readProxies(controlPlane),
    controlPlane.get('/v1/objects?kind=Pod'),
  ]);
  return {
    status: found,
    authority: authority.ok ? readAuthority(authority.value) : undefined,
    proxies: proxies.ok ? proxies.value : [],
    pods: pods.ok ? objectsOf(at(pods.value, 'items')) : [],
  };
}

const isReady = (pod: JsonObject): boolean =>
  objectsOf(at(pod, 'status', 'conditions')).some(
    ({ type, status: value }) => type === 'Ready' && value === 'True',
  );

function rowsOf(front: Front): readonly (readonly TableCell[])[] {
  const { status: found, authority, proxies, pods } = front;
  const startedAtMs = numberOf(at(found, 'startedAtMs')) ?? Date.now();
  const objects = plural(numberOf(at(found, 'objects')) ?? 0, 'object');
  const synced = proxies.filter(({ state }) => state === 'SYNCED').length;
  return [
    [
      'control plane',
      `up for ${left(Math.max(1, Date.now() - startedAtMs))}`,
      `version ${textOf(at(found, 'version'))}`,
    ],
    ['configuration', `revision ${numberOf(at(found, 'revision')) ?? 0}`, objects],
    ['workloads', `${pods.filter(isReady).length} of ${plural(pods.length, 'Pod')} ready`, ''],
    ['proxies', `${synced} of ${plural(proxies.length, 'proxy', 'proxies')} in step`, ''],
    ...policyServicesOf(found),
    ...(authority === undefined ? [] : [certificates(authority), rotationOf(authority)].flat()),
  ];
}

/** What each has in force; behind: what it has been sent since. */
function policyServicesOf(found: unknown): readonly (readonly TableCell[])[] {
  return objectsOf(at(found, 'policyServices')).map((each) => {
    const revision = numberOf(each['revision']) ?? 0;
    const sent = numberOf(each['sent']) ?? 0;
    const behind = revision === sent ? '' : ` of ${sent}`;
    return ['policy service', `revision ${revision}${behind}`, textOf(each['address'])];
  });
}

/** Rules that nobody follows. */
function policyProblemsOf(found: unknown): readonly Diagnostic[] {
  const objects = numberOf(at(found, 'policyObjects')) ?? 0;
  if (objects === 0 || objectsOf(at(found, 'policyServices')).length > 0) return [];
  const message = `${plural(objects, 'object')} for a policy service, and none follows the control plane`;
  const remedy = 'see "xebec logs policy", or run one: xebec policy serve';
  return [{ ...problem('policy-service-absent', message, remedy), severity: 'warning' }];
}

/** The soonest end of each sort. */
function certificates({ certificates: all, workloads }: AuthorityState): readonly (readonly TableCell[])[] {
  const nowMs = Date.now();
  const soonest = (ends: readonly number[]): string =>
    ends.length === 0 ? '-' : left(Math.min(...ends) - nowMs);
  const of = (role: string): string =>
    soonest(all.filter((each) => each.role === role).map(({ notAfter }) => notAfter));
  const leaves = soonest(workloads.map(({ notAfter }) => notAfter));
  return [
    [
      'certificates',
      `root ${of('root')}, intermediate ${of('intermediate')}`,
      `of workloads at least ${leaves}`,
    ],
  ];
}

const rotationOf = ({ rotation }: AuthorityState): readonly (readonly TableCell[])[] =>
  rotation === undefined
    ? []
    : [['rotation', rotation.stage, `waits for ${plural(rotation.waitingFor.length, 'workload')}`]];

function problemsOf({ status: found, authority, proxies, pods }: Front): readonly Diagnostic[] {
  const refused = proxies
    .filter(({ state }) => state === 'ERROR')
    .map((proxy) =>
      problem('proxy-refused', `${nameOf(proxy)} refused configuration`, 'see "xebec proxy-status"'),
    );
  const unready = pods
    .filter((pod) => !isReady(pod) && textOf(at(pod, 'status', 'phase')) !== 'Succeeded')
    .map((pod): Diagnostic => {
      const name = `${textOf(at(pod, 'metadata', 'name'))}.${textOf(at(pod, 'metadata', 'namespace'))}`;
      const why = textOf(at(pod, 'status', 'message'));
      return {
        ...problem('pod-not-ready', `${name} is not ready${why === '' ? '' : `: ${why}`}`),
        severity: 'warning',
      };
    });
  const faults = objectsOf(at(found, 'faults')).map((fault) =>
    problem(
      'fault',
      `${textOf(fault['collection'])}: ${textOf(fault['message'])}`,
      'this is a bug; see "xebec logs control-plane"',
    ),
  );
  const objects = listOf(at(found, 'verdicts')).length;
  const unaccepted: readonly Diagnostic[] =
    objects === 0
      ? []
      : [
          {
            ...problem(
              'objects-not-accepted',
              `${plural(objects, 'object')} not accepted as written`,
              'see "xebec analyze"',
            ),
            severity: 'warning',
          },
        ];
  return [
    ...(authority?.warnings ?? []),
    ...refused,
    ...diagnosticsOf(at(found, 'problems')),
    ...policyProblemsOf(found),
    ...unaccepted,
    ...unready,
    ...faults,
  ];
}

function shownFront({ status: found, authority, proxies, pods }: Front) {
  return {
    version: textOf(at(found, 'version')),
    startedAtMs: numberOf(at(found, 'startedAtMs')) ?? null,
    revision: numberOf(at(found, 'revision')) ?? null,
    objects: numberOf(at(found, 'objects')) ?? null,
    pods: { all: pods.length, ready: pods.filter(isReady).length },
    proxies: { all: proxies.length, synced: proxies.filter(({ state }) => state === 'SYNCED').length },
    certificates: authority?.certificates ?? [],
    rotation: authority?.rotation ?? null,
    policyServices: listOf(at(found, 'policyServices')),
  };
}
