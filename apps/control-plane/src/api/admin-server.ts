// The admin API on a Unix socket: whoever may open the file may use it, so it is 0600.
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { fail, type Result, succeed } from '@xebec/std';
import fastify, { type FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import { countPolicyObjects } from '../policy/policy-kinds.ts';
import { addAnalysisRoutes } from './analysis-api.ts';
import { addAuditRoutes } from './audit-api.ts';
import { addAuthorityRoutes } from './authority-api.ts';
import { addAuthorizationRoutes } from './authorization-api.ts';
import { addLocateRoutes } from './locate-api.ts';
import { addObjectRoutes } from './objects-api.ts';
import { addPlatformRoutes } from './platform-api.ts';
import { addProxyRoutes } from './proxies-api.ts';

const bodyLimitBytes = 64 * 1024 * 1024;

export async function startAdminServer(
  context: ControlPlaneContext,
  socket: string,
): Promise<Result<FastifyInstance>> {
  if (existsSync(socket)) {
    if (await isAnswering(socket)) {
      return fail({
        severity: 'error',
        code: 'control-socket-in-use',
        message: `another control plane answers at ${socket}`,
        remedy: 'stop it with `xebec down`, or choose another --state',
      });
    }
    rmSync(socket);
  }
  const server = fastify({ bodyLimit: bodyLimitBytes, forceCloseConnections: true });
  addObjectRoutes(server, context);
  addAnalysisRoutes(server, context);
  addAuthorizationRoutes(server, context);
  addAuditRoutes(server, context.audit);
  addLocateRoutes(server, context);
  addProxyRoutes(server, context);
  addPlatformRoutes(server, context);
  addAuthorityRoutes(server, context);
  addStatusRoutes(server, context);
  try {
    await server.listen({ path: socket });
    chmodSync(socket, 0o600);
    return succeed(server);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      severity: 'error',
      code: 'cannot-listen',
      message: `cannot listen on ${socket}: ${reason}`,
      remedy: 'choose another --state directory; socket paths must be shorter than 100 bytes',
    });
  }
}

function isAnswering(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.on('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}

function addStatusRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  const { store, graph, xds } = context;
  server.get('/v1/version', () => ({ version: context.version, node: process.version }));
  server.get('/v1/status', () => ({
    isReady: context.isReady(),
    version: context.version,
    startedAtMs: context.startedAtMs,
    revision: store.latest,
    epoch: graph.epoch,
    objects: store.list().length,
    proxies: new Set(xds.statuses().map(({ client }) => client)).size,
    verdicts: store.verdicts(),
    conflicts: [...context.mesh.conflicts.entries()].map(([, conflict]) => conflict),
    problems: context.health.unwell(),
    patchChecks: context.health.patchChecks(),
    policyServices: context.policyServices.statuses(),
    policyObjects: countPolicyObjects(store),
    faults: graph.errors().map(({ collection, key, error }) => ({ collection, key, message: String(error) })),
    counters: xds.counters(),
  }));
}
