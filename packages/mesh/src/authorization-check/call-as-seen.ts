// A call as the proxy of its destination sees it, and what is decided about it before policies are asked.
import { isIpAddress } from '@xebec/config';
import { isDecisive } from '@xebec/model';
import { modeOfPort } from '../peer-policies.ts';
import { trustDomainsOf } from '../settings.ts';
import type { Acceptance } from './acceptances.ts';
import type { CheckedCall, CheckedRequest } from './call.ts';
import type { Caller, Target } from './parties.ts';
import { normalizePath } from './paths.ts';
import type { AuthorizationQuestion, CheckScene } from './question.ts';
import { headersAfter, readToken, type TokenReading } from './tokens.ts';

export interface CallContext {
  readonly caller: Caller;
  readonly target: Target;
  readonly scene: CheckScene;
}

/** What is decided before policies are asked. */
export type EarlyReason =
  | 'not-enforced'
  | 'mutual-tls-required'
  | 'foreign-identity'
  | 'bad-token'
  | 'bad-request'
  | 'unproven-datagram';

interface AcceptedContext extends CallContext {
  readonly accepted: Acceptance;
}

export function callOf(question: AuthorizationQuestion, context: AcceptedContext): CheckedCall | EarlyReason {
  const { target, scene, accepted } = context;
  const { workload, port, protocol } = target;
  if (!workload.isMeshed && workload.isGateway !== true) return 'not-enforced';
  const client = clientOf(question, context);
  if (typeof client === 'string') return client;
  const isBare = client.identity === undefined;
  if (protocol === 'udp' && isBare && accepted.authorization.some(isDecisive)) return 'unproven-datagram';
  const request = speaksHttp(target) ? requestOf(question, context) : undefined;
  if (request === 'bad-request') return request;
  const token = request === undefined ? noToken : readToken(question, accepted.authentication, scene);
  if (token.kind === 'refused') return 'bad-token';
  const [address] = scene.isRunning ? workload.addresses : [];
  const serverName = question.sni ?? (isBare && workload.isGateway !== true ? '' : undefined);
  return {
    client,
    destination: {
      ...(address === undefined ? {} : { address }),
      ...(port === undefined ? {} : { port }),
    },
    ...(serverName === undefined ? {} : { serverName }),
    ...(request === undefined ? {} : { http: withToken(request, token, accepted) }),
  };
}

const noToken: TokenReading = { kind: 'none' };

function withToken(
  request: CheckedRequest,
  token: TokenReading,
  { authentication }: Acceptance,
): CheckedRequest {
  if (authentication.length === 0) return request;
  const headers = headersAfter(request.headers, token, authentication);
  return { ...request, headers, ...(token.kind === 'verified' ? { claims: token.claims } : {}) };
}

export const speaksHttp = ({ protocol }: Target): boolean =>
  protocol === 'auto' || ['http', 'http2', 'grpc', 'grpc-web'].includes(protocol);

function clientOf(
  question: AuthorizationQuestion,
  { caller, target, scene, accepted }: AcceptedContext,
): CheckedCall['client'] | EarlyReason {
  const { workload, port } = target;
  const addresses = addressesOf(question, target, scene);
  const { identity } = caller;
  if (workload.isGateway === true)
    return { ...(identity === undefined ? {} : { identity, isUnclear: true }), ...addresses };
  const mode = port === undefined ? accepted.peer.mode : modeOfPort(accepted.peer, port);
  if (identity === undefined) return mode === 'STRICT' ? 'mutual-tls-required' : addresses;
  if (mode === 'DISABLE') return addresses;
  const domains = [...trustDomainsOf(scene.settings), ...(scene.settings.federatedDomains ?? [])];
  const isKnown = domains.some((name) => identity.startsWith(`spiffe://${name}/`));
  return isKnown ? { identity, ...addresses } : 'foreign-identity';
}

/** What the proxy takes for the client's address. Before a gateway others may stand that are believed. */
function addressesOf(
  { ip, headers = [] }: AuthorizationQuestion,
  target: Target,
  { settings }: CheckScene,
): Pick<CheckedCall['client'], 'address' | 'originalAddress'> {
  const isEdge = target.workload.isGateway === true;
  const trusted = settings.gatewayTopology?.trustedProxies ?? 0;
  const isForwarding = speaksHttp(target) && (isEdge ? trusted > 0 : true);
  const told = isForwarding ? forwardedFor(headers, isEdge ? trusted : 1) : undefined;
  const original = told ?? (isEdge && trusted > 0 ? undefined : ip);
  return {
    ...(ip === undefined ? {} : { address: ip }),
    ...(original === undefined ? {} : { originalAddress: original }),
  };
}

/** The address at this place from the end of `x-forwarded-for`. */
function forwardedFor(
  headers: NonNullable<AuthorizationQuestion['headers']>,
  place: number,
): string | undefined {
  const told = headers.filter(([name]) => name.toLowerCase() === 'x-forwarded-for').map(([, value]) => value);
  const address = told.join(',').split(',').at(-place)?.trim();
  return address !== undefined && isIpAddress(address) ? address : undefined;
}

function requestOf(
  question: AuthorizationQuestion,
  context: Pick<CallContext, 'caller' | 'scene'>,
): CheckedRequest | 'bad-request' {
  const { method, path: written, host, headers = [] } = question;
  const path = written === undefined ? undefined : pathSeen(written, context);
  if (written !== undefined && path === undefined) return 'bad-request';
  const values: Record<string, readonly string[]> = Object.create(null);
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    values[key] = [...(values[key] ?? []), value];
  }
  const authority = (host ?? values['host']?.[0])?.replace(/\.(?=$|:\d+$)/, '');
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(authority === undefined ? {} : { host: authority }),
    headers: values,
  };
}

/** A second proxy may find something to do in what the first has made of it. */
export function pathSeen(
  written: string,
  { caller, scene }: Pick<CallContext, 'caller' | 'scene'>,
): string | undefined {
  const { pathNormalization } = scene.settings;
  const path = normalizePath(written, pathNormalization);
  return path === undefined || !caller.hasProxy ? path : normalizePath(path, pathNormalization);
}
