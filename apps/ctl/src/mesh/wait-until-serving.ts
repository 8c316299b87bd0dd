// Waits until every workload is ready and the ingress answers, and says meanwhile who is missing and why.
import { get } from 'node:http';
import { fail, type Result, succeed } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { problem } from '../output/diagnostics.ts';
import type { Progress, Step } from '../output/progress.ts';
import { firstRoutePath } from './first-route.ts';
import { type Part, whyItEnded } from './parts.ts';
import { type MeshPlan, ownHost } from './plan.ts';
import { readWorkloads, type Workloads } from './workloads.ts';

export interface Serving {
  readonly workloads: Workloads;
  /** Of the ingress, with the path of the first route; absent when no Gateway opens a port for HTTP. */
  readonly url: string | undefined;
  readonly port: number | undefined;
  readonly wantedPort: number | undefined;
  readonly capture: 'explicit' | 'transparent' | undefined;
  /** Why `auto` did not take transparent capture. */
  readonly captureReason: string | undefined;
}

export interface ServingRequest {
  readonly agent: Part;
  readonly plan: MeshPlan;
  readonly progress: Progress;
  readonly deadline: number;
}

const pollMs = 150;

export async function waitUntilServing(request: ServingRequest): Promise<Result<Serving>> {
  const { progress, plan } = request;
  const step = progress.step('workloads');
  const workloads = await untilReady(request, step);
  if (!workloads.ok) {
    step.failed();
    return workloads;
  }
  const { ready, wanted, ingressPort: port } = workloads.value;
  step.done(`${ready} of ${wanted} ready`);
  const serving = {
    workloads: workloads.value,
    port,
    wantedPort: wantedPort(plan),
    ...captureOf(request.agent),
  };
  if (port === undefined) return succeed({ ...serving, url: undefined });
  const path = await firstRoutePath(controlPlaneOf(plan.state));
  const url = `http://${ownHost}:${port}${path}`;
  const ingress = progress.step('ingress');
  const status = await untilIngressAnswers(url, request);
  if (status === undefined) {
    ingress.failed();
    const remedy = `see the gateway's log: xebec logs istio-ingressgateway --envoy`;
    return fail(problem('ingress-not-serving', `${url} does not answer`, remedy));
  }
  ingress.done(`${url} answers ${status}`);
  return succeed({ ...serving, url });
}

const wantedPort = (plan: MeshPlan): number | undefined => plan.ingressPort ?? plan.gatewayPort;

/** The agent says in its log which capture it took, and why. */
function captureOf(agent: Part): Pick<Serving, 'capture' | 'captureReason'> {
  const output = agent.output();
  const found = /ready \((explicit|transparent) capture\)/.exec(output)?.[1];
  return {
    capture: found === 'explicit' || found === 'transparent' ? found : undefined,
    captureReason: /transparent capture does not work here: (.*?);/.exec(output)?.[1],
  };
}

async function untilReady({ agent, plan, deadline }: ServingRequest, step: Step): Promise<Result<Workloads>> {
  const controlPlane = controlPlaneOf(plan.state);
  let seen: Workloads | undefined;
  for (;;) {
    const read = await readWorkloads(controlPlane, plan.gateways);
    if (read.ok) {
      seen = read.value;
      if (seen.ready >= seen.wanted) return succeed(seen);
      step.say(describe(seen));
    }
    if (agent.ending() !== undefined) return fail(whyItEnded(agent));
    if (performance.now() > deadline) return fail(notReady(seen, agent));
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function describe({ rows, ready, wanted }: Workloads): string {
  const waiting = rows
    .filter(({ isReady }) => !isReady)
    .map(({ name, message }) => (message === '' ? name : `${name} (${message})`));
  return `${ready} of ${wanted} ready${waiting.length === 0 ? '' : `; waiting for ${waiting.join(', ')}`}`;
}

function notReady(seen: Workloads | undefined, agent: Part) {
  const what = seen === undefined ? 'the control plane does not answer' : describe(seen);
  return problem(
    'workloads-not-ready',
    `the workloads were not ready in time: ${what}`,
    `see the logs: ${agent.logFile}`,
  );
}

const settleMs = 15_000;

/** The status of the first good answer; after a while any answer will do: not every mesh serves its first route with 200. */
async function untilIngressAnswers(
  url: string,
  { deadline, agent }: ServingRequest,
): Promise<number | undefined> {
  const settleBy = Math.min(deadline, performance.now() + settleMs);
  let last: number | undefined;
  for (;;) {
    last = (await statusOf(url)) ?? last;
    if (last !== undefined && (last < 400 || performance.now() > settleBy)) return last;
    if (performance.now() > deadline || agent.ending() !== undefined) return last;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 5_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}
