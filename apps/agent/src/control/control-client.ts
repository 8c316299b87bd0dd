// The control plane's admin API as the agent uses it; whatever goes wrong there is a value here.
import { type ProxyLaunch, readProxyLaunch } from '@xebec/config';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { messageOf, refuse } from '../problem.ts';
import { requestUnix, type UnixAnswer, type UnixRequest } from './unix-http.ts';

/** An object as the API writes and reads it. */
export type Manifest = Readonly<Record<string, unknown>>;

interface TokenOwner {
  readonly namespace: string;
  readonly serviceAccount: string;
}

export interface ControlClient {
  /** A token that is good for one certificate of this identity. */
  issueToken(owner: TokenOwner): Promise<Result<string>>;
  putRuntime(object: Manifest): Promise<Result<void>>;
  /** `Pod/NAMESPACE/NAME`; one that is already gone is a success. */
  deleteRuntime(key: string): Promise<Result<void>>;
  /** The bootstrap of a proxy, as JSON text, with what EnvoyFilters say of it. */
  patchBootstrap(bootstrap: string): Promise<Result<string>>;
  /** With what ProxyConfigs want a proxy to be started. */
  proxyLaunch(proxy: StartingProxy): Promise<Result<ProxyLaunch>>;
  /** Where a cause was written, as `FILE:LINE:COLUMN`. */
  locate(cause: string): Promise<Result<string>>;
  /** Tells how far this machine's audit log is, and is told how far the control plane's is. */
  exchangeAuditHeads(own: AuditHead): Promise<Result<AuditHead>>;
  /** How a workload of a WorkloadGroup is. */
  reportHealth(report: HealthReport): Promise<Result<void>>;
}

/** The last record of an audit log. */
export interface AuditHead {
  readonly chain: string;
  readonly at: number;
  readonly head: string;
}

export interface StartingProxy {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface HealthReport {
  readonly namespace: string;
  readonly group: string;
  /** Of the workload. */
  readonly address: string;
  readonly state: 'healthy' | 'unhealthy' | 'gone';
  readonly message: string;
}

/** Codes of failures: `control-plane-unreachable` (try later), `control-plane-refused`, and those of the API. */
export function createControlClient(socketPath: string): ControlClient {
  const call = (request: Omit<UnixRequest, 'socketPath'>): Promise<Result<UnixAnswer>> =>
    callControl({ socketPath, ...request });
  return {
    async issueToken(owner) {
      const answer = await call({ method: 'POST', path: '/v1/tokens', body: JSON.stringify(owner) });
      return answer.ok ? readToken(answer.value) : answer;
    },
    async putRuntime(object) {
      const answer = await call({ method: 'PUT', path: '/v1/runtime', body: JSON.stringify({ object }) });
      return answer.ok ? succeed(undefined) : answer;
    },
    async deleteRuntime(key) {
      const answer = await call({ method: 'DELETE', path: `/v1/runtime/${encodeURIComponent(key)}` });
      return answer.ok ? succeed(undefined) : answer;
    },
    async patchBootstrap(bootstrap) {
      const body = `{"bootstrap":${bootstrap}}`;
      const answer = await call({ method: 'POST', path: '/v1/bootstrap', body, timeoutMs: 30_000 });
      if (!answer.ok) return answer;
      const patched: unknown = Reflect.get(Object(parseJson(answer.value.body)), 'bootstrap');
      return succeed(patched === undefined ? bootstrap : JSON.stringify(patched, undefined, 2));
    },
    async proxyLaunch({ namespace, labels }) {
      const body = JSON.stringify({ namespace, labels });
      const answer = await call({ method: 'POST', path: '/v1/proxy-launch', body });
      if (!answer.ok) return answer;
      const { concurrency, environment: proxyMetadata } = Object(parseJson(answer.value.body));
      return succeed(readProxyLaunch({ concurrency, proxyMetadata }).launch);
    },
    async locate(cause) {
      const path = `/v1/locate?cause=${encodeURIComponent(cause)}`;
      const answer = await call({ method: 'GET', path, timeoutMs: 2_000 });
      if (!answer.ok) return answer;
      const place: unknown = Reflect.get(Object(parseJson(answer.value.body)), 'place');
      return succeed(typeof place === 'string' ? place : '');
    },
    async exchangeAuditHeads(own) {
      const body = JSON.stringify(own);
      const answer = await call({ method: 'POST', path: '/v1/audit/heads', body, timeoutMs: 2_000 });
      return answer.ok ? readHead(answer.value) : answer;
    },
    async reportHealth(report) {
      const body = JSON.stringify(report);
      const answer = await call({ method: 'PUT', path: '/v1/workload-health', body });
      return answer.ok ? succeed(undefined) : answer;
    },
  };
}

async function callControl(request: UnixRequest): Promise<Result<UnixAnswer>> {
  try {
    const answer = await requestUnix(request);
    const isGone = request.method === 'DELETE' && answer.status === 404;
    return (answer.status >= 200 && answer.status < 300) || isGone ? succeed(answer) : refused(answer);
  } catch (error) {
    return refuse({
      code: 'control-plane-unreachable',
      message: `the control plane does not answer on ${request.socketPath}: ${messageOf(error)}`,
      remedy: 'check that it runs with the same state directory',
    });
  }
}

function refused({ status, body }: UnixAnswer): Result<never> {
  const parsed = parseJson(body);
  const diagnostics: unknown = Reflect.get(Object(parsed), 'diagnostics');
  if (Array.isArray(diagnostics) && diagnostics.length > 0) return fail(...diagnostics.map(readDiagnostic));
  return refuse({
    code: 'control-plane-refused',
    message: `the control plane answered ${status}: ${body.slice(0, 300)}`,
    remedy: 'check that agent and control plane are of the same version',
  });
}

function readDiagnostic(value: unknown): Diagnostic {
  const text = (key: string): string | undefined => {
    const found: unknown = Reflect.get(Object(value), key);
    return typeof found === 'string' ? found : undefined;
  };
  const remedy = text('remedy');
  const field = text('field');
  return {
    severity: 'error',
    code: text('code') ?? 'control-plane-refused',
    message: text('message') ?? 'refused without a reason',
    ...(remedy === undefined ? {} : { remedy }),
    ...(field === undefined ? {} : { field }),
  };
}

function readHead({ body }: UnixAnswer): Result<AuditHead> {
  const { chain, at, head } = Object(parseJson(body));
  if (typeof chain === 'string' && typeof at === 'number' && typeof head === 'string')
    return succeed({ chain, at, head });
  return refuse({
    code: 'control-plane-refused',
    message: 'the answer does not say how far the audit log is',
    remedy: 'check that agent and control plane are of the same version',
  });
}

function readToken({ body }: UnixAnswer): Result<string> {
  const token: unknown = Reflect.get(Object(parseJson(body)), 'token');
  if (typeof token === 'string' && token !== '') return succeed(token);
  return refuse({
    code: 'control-plane-refused',
    message: 'the answer holds no token',
    remedy: 'check that agent and control plane are of the same version',
  });
}

/** Undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
