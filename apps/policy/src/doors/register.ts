// All doors at once: one line a door. The rule: what proxies say is believed only where proxies themselves come in; programs find those doors closed, however they come.
import type { Server } from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import { accessLogMethods } from './access-log/service.ts';
import { createPolicyCalls, type PolicyCalls } from './calls/policy-calls.ts';
import { authorizationMethods } from './ext-authz/service.ts';
import { addJsonRoutes } from './http-json/routes.ts';
import { mixerMethods } from './mixer/service.ts';
import type { DoorOptions } from './options.ts';
import { otlpLogsMethods } from './otlp-logs/service.ts';
import { policyMethods } from './own/service.ts';
import { rateLimitMethods } from './rate-limit/service.ts';
import { rateLimitQuotaMethods } from './rate-limit-quota/service.ts';
import { closedMethod } from './rpc/closed-method.ts';
import { createGate, type Gate, localGate } from './rpc/gate.ts';
import { addMethods, type Method } from './rpc/unary.ts';

/** gRPC servers made with `doorServerOptions`, by who comes to them. */
export interface DoorServers {
  /** Programs of the mesh, with a certificate or a token. */
  readonly programs?: Server;
  /** Proxies themselves. Nothing that an application sends may get here. */
  readonly proxies?: Server;
  /** Plaintext; what callers may do there, `plaintextCallers` says. */
  readonly local?: Server;
}

export interface Doors {
  /** Ends streams and sessions, which gives back what they hold; calls under way are answered. */
  close(): Promise<void>;
}

/** Adds the services to the gRPC servers, and the routes under `/v1` to the HTTP server. */
export function registerDoors(
  { programs, proxies, local }: DoorServers,
  http: FastifyInstance | undefined,
  options: DoorOptions,
): Doors {
  const gate = createGate(options);
  const calls = createPolicyCalls(gate);
  const open = new Set<() => void>();
  const shared = { gate, calls, open };
  if (programs !== undefined) {
    addMethods(programs, [...forPrograms(shared), ...mixerMethods(gate, calls, 'programs')]);
    addMethods(
      programs,
      forProxies(shared).map((method) => closedMethod(gate, method)),
    );
  }
  if (proxies !== undefined)
    addMethods(proxies, [...forProxies(shared), ...mixerMethods(gate, calls, 'proxies')]);
  if (local !== undefined) {
    const own = { ...shared, gate: localGate(gate) };
    addMethods(local, [
      ...forPrograms(own),
      ...forProxies(own),
      ...mixerMethods(own.gate, calls, 'programs'),
    ]);
  }
  if (http !== undefined) addJsonRoutes(http, gate, calls);
  return {
    async close() {
      for (const close of [...open]) close();
    },
  };
}

interface Shared {
  readonly gate: Gate;
  readonly calls: PolicyCalls;
  readonly open: Set<() => void>;
}

const forPrograms = ({ gate, calls, open }: Shared): readonly Method[] => [
  ...policyMethods(gate, calls, open),
  ...otlpLogsMethods(gate, calls),
];

const forProxies = ({ gate, open }: Shared): readonly Method[] => [
  ...authorizationMethods(gate),
  ...accessLogMethods(gate, open),
  ...rateLimitMethods(gate),
  ...rateLimitQuotaMethods(gate, open),
];
