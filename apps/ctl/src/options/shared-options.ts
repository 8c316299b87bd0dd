// Options that several commands share: the same letter and the same words everywhere.
import { parseDurationMs } from '@xebec/std';
import { InvalidArgumentError, Option } from 'commander';

export const stateOption = (): Option =>
  new Option('--state <dir>', 'directory that holds the mesh (default: $XEBEC_STATE or ~/.xebec/default)');

export const fileOption = (): Option =>
  new Option(
    '-f, --filename <file|dir|->',
    'YAML file, directory of YAML files, or - for standard input; may be repeated',
  ).argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value]);

export const namespaceOption = (): Option =>
  new Option('-n, --namespace <name>', 'namespace').default('default');

export const outputOption = (...choices: readonly string[]): Option =>
  new Option('-o, --output <format>', 'output format').choices(choices).default('table');

const auditSinkForm =
  /^(stdout|unix:\/.+|grpcs:\/\/[^/]+:\d{1,5}|grpc:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\]):\d{1,5})$/;

/** `stdout`, or where a server takes Envoy's access logs. */
export const workloadKeyOption = (): Option =>
  new Option('--workload-key <kind>', 'keys of workloads (default: ecdsa-p256)').choices([
    ...['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'],
  ]);

export type WorkloadKey = 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096';

export const auditSinkOption = (): Option =>
  new Option(
    '--audit-sink <sink>',
    'where audit records go beside their files: stdout, grpc://LOOPBACK:PORT, grpcs://HOST:PORT or unix:PATH; may be repeated',
  ).argParser((value: string, previous: readonly string[] | undefined) => {
    if (!auditSinkForm.test(value))
      throw new InvalidArgumentError(
        'write stdout, grpcs://HOST:PORT, unix:/PATH, or grpc://127.0.0.1:PORT: in clear text only to this machine.',
      );
    return [...(previous ?? []), value];
  });

/** A Go-style duration such as `30s`, as milliseconds. */
export function durationArgument(text: string): number {
  const milliseconds = parseDurationMs(text);
  if (milliseconds === undefined || milliseconds <= 0) {
    throw new InvalidArgumentError('write a duration such as 30s or 2m.');
  }
  return milliseconds;
}

export function portArgument(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('write a port between 0 and 65535 (0: any free one).');
}

/** `HOST:PORT`, with brackets around an IPv6 address. */
export function listenArgument(text: string): string {
  if (/^(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}$/.test(text) && Number(text.split(':').at(-1)) <= 65_535)
    return text;
  throw new InvalidArgumentError('write HOST:PORT, for instance 127.0.0.1:15010.');
}

/** Without it metrics are for those who have the token of the state directory. */
export const openMetricsOption = (): Option =>
  new Option(
    '--open-metrics',
    'let everybody who reaches a port read its metrics (default: with the token in run/metrics.token)',
  );
