// A container's probes as the prober takes them: ports by number, times in seconds.
import type { Container, Probe } from '@xebec/config';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { ProbeAction, ProbeSpec } from '@xebec/supervise';
import { refuse } from '../problem.ts';

export interface ContainerProbes {
  readonly startup?: ProbeSpec;
  readonly readiness?: ProbeSpec;
  readonly liveness?: ProbeSpec;
}

/** Until a probe has passed once it is asked this often: a start should not wait for a period. */
const firstSuccessPeriodMs = 100;

export function probesOf(container: Container): Result<ContainerProbes> {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  const probes: { -readonly [K in keyof ContainerProbes]: ContainerProbes[K] } = {};
  for (const [role, probe] of Object.entries({ startup: startupProbe, readiness: readinessProbe })) {
    if (probe === undefined) continue;
    const spec = specOf(probe, container);
    if (!spec.ok) return spec;
    probes[role === 'startup' ? 'startup' : 'readiness'] = { ...spec.value, firstSuccessPeriodMs };
  }
  if (livenessProbe !== undefined) {
    const spec = specOf(livenessProbe, container);
    if (!spec.ok) return spec;
    const { initialDelaySeconds = 0, periodSeconds = 10 } = spec.value;
    // A program that has just been started is not yet dead.
    probes.liveness = { ...spec.value, initialDelaySeconds: Math.max(initialDelaySeconds, periodSeconds) };
  }
  return succeed(probes);
}

function specOf(probe: Probe, container: Container): Result<ProbeSpec> {
  const action = actionOf(probe, container);
  if (!action.ok) return action;
  return succeed({
    action: action.value,
    initialDelaySeconds: probe.initialDelayMs / 1_000,
    periodSeconds: probe.periodMs / 1_000,
    timeoutSeconds: probe.timeoutMs / 1_000,
    successThreshold: probe.successThreshold,
    failureThreshold: probe.failureThreshold,
  });
}

function actionOf({ action }: Probe, container: Container): Result<ProbeAction> {
  if (action.kind === 'exec' || action.kind === 'grpc') return succeed(action);
  const port = portOf(action.port, container);
  if (port === undefined) return unknownPort(String(action.port), container.name);
  const host = action.host === '' ? {} : { host: action.host };
  if (action.kind === 'tcpSocket') return succeed({ kind: 'tcpSocket', port, ...host });
  const { path, scheme, headers: httpHeaders } = action;
  return succeed({ kind: 'httpGet', port, path, scheme, httpHeaders, ...host });
}

/** The number of a port of the container. */
export const portOf = (port: number | string, { ports }: Container): number | undefined =>
  typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.port;

const unknownPort = (port: string, container: string): Result<never> =>
  refuse({
    code: 'unknown-port-name',
    message: `a probe of container ${container} asks port "${port}", which the container does not have`,
    remedy: 'use the number, or the name of one of its ports',
  });
