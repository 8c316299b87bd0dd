// What agents ask before a proxy starts: with how many threads and which environment.
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import type { StartingProxy } from '../proxies/proxy-launches.ts';

const schema = {
  body: {
    type: 'object',
    required: ['namespace', 'labels'],
    properties: {
      namespace: { type: 'string', maxLength: 253 },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
} as const;

export function addLaunchRoute(server: FastifyInstance, { launchOf }: ControlPlaneContext): void {
  server.post<{ Body: StartingProxy }>('/v1/proxy-launch', { schema }, ({ body }) => {
    const { concurrency, environment } = launchOf(body);
    return { ...(concurrency === undefined ? {} : { concurrency }), environment: { ...environment } };
  });
}
