// What is counted of audit records: by the agent, and by a proxy that could not send some.
import type { AuditCounts } from '@xebec/journal-file';
import type { EnvoyAdmin } from '../envoy/envoy-admin.ts';

const metrics = [
  ['xebec_audit_records_total', 'counter', 'written'],
  ['xebec_audit_lost_total', 'counter', 'lost'],
  ['xebec_audit_waiting', 'gauge', 'waiting'],
] as const;

/** For the page of metrics; the same for all workloads of an agent. */
export const auditMetrics = (counts: AuditCounts): string =>
  metrics.map(([name, type, count]) => `# TYPE ${name} ${type}\n${name} ${counts[count]}\n`).join('');

/** Records that the proxy dropped because the agent did not take them in time. */
export async function droppedRecords(admin: Pick<EnvoyAdmin, 'text'>): Promise<number> {
  const text = await admin.text('/stats?filter=%5Eaccess_logs%5C.grpc_access_log%5C.logs_dropped%24');
  return Number(/: (\d+)/.exec(text)?.[1] ?? 0);
}
