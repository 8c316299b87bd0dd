// Records for tests of audit chains.
import type { AuditRecord } from '../audit/record.ts';

export const changeOf = (revision: number): AuditRecord => ({
  kind: 'change',
  time: new Date(revision * 1_000).toISOString(),
  revision,
  author: 'somebody',
  owner: 'api',
  object: 'Service/default/reviews',
  change: 'configured',
  fields: ['~spec.ports'],
});
