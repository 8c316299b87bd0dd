// What agents find out about workloads of WorkloadGroups: healthy, not, or gone.
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';

interface Report {
  readonly namespace: string;
  readonly group: string;
  readonly address: string;
  readonly state: 'healthy' | 'unhealthy' | 'gone';
  readonly message: string;
}

const text = { type: 'string', maxLength: 1_024 } as const;
const body = {
  type: 'object',
  required: ['namespace', 'group', 'address', 'state'],
  properties: {
    namespace: text,
    group: text,
    address: text,
    state: { enum: ['healthy', 'unhealthy', 'gone'] },
    message: { ...text, default: '' },
  },
} as const;

export function addWorkloadHealthRoute(
  server: FastifyInstance,
  { registrations }: ControlPlaneContext,
): void {
  server.put<{ Body: Report }>('/v1/workload-health', { schema: { body } }, (request) => {
    const { namespace, group, address, state, message } = request.body;
    const place = { namespace, group, address };
    if (state === 'gone') registrations.leave(place);
    else registrations.report(place, { isHealthy: state === 'healthy', message });
    return { taken: true };
  });
}
