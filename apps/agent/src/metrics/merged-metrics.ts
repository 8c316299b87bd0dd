// One page of metrics for a workload: its proxy's and, when it says it has some, its application's.
import http from 'node:http';
import type { CapturedWorkload } from '../capture/capture.ts';
import { collectText } from '../control/unix-http.ts';
import type { EnvoyAdmin } from '../envoy/envoy-admin.ts';
import { messageOf } from '../problem.ts';
import { rewriteEnvoyMetrics } from './prometheus-text.ts';

/** Where the application's own metrics are. */
export interface ScrapeTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Where to ask from; default: anywhere. */
  readonly localAddress?: string;
}

const timeoutMs = 5_000;
const mostBytes = 64 * 1024 * 1024;

/** From the annotations `prometheus.io/scrape`, `port` and `path`; undefined when the application has no metrics. */
export function scrapeTargetOf(
  annotations: Readonly<Record<string, string>>,
  place: {
    readonly captured: Pick<CapturedWorkload, 'applicationAddress' | 'probeSource'>;
    readonly defaultPort: number | undefined;
  },
): ScrapeTarget | undefined {
  if (annotations['prometheus.io/scrape'] !== 'true') return undefined;
  const port = Number(annotations['prometheus.io/port'] ?? place.defaultPort);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const path = annotations['prometheus.io/path'] ?? '/metrics';
  const { applicationAddress: host, probeSource } = place.captured;
  return {
    host,
    port,
    path: path.startsWith('/') ? path : `/${path}`,
    ...(probeSource === undefined ? {} : { localAddress: probeSource }),
  };
}

export interface MetricsSources {
  readonly admin: EnvoyAdmin;
  readonly application: ScrapeTarget | undefined;
}

/** The merged page; a source that fails is a comment and a counted failure, never the end of the other. */
export async function mergeMetrics({ admin, application }: MetricsSources): Promise<string> {
  const [proxy, own] = await Promise.all([
    part('envoy', async () => rewriteEnvoyMetrics(await admin.text('/stats/prometheus'))),
    application === undefined ? undefined : part('application', () => scrape(application)),
  ]);
  const parts = own === undefined ? [proxy] : [proxy, own];
  const failed = parts.map(
    ({ name, isFailed }) => `xebec_agent_scrape_failed{source="${name}"} ${isFailed ? 1 : 0}\n`,
  );
  return [
    ...parts.map(({ text }) => withNewline(text)),
    '# TYPE xebec_agent_scrape_failed gauge\n',
    ...failed,
  ].join('');
}

interface Part {
  readonly name: string;
  readonly text: string;
  readonly isFailed: boolean;
}

async function part(name: string, read: () => Promise<string>): Promise<Part> {
  try {
    return { name, text: await read(), isFailed: false };
  } catch (error) {
    const reason = messageOf(error).replaceAll(/\s+/g, ' ');
    return { name, text: `# ${name}: ${reason}\n`, isFailed: true };
  }
}

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

async function scrape(target: ScrapeTarget): Promise<string> {
  const response = await get(target);
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`status ${response.statusCode}`);
  }
  return withoutEnd(await collectText(response, mostBytes));
}

const get = (target: ScrapeTarget): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { accept: 'text/plain;version=0.0.4' };
    http.get({ ...target, agent: false, signal, headers }, resolve).on('error', reject);
  });

/** OpenMetrics says `# EOF` at its end, which here is not the end. */
const withoutEnd = (text: string): string => text.replace(/\n# EOF\s*$/, '\n');
