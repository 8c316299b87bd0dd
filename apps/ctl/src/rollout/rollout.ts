// Restarts a Deployment by a mark in its template, as kubectl does, and waits until every Pod is of that template and ready.
import { deepEqual, fail, type Result, succeed } from '@xebec/std';
import { type ControlPlane, controlPlaneOf } from '../admin/control-plane.ts';
import { at, isObject, type JsonObject, numberOf, objectOf, objectsOf, textOf } from '../admin/json.ts';
import { authorOf } from '../apply/author.ts';
import { readApplied } from '../apply/changes.ts';
import type { Cli } from '../cli.ts';
import type { RolloutOptions } from '../commands/rollout.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { resolveKind } from '../get/resolve-kind.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { stateDirectory } from '../state/state-directory.ts';

export interface RolloutRequest {
  readonly verb: 'restart' | 'status';
  readonly kind: string;
  readonly name: string;
}

const mark = 'kubectl.kubernetes.io/restartedAt';
const defaultWaitMs = 120_000;
const pollMs = 100;

export async function rollOut(cli: Cli, request: RolloutRequest, options: RolloutOptions): Promise<ExitCode> {
  const controlPlane = controlPlaneOf(stateDirectory(cli, options.state));
  const kind = resolveKind(request.kind);
  if (!kind.ok) return refuse(cli, ...kind.diagnostics);
  if (kind.value.kind !== 'Deployment') {
    return refuse(
      cli,
      problem('not-a-deployment', `a ${kind.value.kind} is not rolled out`, 'name a deployment'),
    );
  }
  const target = { name: request.name, namespace: options.namespace };
  if (request.verb === 'restart') {
    const restarted = await restart(cli, controlPlane, target);
    if (!restarted.ok) return refuse(cli, ...restarted.diagnostics);
    cli.stdout.write(`Deployment/${target.namespace}/${target.name} is restarted\n`);
    if (options.wait === undefined) return exitCode.done;
  }
  const waitMs = typeof options.wait === 'number' ? options.wait : defaultWaitMs;
  return await waitFor(cli, controlPlane, { ...target, waitMs });
}

interface Target {
  readonly name: string;
  readonly namespace: string;
}

async function restart(cli: Cli, controlPlane: ControlPlane, target: Target): Promise<Result<void>> {
  const found = await readDeployment(controlPlane, target);
  if (!found.ok) return found;
  const { apiVersion, kind, metadata, spec } = found.value;
  const template = objectOf(at(spec, 'template'));
  const marked = {
    ...template,
    metadata: {
      ...objectOf(template['metadata']),
      annotations: { ...objectOf(at(template, 'metadata', 'annotations')), [mark]: new Date().toISOString() },
    },
  };
  const { name, namespace, labels, annotations } = objectOf(metadata);
  const manifest = {
    apiVersion,
    kind,
    metadata: { name, namespace, labels, annotations },
    spec: { ...objectOf(spec), template: marked },
  };
  const answer = await controlPlane.post('/v1/apply', {
    documents: [{ file: `rollout restart ${target.name}`, text: JSON.stringify(manifest) }],
    author: authorOf(cli),
    namespace: target.namespace,
    message: `rollout restart of ${target.name}`,
  });
  if (!answer.ok) return answer;
  readApplied(answer.value);
  return succeed(undefined);
}

async function readDeployment(
  controlPlane: ControlPlane,
  { name, namespace }: Target,
): Promise<Result<JsonObject>> {
  const query = new URLSearchParams({ kind: 'Deployment', namespace, name });
  const answer = await controlPlane.get(`/v1/objects?${query}`);
  if (!answer.ok) return answer;
  const [found] = objectsOf(at(answer.value, 'items'));
  return found === undefined
    ? fail(
        problem(
          'not-found',
          `there is no Deployment ${name} in namespace ${namespace}`,
          'see "xebec get deployments -A"',
        ),
      )
    : succeed(found);
}

interface Progress {
  readonly wanted: number;
  readonly updated: number;
  readonly old: number;
}

const isDone = ({ wanted, updated, old }: Progress): boolean => updated === wanted && old === 0;

async function waitFor(
  cli: Cli,
  controlPlane: ControlPlane,
  target: Target & { readonly waitMs: number },
): Promise<ExitCode> {
  const deadline = performance.now() + target.waitMs;
  for (;;) {
    const progress = await readProgress(controlPlane, target);
    if (!progress.ok) return refuse(cli, ...progress.diagnostics);
    const { wanted, updated, old } = progress.value;
    const text = `${updated} of ${wanted} Pods are new and ready, ${old} old ones are left`;
    if (isDone(progress.value) || performance.now() > deadline) {
      cli.stdout.write(`${text}\n`);
      return isDone(progress.value) ? exitCode.done : exitCode.timedOut;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function readProgress(controlPlane: ControlPlane, target: Target): Promise<Result<Progress>> {
  const deployment = await readDeployment(controlPlane, target);
  if (!deployment.ok) return deployment;
  const query = new URLSearchParams({ kind: 'Pod', namespace: target.namespace });
  const answer = await controlPlane.get(`/v1/objects?${query}`);
  if (!answer.ok) return answer;
  const template = at(deployment.value, 'spec', 'template');
  const pods = objectsOf(at(answer.value, 'items')).filter((pod) => isOf(pod, target.name));
  const current = pods.filter((pod) => isFrom(pod, template));
  return succeed({
    wanted: numberOf(at(deployment.value, 'spec', 'replicas')) ?? 1,
    updated: current.filter((pod) => isReady(pod)).length,
    old: pods.length - current.length,
  });
}

/** The owner of a Pod is a ReplicaSet: the Deployment's name and a hash. */
function isOf(pod: JsonObject, deployment: string): boolean {
  return objectsOf(at(pod, 'metadata', 'ownerReferences')).some(
    ({ kind, name }) => kind === 'ReplicaSet' && textOf(name).replace(/-[^-]*$/, '') === deployment,
  );
}

function isFrom(pod: JsonObject, template: unknown): boolean {
  const { nodeName: _nodeName, ...spec } = objectOf(pod['spec']);
  const annotations = objectOf(at(pod, 'metadata', 'annotations'));
  const wanted = Object.entries(objectOf(at(template, 'metadata', 'annotations')));
  return deepEqual(spec, at(template, 'spec')) && wanted.every(([key, value]) => annotations[key] === value);
}

const isReady = (pod: JsonObject): boolean =>
  !isObject(at(pod, 'metadata', 'deletionTimestamp')) &&
  objectsOf(at(pod, 'status', 'conditions')).some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
