// A workload of a WorkloadGroup has no Pod: what would be said about one is said as its health, and its end at once.
import { succeed } from '@xebec/std';
import type { ControlClient, Manifest } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import type { Program } from '../options.ts';
import type { PodReporterOptions } from './pod-reporter.ts';

const longestMessage = 1_000;

/** Takes Pods as the control plane would, and tells it what their group needs to know. */
export function groupMember(
  client: Pick<ControlClient, 'reportHealth'>,
  { namespace, workloadGroup: group = '' }: Pick<Program, 'namespace' | 'workloadGroup'>,
): PodReporterOptions['client'] {
  let known = '';
  const tell = (address: string, state: 'healthy' | 'unhealthy' | 'gone', message = '') =>
    client.reportHealth({ namespace, group, address, state, message: message.slice(0, longestMessage) });
  return {
    putRuntime(pod) {
      const { address, isHealthy, message } = read(pod);
      if (address === '') return Promise.resolve(succeed(undefined));
      known = address;
      return tell(address, isHealthy ? 'healthy' : 'unhealthy', message);
    },
    deleteRuntime: () => (known === '' ? Promise.resolve(succeed(undefined)) : tell(known, 'gone')),
  };
}

function read({ metadata, status }: Manifest) {
  const { podIP, conditions, message } = isRecord(status) ? status : {};
  const isLeaving = isRecord(metadata) && metadata['deletionTimestamp'] !== undefined;
  const ready = Array.isArray(conditions)
    ? conditions.filter(isRecord).find(({ type }) => type === 'Ready')
    : undefined;
  return {
    address: typeof podIP === 'string' ? podIP : '',
    isHealthy: !isLeaving && ready?.['status'] === 'True',
    message: typeof message === 'string' ? message : '',
  };
}
