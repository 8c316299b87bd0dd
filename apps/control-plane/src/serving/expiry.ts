// What expires: warnings 30, 10 and 3 days before a certificate of the authority ends, and for workloads whose renewal is overdue.
import type { MeshAuthority } from '@xebec/ca';
import type { Diagnostic } from '@xebec/std';
import type { HeardReport } from './trust-reports.ts';

const dayMs = 24 * 3_600_000;
/** Days before the end at which people are told again. */
const warningDays = [3, 10, 30] as const;
/** With less than this share of its life left a workload's certificate should have been renewed long ago. */
const overdueShare = 0.2;

export interface ExpirySources {
  readonly authority: Pick<MeshAuthority, 'certificates' | 'rotation'>;
  readonly reports: { readonly all: readonly HeardReport[] };
}

export interface ExpiryWarning extends Diagnostic {
  /** Changes when it gets worse; a warning is told once per key. */
  readonly key: string;
}

export const expiryWarnings = (sources: ExpirySources, nowMs: number): readonly ExpiryWarning[] => [
  ...authorityWarnings(sources.authority, nowMs),
  ...overdueReports(sources.reports.all, nowMs).map(overdueWarning),
];

function authorityWarnings(
  { certificates, rotation }: ExpirySources['authority'],
  nowMs: number,
): readonly ExpiryWarning[] {
  return certificates.flatMap(({ role, subject, fingerprint, notBefore, notAfter }) => {
    const leftMs = notAfter - nowMs;
    const days = leftMs <= 0 ? 0 : warningDays.find((limit) => leftMs <= limit * dayMs);
    // One that lives shorter than that would warn from its first day.
    const isShort = days !== undefined && days > 0 && leftMs > (notAfter - notBefore) / 2;
    if (days === undefined || isShort) return [];
    const ends = days === 0 ? 'has expired' : `expires in less than ${days} days`;
    const kind = role.endsWith('root') ? '' : ' --intermediate';
    const remedy =
      rotation === undefined
        ? `replace it with "xebec ca rotate${kind}"${days === 0 ? ', with --force if proxies cannot be reached any more' : ''}`
        : `a rotation is under way: "xebec ca status" tells what it waits for`;
    return [
      {
        key: `${fingerprint} ${days}`,
        severity: days === 0 || days === 3 ? 'error' : 'warning',
        code: days === 0 ? 'authority-expired' : 'authority-expires-soon',
        message: `the ${role} certificate ${subject} ${ends}, at ${new Date(notAfter).toISOString()}`,
        remedy,
      },
    ];
  });
}

export const overdueReports = (reports: readonly HeardReport[], nowMs: number): readonly HeardReport[] =>
  reports.filter(({ notBefore, notAfter }) => nowMs > notAfter - (notAfter - notBefore) * overdueShare);

function overdueWarning({ node, serial, notAfter }: HeardReport): ExpiryWarning {
  return {
    key: `${node} ${serial}`,
    severity: 'warning',
    code: 'certificate-not-renewed',
    message: `the certificate of ${node.split('~')[2] ?? node} ends at ${new Date(notAfter).toISOString()} and has not been renewed`,
    remedy: 'see the log of its agent; it asks again until it gets one',
  };
}
