// The public surface of policy-service.
export { doorServerOptions } from './doors/limits.ts';
export { type Ask, asks, type DoorOptions, type PlaintextCallers } from './doors/options.ts';
export { type DoorServers, type Doors, registerDoors } from './doors/register.ts';
export {
  type KnownService,
  type KnownWorkload,
  noWorkloads,
  type WorkloadDirectory,
} from './doors/workload-directory.ts';
export type { PolicyServiceEvent, PolicyServiceHandle, PolicyServiceOptions } from './options.ts';
export { policyAccount, runPolicyService } from './run.ts';
