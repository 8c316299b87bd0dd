// One Envoy as a process: how it is called, where its logs go, and how soon it is back after a crash.
import {
  type Ending,
  type ProcessSpec,
  type SupervisedProcess,
  type Surroundings,
  superviseProcess,
} from '@xebec/supervise';

export interface EnvoyProcessOptions {
  readonly name: string;
  readonly envoyPath: string;
  readonly bootstrapPath: string;
  /** Worker threads; 0: as many as there are cores. */
  readonly concurrency?: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs the command in the workload's place. */
  readonly wrapCommand: (command: readonly string[]) => readonly string[];
  readonly logs: { readonly access: string; readonly envoy: string };
  /** How long listeners go on accepting once draining has begun. */
  readonly drainMs: number;
  readonly surroundings: Surroundings;
  readonly onStart: () => void;
  readonly onExit: (ending: Ending) => void;
}

const usualConcurrency = 2;
const stopTimeoutMs = 5_000;
/** A proxy that crashes is back within two seconds, however often it does. */
const restart = { when: 'always', firstDelayMs: 200, longestDelayMs: 1_500 } as const;

/** Starts it and keeps it running with the same bootstrap. Throws only if a log file cannot be opened. */
export function startEnvoy(options: EnvoyProcessOptions): SupervisedProcess {
  const [command = options.envoyPath, ...args] = options.wrapCommand([
    options.envoyPath,
    ...envoyArguments(options),
  ]);
  const spec: ProcessSpec = {
    name: options.name,
    command,
    args,
    env: options.environment,
    cwd: '/',
    stdout: { path: options.logs.access },
    stderr: { path: options.logs.envoy },
    restart,
    stopTimeoutMs,
    onStart: options.onStart,
    onExit: options.onExit,
  };
  return superviseProcess(spec, options.surroundings);
}

const envoyArguments = ({
  bootstrapPath,
  drainMs,
  concurrency = usualConcurrency,
}: EnvoyProcessOptions): readonly string[] => [
  '--config-path',
  bootstrapPath,
  // Many proxies share a machine, and a restart is a new process: there is nothing to hand over.
  '--disable-hot-restart',
  '--concurrency',
  String(concurrency),
  '--log-level',
  'warning',
  '--drain-strategy',
  'immediate',
  '--drain-time-s',
  String(Math.max(1, Math.ceil(drainMs / 1_000))),
  '--file-flush-interval-msec',
  '500',
];
