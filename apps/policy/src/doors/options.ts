// What the doors need of the process behind them. The rule: a door asks for the engine at every call, so that a new configuration takes effect between two of them.
import type { Authenticator } from '@xebec/ca';
import type { PolicyEngine, Vocabulary } from '@xebec/policy';
import type { Registry } from 'prom-client';
import type { DoorLimits } from './limits.ts';
import type { WorkloadDirectory } from './workload-directory.ts';

/**
 * Who calls in plaintext without proof of identity: `refused`; `apps`: they may call, as nobody; `proxies`: they are believed
 * like proxies, for tests and programs of one machine.
 */
export type PlaintextCallers = 'refused' | 'apps' | 'proxies';

/** What a program may ask for. */
export const asks = ['check', 'report', 'quota'] as const;
export type Ask = (typeof asks)[number];

export interface DoorOptions {
  /** The configuration in force. */
  readonly engine: () => PolicyEngine;
  /** Names and types of attributes in force. */
  readonly vocabulary: () => Vocabulary;
  /** Who is calling; the first identity found counts. */
  readonly authenticators: readonly Authenticator[];
  readonly plaintextCallers: PlaintextCallers;
  /** Of `apps` without proof of identity; absent: everything. */
  readonly anonymousMay?: readonly Ask[];
  /** What is known of workloads. */
  readonly workloads: WorkloadDirectory;
  /** Where the doors' metrics are registered; absent: nobody sees them. */
  readonly metrics?: Registry;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly limits?: Partial<DoorLimits>;
}
