// Asks a workload from the address its capture lets through; a command is run in the workload's own place.
import http from 'node:http';
import { connect } from 'node:net';
import {
  askGrpc,
  attemptProbe,
  type ProbeAction,
  type ProbeAnswer,
  type ProbeSpec,
  type ProbeTarget,
} from '@xebec/supervise';
import type { CapturedWorkload } from '../capture/capture.ts';
import { messageOf } from '../problem.ts';

type Attempt = (spec: ProbeSpec, target: ProbeTarget) => Promise<ProbeAnswer>;
type Http = Extract<ProbeAction, { kind: 'httpGet' }>;
type Tcp = Extract<ProbeAction, { kind: 'tcpSocket' }>;

/** How to ask a workload in this place; without a special source, as everybody does. */
export function attemptIn(captured: Pick<CapturedWorkload, 'probeSource' | 'wrapCommand'>): Attempt {
  const { probeSource } = captured;
  return (spec, target) => {
    const { action } = spec;
    if (action.kind === 'exec') {
      const command = captured.wrapCommand(action.command, 'app');
      return attemptProbe({ ...spec, action: { kind: 'exec', command } }, target);
    }
    const isPlainHttp = action.kind === 'httpGet' && action.scheme !== 'HTTPS';
    if (probeSource === undefined || (action.kind === 'httpGet' && !isPlainHttp))
      return attemptProbe(spec, target);
    if (action.kind === 'grpc') {
      const timeoutMs = (spec.timeoutSeconds ?? 1) * 1_000;
      return askGrpc(action, target, { timeoutMs, localAddress: probeSource });
    }
    const signal = AbortSignal.timeout((spec.timeoutSeconds ?? 1) * 1_000);
    const from = { localAddress: probeSource, host: action.host ?? target.host, port: action.port };
    return (action.kind === 'httpGet' ? askHttp(action, from, signal) : askTcp(action, from, signal)).catch(
      explain,
    );
  };
}

interface Route {
  readonly localAddress: string;
  readonly host: string;
  readonly port: number;
}

const explain = (error: unknown): ProbeAnswer => ({ passing: false, message: messageOf(error) });

const askHttp = (
  { path = '/', httpHeaders = [] }: Http,
  route: Route,
  signal: AbortSignal,
): Promise<ProbeAnswer> =>
  new Promise((resolve, reject) => {
    const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
    const request = http.get({ ...route, path, agent: false, signal, headers }, ({ statusCode = 0 }) => {
      request.destroy();
      const passing = statusCode >= 200 && statusCode < 400;
      resolve({ passing, message: passing ? String(statusCode) : `status ${statusCode}` });
    });
    request.on('error', reject);
  });

const askTcp = (_action: Tcp, route: Route, signal: AbortSignal): Promise<ProbeAnswer> =>
  new Promise((resolve, reject) => {
    const socket = connect({ ...route });
    const abort = (): void => void socket.destroy(new Error('no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      socket.destroy();
      resolve({ passing: true, message: 'connected' });
    });
    socket.on('error', reject);
  });
