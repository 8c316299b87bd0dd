// Who has what is trusted now, and who not: a step of a rotation is proven only when nobody is left, whether connected or not.
import type { MeshAuthority } from '@xebec/ca';
import type { ControlPlaneContext } from '../context.ts';
import type { ProxyRegistry } from '../proxies/registry.ts';
import type { TrustReports } from './trust-reports.ts';

/** A workload that keeps a rotation where it is. */
export interface Awaited {
  /** `NAME.NAMESPACE`. */
  readonly workload: string;
  readonly reason: string;
}

export interface ProofSources {
  readonly authority: Pick<MeshAuthority, 'bundle' | 'rotation'>;
  readonly reports: TrustReports;
  readonly registry: Pick<ProxyRegistry, 'proxy'>;
  readonly xds: Pick<ControlPlaneContext['xds'], 'statuses'>;
  readonly store: Pick<ControlPlaneContext['store'], 'list'>;
  /** Absent: no other mesh fetches what is trusted here. */
  readonly followers?: FollowersPatience | undefined;
}

/** Other meshes fetch what is trusted here every so often, and nobody tells who has. */
export interface FollowersPatience {
  readonly refreshHintMs: number;
}

/** In force at its proxy: the bundle, and from `reissue` on a certificate of the right issuer. */
export function awaited(sources: ProofSources): readonly Awaited[] {
  const { registry, reports, xds } = sources;
  const seen = new Set<string>();
  const waiting: Awaited[] = [];
  const clients = new Map(
    xds
      .statuses()
      .filter(({ peer }) => !peer.isPlaintext)
      .map(({ client }) => [client, registry.proxy(client)]),
  );
  for (const [client, proxy] of clients) {
    const workload = proxy === undefined ? client : `${proxy.name}.${proxy.namespace}`;
    seen.add(workload);
    const reason = lacking(sources, client);
    if (reason !== undefined) waiting.push({ workload, reason });
  }
  for (const { node } of reports.all) {
    if (clients.has(node)) continue;
    const workload = node.split('~')[2] ?? node;
    seen.add(workload);
    const reason = lacking(sources, node);
    if (reason !== undefined) waiting.push({ workload, reason });
  }
  for (const workload of meshedPods(sources)) {
    if (!seen.has(workload)) waiting.push({ workload, reason: 'its proxy is not connected' });
  }
  return [...waiting, ...awaitedFollowers(sources)];
}

/** As SPIFFE Federation §4.1 asks: a root is told for three refreshes before anybody is signed by it. */
const refreshes = 3;

function awaitedFollowers({ authority: { rotation }, followers }: ProofSources): readonly Awaited[] {
  if (followers === undefined || rotation?.stage !== 'trust') return [];
  const untilMs = rotation.stageSinceMs + refreshes * followers.refreshHintMs;
  if (Date.now() >= untilMs) return [];
  const until = new Date(untilMs).toISOString().replace(/\.\d+Z/, 'Z');
  return [
    { workload: 'other meshes', reason: `they fetch the bundle of this one, and have time until ${until}` },
  ];
}

function lacking({ authority, reports }: ProofSources, node: string): string | undefined {
  const { bundle } = authority;
  const report = reports.of(node);
  if (report === undefined) return 'its agent does not tell what its proxy trusts';
  if (report.bundle !== bundle.hash) return report.problem || 'its proxy does not yet have these roots';
  if (report.issuer !== bundle.issuer) return report.problem || 'its certificate is of the other issuer';
  return report.problem === '' ? undefined : report.problem;
}

const meshedLabel = 'service.istio.io/canonical-name';

/** Running Pods with a proxy. */
function meshedPods({ store }: ProofSources): readonly string[] {
  return store
    .list()
    .filter(({ key }) => key.startsWith('Pod/'))
    .flatMap(({ manifest }) => {
      const metadata = fieldsOf(manifest['metadata']);
      const isRunning = fieldsOf(manifest['status'])['phase'] === 'Running';
      const isMeshed = Object.hasOwn(fieldsOf(metadata['labels']), meshedLabel);
      const isLeaving = Object.hasOwn(metadata, 'deletionTimestamp');
      if (!isRunning || !isMeshed || isLeaving) return [];
      return [`${String(metadata['name'])}.${String(metadata['namespace'])}`];
    });
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
