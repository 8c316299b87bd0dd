// The adapters inside the policy service: one line each.
import {
  type Adapter,
  type BuildRemoteHandler,
  createDogstatsd,
  createEdges,
  createFluentd,
  createOpa,
  createOpentelemetry,
  createPrometheus,
  createStatsd,
  createStdio,
  createWebhook,
  createZipkin,
  type EdgeBoard,
  erased,
  inProcessAdapters,
  type MetricBoard,
  type PoolPorts,
} from '@xebec/policy';
import { openForward } from './backends/fluentd/open-forward.ts';
import { createOpenHttp } from './backends/http/open-http.ts';
import { createListSource } from './backends/lists/list-source.ts';
import { openOpaProgram } from './backends/opa/open-opa-program.ts';
import { openDatagramSink } from './backends/statsd/datagram-sink.ts';
import { openLineSink } from './backends/stdio/line-sink.ts';
import type { SecretReader } from './configuration/held-secrets.ts';
import type { WorkloadDirectory } from './doors/workload-directory.ts';

/** What adapters that do I/O need of the process. */
export interface AdapterSurroundings {
  /** Holds what adapters keep. */
  readonly stateDirectory: string;
  readonly quotas: PoolPorts;
  /** Who is who. */
  readonly workloads: WorkloadDirectory;
  /** How adapters outside are called. */
  readonly buildRemote: BuildRemoteHandler;
  /** What is shown on the page of metrics. */
  readonly board: MetricBoard;
  /** Who calls whom. */
  readonly edges: EdgeBoard;
  /** What handlers name as files. */
  readonly secrets: SecretReader;
}

export const createAdapters = ({
  quotas,
  workloads,
  buildRemote,
  board,
  edges,
  secrets,
}: AdapterSurroundings): readonly Adapter[] => {
  const openHttp = createOpenHttp(secrets);
  return [
    ...inProcessAdapters({ quotas, workloads, buildRemote, lists: createListSource() }),
    erased(createPrometheus(board)),
    erased(createStdio(openLineSink)),
    erased(createStatsd(openDatagramSink)),
    erased(createDogstatsd(openDatagramSink)),
    erased(createWebhook(openHttp)),
    erased(createOpa({ http: openHttp, program: openOpaProgram })),
    erased(createOpentelemetry(openHttp)),
    erased(createZipkin(openHttp)),
    erased(createFluentd(openForward)),
    erased(createEdges(edges)),
  ];
};
