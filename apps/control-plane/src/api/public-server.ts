// Health, for everybody, and metrics, for who has the token. No configuration and no names of workloads leave here.
import { type MetricsAccess, refuseMetrics } from '@xebec/ca';
import { fail, type Result, succeed } from '@xebec/std';
import fastify, { type FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ControlPlaneContext } from '../context.ts';
import { addExpiryMetrics } from './expiry-metrics.ts';

const mostConnections = 256;
/** Milliseconds for a request to come, and for a connection to be of use. */
const patience = { connectionTimeout: 30_000, requestTimeout: 5_000, keepAliveTimeout: 15_000 };

export async function startPublicServer(
  context: ControlPlaneContext,
  address: string,
  access: MetricsAccess | undefined,
): Promise<Result<FastifyInstance>> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  const port = Number(address.slice(colon + 1));
  const server = fastify({
    forceCloseConnections: true,
    bodyLimit: 1024,
    ...patience,
    http: { connectionsCheckingInterval: 1_000, headersTimeout: patience.requestTimeout },
  });
  server.server.maxConnections = mostConnections;
  const registry = metricsOf(context);
  server.get('/healthz', () => 'ok\n');
  server.get('/ready', (_request, reply) =>
    context.isReady() ? 'ready\n' : reply.code(503).send('not ready: configuration is still being read\n'),
  );
  server.get('/metrics', async (request, reply) => {
    const refusal = refuseMetrics(access, request.headers.authorization);
    if (refusal !== undefined) return reply.code(401).header('www-authenticate', 'Bearer').send(refusal);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  try {
    await server.listen({ host, port });
    return succeed(server);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      severity: 'error',
      code: 'cannot-listen',
      message: `cannot listen on ${address}: ${reason}`,
      remedy: 'choose another address with --http',
    });
  }
}

function metricsOf({ store, graph, xds, health, identities, audit }: ControlPlaneContext): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('xebec_revision', 'Number of the newest revision.', () => store.latest);
  gauge('xebec_epoch', 'Transactions of the graph.', () => graph.epoch);
  gauge('xebec_transform_runs_total', 'Transform runs since the start.', () =>
    Object.values(graph.runs()).reduce((sum, runs) => sum + runs, 0),
  );
  gauge(
    'xebec_transform_errors',
    'Transforms that keep a last good value because they failed.',
    () => graph.errors().length,
  );
  gauge('xebec_patch_checks_enabled', 'Whether there is an Envoy to check patched configuration with.', () =>
    health.patchChecks() === 'on' ? 1 : 0,
  );
  gauge('xebec_held_objects', 'Objects of which not the newest value is in force.', health.heldObjects);
  gauge('xebec_xds_streams', 'Open discovery streams.', () => xds.statuses().length);
  gauge(
    'xebec_audit_records_total',
    'Audit records written since the start.',
    () => audit?.chain.counts.written ?? 0,
  );
  gauge(
    'xebec_audit_lost_total',
    'Audit records that could not be kept.',
    () => audit?.chain.counts.lost ?? 0,
  );
  gauge('xebec_xds_sent_bytes_total', 'Bytes of discovery responses.', () => xds.counters().bytes);
  gauge(
    'xebec_xds_sent_resources_total',
    'Resources in discovery responses.',
    () => xds.counters().resources,
  );
  gauge('xebec_xds_refused_total', 'Discovery streams that were refused.', () => xds.counters().refusals);
  gauge(
    'xebec_xds_closed_connections_total',
    'Connections closed because nobody was known behind them, or there were too many.',
    () => xds.counters().refusedConnections,
  );
  gauge('xebec_xds_sent_responses_total', 'Discovery responses.', () => xds.counters().responses);
  addExpiryMetrics(registry, identities);
  return registry;
}
