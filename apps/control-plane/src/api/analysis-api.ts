// Findings of the running mesh over the admin API; computed when somebody asks, once for each state of the mesh.
import type { Finding } from '@xebec/mesh';
import type { FastifyInstance } from 'fastify';
import { analyzePipeline } from '../analysis/analyze-pipeline.ts';
import type { ControlPlaneContext } from '../context.ts';

export function addAnalysisRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  server.get<{ Querystring: { namespace?: string } }>('/v1/analysis', (request) => {
    const { namespace } = request.query;
    const items = analyzePipeline(context, context.health.unwell());
    return { items: namespace === undefined ? items : items.filter((each) => isIn(each, namespace)) };
  });
}

const isIn = (finding: Finding, namespace: string): boolean => finding.namespace === namespace;
