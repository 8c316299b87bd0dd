// All doors at once: one line a door. The gRPC ones share a port, those of HTTP another.
import type { Server } from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import { accessLogMethods } from './access-log/service.ts';
import { createPolicyCalls } from './calls/policy-calls.ts';
import { authorizationMethods } from './ext-authz/service.ts';
import { addJsonRoutes } from './http-json/routes.ts';
import { mixerMethods } from './mixer/service.ts';
import type { DoorOptions } from './options.ts';
import { otlpLogsMethods } from './otlp-logs/service.ts';
import { policyMethods } from './own/service.ts';
import { rateLimitMethods } from './rate-limit/service.ts';
import { rateLimitQuotaMethods } from './rate-limit-quota/service.ts';
import { createGate } from './rpc/gate.ts';
import { addMethods } from './rpc/unary.ts';

export interface Doors {
  /** Ends streams and sessions, which gives back what they hold; calls under way are answered. */
  close(): Promise<void>;
}

/** Adds the services to a gRPC server made with `doorServerOptions`, and the routes under `/v1` to the HTTP server. */
export function registerDoors(
  server: Server,
  http: FastifyInstance | undefined,
  options: DoorOptions,
): Doors {
  const gate = createGate(options);
  const calls = createPolicyCalls(gate);
  const open = new Set<() => void>();
  addMethods(server, policyMethods(gate, calls, open));
  if (http !== undefined) addJsonRoutes(http, gate, calls);
  addMethods(server, mixerMethods(gate, calls));
  addMethods(server, authorizationMethods(gate));
  addMethods(server, accessLogMethods(gate, open));
  addMethods(server, rateLimitMethods(gate));
  addMethods(server, rateLimitQuotaMethods(gate, open));
  addMethods(server, otlpLogsMethods(gate, calls));
  return {
    async close() {
      for (const close of [...open]) close();
    },
  };
}
