// Everything `up` decides before it starts a process: what to run, where, and on which ports.
import { resolve } from 'node:path';
import type { LocalGateway } from '@xebec/agent';
import { fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { UpOptions } from '../commands/up.ts';
import { hasLocalDocuments } from '../documents/local-documents.ts';
import { readDocuments, type SourceText } from '../documents/read-documents.ts';
import { problem } from '../output/diagnostics.ts';
import type { Progress } from '../output/progress.ts';
import { plural } from '../output/table.ts';
import { checkDocuments } from '../validate/check-documents.ts';
import { findFreePort, portOrAnother, tryPort } from './ports.ts';
import { sampleDirectory } from './sample.ts';

export interface MeshPlan {
  readonly state: string;
  /** Absolute. */
  readonly paths: readonly string[];
  /** Files with LocalImages documents. */
  readonly imageFiles: readonly string[];
  /** `HOST:PORT` of the control plane. */
  readonly xds: string;
  readonly http: string;
  /** Chosen by the user; otherwise the gateway's own, or the next free one. */
  readonly ingressPort: number | undefined;
  /** What the gateway asks for by itself. */
  readonly gatewayPort: number | undefined;
  /** How many gateways the agent runs. */
  readonly gateways: number;
  readonly isSample: boolean;
}

export const ownHost = '127.0.0.1';

/** The paths of the command line, or the sample. */
export function meshPaths(cli: Cli, given: readonly string[]): Result<readonly string[]> {
  if (given.length > 0) return succeed(given.map((path) => resolve(cli.cwd, path)));
  const sample = sampleDirectory(cli.program);
  if (sample !== undefined) return succeed([sample]);
  return fail(problem('no-sample', 'the Bookinfo sample is not here', 'name a directory: xebec up DIR'));
}

export interface PlanRequest {
  readonly state: string;
  readonly given: readonly string[];
  readonly options: UpOptions;
  readonly progress: Progress;
}

export async function planMesh(cli: Cli, request: PlanRequest): Promise<Result<MeshPlan>> {
  const { state, given, options, progress } = request;
  const paths = meshPaths(cli, given);
  if (!paths.ok) return paths;
  const ingressPort = await chooseIngressPort(options.ingressPort);
  if (!ingressPort.ok) return ingressPort;
  const checked = await checkPaths(cli, paths.value, progress);
  if (!checked.ok) return checked;
  const { texts, gateways } = checked.value;
  return succeed(
    {
      state,
      paths: paths.value,
      imageFiles: texts.filter(hasLocalDocuments).map(({ file }) => resolve(cli.cwd, file)),
      ...(await usualPorts()),
      ingressPort: ingressPort.value,
      gatewayPort: gateways.flatMap(({ ports }) => ports).find(({ port }) => port === 80)?.hostPort,
      gateways: gateways.length,
      isSample: given.length === 0,
    },
    checked.warnings,
  );
}

type ControlPorts = Pick<MeshPlan, 'xds' | 'http'>;

const controlPorts = (xds: number, http: number): ControlPorts => ({
  xds: `${ownHost}:${xds}`,
  http: `${ownHost}:${http}`,
});

const usualPorts = async (): Promise<ControlPorts> =>
  controlPorts(await portOrAnother(ownHost, 15_012), await portOrAnother(ownHost, 15_014));

/** For when the usual ones were taken between the look and the use. */
export const otherPorts = async (): Promise<ControlPorts> =>
  controlPorts(await findFreePort(ownHost), await findFreePort(ownHost));

async function chooseIngressPort(wanted: number | undefined): Promise<Result<number | undefined>> {
  if (wanted === undefined) return succeed(undefined);
  if (wanted === 0) return succeed(await findFreePort(ownHost));
  switch (await tryPort(ownHost, wanted)) {
    case 'free':
      return succeed(wanted);
    case 'not-permitted':
      return fail(
        problem('port-not-permitted', `port ${wanted} needs privileges`, 'choose a port above 1023'),
      );
    case 'taken':
      return fail(
        problem(
          'port-in-use',
          `port ${wanted} of ${ownHost} is in use`,
          'choose another --ingress-port, or 0 for a free one',
        ),
      );
  }
}

interface CheckedPaths {
  readonly texts: readonly SourceText[];
  readonly gateways: readonly LocalGateway[];
}

async function checkPaths(
  cli: Cli,
  paths: readonly string[],
  progress: Progress,
): Promise<Result<CheckedPaths>> {
  const step = progress.step('checking the manifests');
  const read = await readDocuments(cli, paths);
  if (!read.ok) {
    step.failed();
    return read;
  }
  const checked = await checkDocuments(read.value, {
    defaultNamespace: 'default',
    cwd: cli.cwd,
    unknownFields: 'warning',
    missing: 'warning',
    runsHere: true,
  });
  if (!checked.isValid) {
    step.failed();
    return fail(...checked.diagnostics);
  }
  step.done(`${plural(checked.objects, 'object')} in ${plural(read.value.length, 'file')}`);
  const gateways = checked.local.files.flatMap(({ images }) => images.gateways);
  return succeed({ texts: read.value, gateways }, checked.diagnostics);
}
