// The public surface of supervise.
export { cacheDirectoryOf, type LocatedEnvoy, type LocateEnvoyOptions, locateEnvoy } from './envoy/locate.ts';
export { pinnedEnvoyVersion } from './envoy/pin.ts';
export type { EnvoyProgress } from './envoy/search.ts';
export { acquireStateLock, type LockHolder, readLockHolder, type StateLock } from './lock/state-lock.ts';
export { askGrpc } from './probe/ask-grpc.ts';
export { attemptProbe } from './probe/attempt.ts';
export { type Probe, type ProbeOptions, startProbe } from './probe/probe.ts';
export type { ProbeAction, ProbeAnswer, ProbeSpec, ProbeTarget } from './probe/spec.ts';
export { type Guard, type GuardOptions, startGuard } from './process/guard.ts';
export { identifyProcess, isAlive, type ProcessIdentity } from './process/identity.ts';
export type { LogFileOptions } from './process/log-file.ts';
export type { Ending, RestartPolicy } from './process/restart-policy.ts';
export {
  type ProcessSpec,
  type ProcessState,
  type SupervisedProcess,
  type Surroundings,
  superviseProcess,
} from './process/supervised-process.ts';
export { type CommandOptions, type CommandOutcome, type RunCommand, runCommand } from './run-command.ts';
export { systemTimers, type Timers } from './timers.ts';
