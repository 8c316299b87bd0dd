// Metrics of the authority: when its certificates end, how far a rotation is, and how many workloads are behind. No names of workloads.
import { Gauge, type Registry } from 'prom-client';
import type { CertificateAuthority } from '../serving/authority.ts';
import { overdueReports } from '../serving/expiry.ts';

export function addExpiryMetrics(registry: Registry, identities: CertificateAuthority | undefined): void {
  if (identities === undefined) return;
  const { authority, reports } = identities;
  const registers = [registry];
  new Gauge({
    name: 'xebec_ca_certificate_expiry_timestamp_seconds',
    help: 'When a certificate of the authority ends; of several with one role the first.',
    labelNames: ['role'],
    registers,
    collect() {
      this.reset();
      const ends = new Map<string, number>();
      for (const { role, notAfter } of authority.certificates)
        ends.set(role, Math.min(notAfter, ends.get(role) ?? Infinity));
      for (const [role, notAfter] of ends) this.set({ role }, notAfter / 1_000);
    },
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('xebec_ca_trusted_roots', 'Roots that are trusted now.', () => authority.bundle.rootsPem.length);
  gauge('xebec_ca_rotation_under_way', 'Whether a rotation is under way.', () =>
    authority.rotation === undefined ? 0 : 1,
  );
  gauge('xebec_ca_workloads', 'Workloads that tell what their proxies trust.', () => reports.all.length);
  gauge(
    'xebec_ca_workloads_behind',
    'Workloads whose proxies lack the newest roots, revocations or issuer.',
    () => {
      const { hash, issuer } = authority.bundle;
      return reports.all.filter((each) => each.bundle !== hash || each.issuer !== issuer).length;
    },
  );
  gauge(
    'xebec_ca_certificates_overdue',
    'Certificates of workloads with less than a fifth of their life left.',
    () => overdueReports(reports.all, Date.now()).length,
  );
  gauge(
    'xebec_ca_revoked_certificates',
    'Certificates that were taken back and have not ended.',
    () => authority.revocations.certificates.length,
  );
}
