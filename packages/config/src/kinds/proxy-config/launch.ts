// How a proxy is started, as ProxyConfig, MeshConfig.defaultConfig and the annotation `proxy.istio.io/config` say it.
import { integer } from '../../decode/decoder.ts';
import { object, optional } from '../../decode/object.ts';
import { type Complaint, startWalk } from '../../decode/walk.ts';
import { emptyMap, plainMapOf } from '../../values/plain-map.ts';
import { environment } from './environment.ts';
import type { ProxyLaunch } from './spec.ts';

export const concurrency = integer(0, 1_024);

const annotation = object(
  { concurrency: optional(concurrency), proxyMetadata: optional(environment) },
  { isTolerant: true },
);

/** The same of a Pod's annotation; of one with mistakes nothing holds, and they are told. */
export function readProxyLaunch(written: Readonly<Record<string, unknown>>): {
  readonly launch: ProxyLaunch;
  readonly problems: readonly Complaint[];
} {
  const walk = startWalk({ name: '', namespace: '', labels: {}, annotations: {} });
  const { concurrency: threads, proxyMetadata } = written;
  const read = annotation({ concurrency: threads, proxyMetadata }, walk);
  const problems = walk.problems.map(({ code, message, remedy, path }) => ({
    code,
    message: `${path.join('.')}: ${message}`,
    remedy: remedy ?? 'remove it',
  }));
  return {
    launch: {
      ...(read?.concurrency === undefined ? {} : { concurrency: read.concurrency }),
      environment: read?.proxyMetadata ?? emptyMap,
    },
    problems,
  };
}

/** The first that says something about it holds; variables by name. */
export function mergeLaunches(first: ProxyLaunch, second: ProxyLaunch): ProxyLaunch {
  const threads = first.concurrency ?? second.concurrency;
  return {
    ...(threads === undefined ? {} : { concurrency: threads }),
    environment: plainMapOf({ ...second.environment, ...first.environment }),
  };
}
