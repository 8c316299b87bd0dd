// Opens all ports of a policy service, or none.
import type { TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { Authenticator } from '@xebec/ca';

import { refuseMetrics } from '@xebec/ca';
import type { EdgeBoard } from '@xebec/policy';
import { type Result, succeed } from '@xebec/std';
import type { Registry } from 'prom-client';
import type { DoorOptions } from '../doors/options.ts';
import { registerDoors } from '../doors/register.ts';
import { serveEdges } from '../edges/edge-routes.ts';
import type { PolicyIdentity } from '../identity/identity.ts';
import type { PolicyServiceEvent, PolicyServiceHandle, PolicyServiceOptions } from '../options.ts';
import { meshCallers } from './callers.ts';
import { isLoopback, newGrpcServer, servePlaintext, shutDown } from './grpc-server.ts';
import { hostAndPort } from './host-and-port.ts';
import { listenHttp, newHttpServer } from './http-server.ts';
import { openMutualPort } from './mutual-port.ts';

export interface DoorsRequest {
  readonly options: PolicyServiceOptions;
  readonly emit: (event: PolicyServiceEvent) => void;
  readonly identity: PolicyIdentity;
  /** Programs that come with a token. */
  readonly tokens: readonly Authenticator[];
  readonly registry: Registry;
  readonly edges: EdgeBoard;
  readonly unready: () => string | undefined;
  readonly doors: Pick<DoorOptions, 'engine' | 'vocabulary' | 'workloads' | 'metrics'>;
}

export interface OpenDoors {
  readonly addresses: PolicyServiceHandle['addresses'];
  close(): Promise<void>;
}

const patienceMs = 3_000;

/** For connections whose TLS is done. */
function injector(server: Server): (connection: TLSSocket) => void {
  const { injectConnection } = server.createConnectionInjector(ServerCredentials.createInsecure());
  return injectConnection;
}

export async function openDoors(request: DoorsRequest): Promise<Result<OpenDoors>> {
  const opened: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.reverse()) await one();
  };
  const addresses = await open(request, (one) => opened.push(one));
  if (addresses.ok) return succeed({ addresses: addresses.value, close });
  await close();
  return addresses;
}

/** Whoever starts at the same moment may take a port: only binding it shows whether it is free. */
const orAnyPort =
  (isWanted: boolean) =>
  async <T>(address: string, bind: (address: string) => Promise<Result<T>>): Promise<Result<T>> => {
    const bound = await bind(address);
    return bound.ok || !isWanted ? bound : bind(`${hostAndPort(address).shown}:0`);
  };

type Keep = (close: () => Promise<unknown>) => void;

async function open(request: DoorsRequest, keep: Keep): Promise<Result<OpenDoors['addresses']>> {
  const { options, emit, identity, registry } = request;
  const { trustDomain = 'cluster.local', listenPlaintext, metricsAccess } = options;
  const authenticators = [meshCallers(identity, trustDomain), ...request.tokens];
  const http = newHttpServer({ registry, access: metricsAccess, unready: request.unready });
  serveEdges(http, request.edges, {
    path: '/v1/edges',
    refuse: (authorization) => refuseMetrics(metricsAccess, authorization),
  });
  keep(() => http.close());
  const [programs, proxies, local] = [newGrpcServer(), newGrpcServer(), newGrpcServer()];
  // In plaintext they are programs of this machine, or nobody.
  const plaintextCallers = isLoopback(options.http) ? 'apps' : 'refused';
  const doors = registerDoors({ programs, proxies, local }, http, {
    ...{ ...request.doors, authenticators, plaintextCallers },
    ...(options.anonymousMay === undefined ? {} : { anonymousMay: options.anonymousMay }),
  });
  keep(() => Promise.all([programs, proxies, local].map((each) => shutDown(each, patienceMs))));
  keep(() => doors.close());
  const at = orAnyPort(options.orAnyPort === true);
  const listening = await at(options.http, (address) => listenHttp(http, address));
  if (!listening.ok) return listening;
  const takers = {
    programs: injector(programs),
    proxies: injector(proxies),
    json: (connection: TLSSocket) => void http.server.emit('connection', connection),
  };
  const mutual = await at(options.listen, (address) => openMutualPort(address, identity, takers));
  if (!mutual.ok) return mutual;
  keep(async () => mutual.value.close());
  const plaintext = listenPlaintext === undefined ? undefined : await servePlaintext(local, listenPlaintext);
  if (plaintext?.ok === false) return plaintext;
  const addresses = {
    grpc: mutual.value.address,
    http: listening.value,
    ...(plaintext === undefined ? {} : { grpcPlaintext: plaintext.value }),
  };
  emit({ kind: 'listening', what: 'grpc', address: addresses.grpc });
  if (addresses.grpcPlaintext !== undefined)
    emit({ kind: 'listening', what: 'grpc-plaintext', address: addresses.grpcPlaintext });
  emit({ kind: 'listening', what: 'http', address: addresses.http });
  return succeed(addresses);
}
