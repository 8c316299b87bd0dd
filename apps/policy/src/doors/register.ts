// All doors at once: one line a door. The gRPC ones share a port, those of HTTP another.
import type { Server } from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import type { DoorOptions } from './options.ts';

export interface Doors {
  /** Ends streams and sessions; calls under way are answered. */
  close(): Promise<void>;
}

/** Adds the services to a gRPC server made with `doorServerOptions`, and the routes under `/v1` to the HTTP server. */
export function registerDoors(
  _server: Server,
  _http: FastifyInstance | undefined,
  _options: DoorOptions,
): Doors {
  return { close: async () => undefined };
}
