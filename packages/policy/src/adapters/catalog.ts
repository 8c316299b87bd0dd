// The adapters inside the policy service: those that need nothing from outside, and the forms of all, by which handlers are checked before they are accepted.
import { createPoolAdapter, type PoolPorts, quotaPoolForm } from '../quotas/pools/pool-adapter.ts';
import { bypass } from './bypass/bypass.ts';
import { denier } from './denier/denier.ts';
import { edgesForm } from './edges/edges.ts';
import { fluentdForm } from './fluentd/fluentd.ts';
import { kubernetesenv, type WorkloadIndex } from './kubernetesenv/kubernetesenv.ts';
import { type ListSource, listAdapter } from './list/list.ts';
import { createMemquotaAdapter, memquotaForm } from './memquota/memquota.ts';
import { noop } from './noop/noop.ts';
import { opaForm } from './opa/opa.ts';
import { opentelemetryForm } from './opentelemetry/opentelemetry.ts';
import { prometheusForm } from './prometheus/prometheus.ts';
import { rbac } from './rbac/rbac.ts';
import { createRedisquotaAdapter, redisquotaForm } from './redisquota/redisquota.ts';
import type { Adapter, AdapterForm, BuildRemoteHandler } from './sdk.ts';
import { dogstatsdForm, statsdForm } from './statsd/statsd.ts';
import { stdioForm } from './stdio/stdio.ts';
import { webhookForm } from './webhook/webhook.ts';
import { zipkinForm } from './zipkin/zipkin.ts';

/** What adapters of this package are given by the process they run in. */
export interface AdapterPorts {
  /** Fetches lists; without it only lists written out can be used. */
  readonly lists?: ListSource;
  /** Who is who; without it nobody is known. */
  readonly workloads?: WorkloadIndex;
  /** Calls adapters outside. */
  readonly buildRemote?: BuildRemoteHandler;
  /** Counts quotas; without it there are none. */
  readonly quotas?: PoolPorts;
}

/** What `parse` gives goes to `build` and nowhere else. */
export const erased = <Config>(adapter: Adapter<Config>): Adapter => ({
  ...adapter,
  build: (config, context) => adapter.build(config as Config, context),
});

/** Ready to be used by an engine; adapters with a backend of their own are added to them. */
export const inProcessAdapters = ({
  lists,
  workloads,
  buildRemote,
  quotas,
}: AdapterPorts): readonly Adapter[] => [
  erased(denier),
  erased(listAdapter(lists)),
  erased(noop),
  erased(bypass(buildRemote)),
  erased(rbac),
  erased(kubernetesenv(workloads)),
  ...(quotas === undefined ? [] : quotaAdapters(quotas)),
];

const quotaAdapters = (ports: PoolPorts): readonly Adapter[] => [
  erased(createMemquotaAdapter(ports.memory)),
  erased(createPoolAdapter(ports)),
  ...(ports.openRedis === undefined ? [] : [erased(createRedisquotaAdapter(ports.openRedis))]),
];

/** Of every adapter that the policy service has: add the form of yours. */
export const adapterForms: readonly AdapterForm[] = [
  ...inProcessAdapters({}),
  memquotaForm,
  redisquotaForm,
  quotaPoolForm,
  prometheusForm,
  stdioForm,
  webhookForm,
  opaForm,
  opentelemetryForm,
  zipkinForm,
  fluentdForm,
  edgesForm,
  statsdForm,
  dogstatsdForm,
];
