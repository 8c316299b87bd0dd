// How far the audit logs are: agents tell it of theirs, so that nobody can shorten a log that this one knows.
import type { FastifyInstance } from 'fastify';
import type { AuditLog } from '../audit/audit-log.ts';

interface Head {
  readonly chain: string;
  readonly at: number;
  readonly head: string;
}

const body = {
  type: 'object',
  required: ['chain', 'at', 'head'],
  properties: {
    chain: { type: 'string', pattern: '^[0-9a-f-]{36}$' },
    at: { type: 'integer', minimum: 1 },
    head: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
};

/** Nothing where nothing is kept. */
export function addAuditRoutes(server: FastifyInstance, audit: AuditLog | undefined): void {
  if (audit === undefined) return;
  server.post<{ Body: Head }>('/v1/audit/heads', { schema: { body } }, ({ body: { chain, at, head } }) => {
    audit.anchor({ chain, at, head });
    const own = audit.chain.head;
    return { chain: audit.chain.id, at: own.seq, head: own.hash };
  });
}
